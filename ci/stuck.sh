#!/usr/bin/env bash
# Looks at programs that hang, as people do: with `lockprof report`, with `lockprof top`, in JSON, in
# `/metrics` and on the page. Each must name every thread that waits, and who holds its lock, with
# the lines.
source "$(dirname "$0")/terminal.sh"

debian curl=curl jq=jq
debian chromium=chromium

export XDG_RUNTIME_DIR=$work
program_source=tests/src/bin/stuck.rs
# Starts it. `lockprof` finds it by its number.
hang() {
    env -u LOCKPROF LOCKPROF_SERVE=unix "$bin/stuck" "$1" &
    program=$!
    socket=$work/lockprof/$program.sock
    until_true "the program serves" test -S "$socket"
}
# The place of the line with the comment `$1`.
at() {
    echo "$program_source:$(grep --line-number -- "// $1\$" "$program_source" | cut -d: -f1)"
}
# Fails unless the text `$2` has a line that matches `$1`.
has_line() {
    grep --quiet --extended-regexp -- "$1" <<<"$2" || fail "no line /$1/ in:
$2"
}
report() {
    "$bin/lockprof" report "$program" --width 120 "$@"
}
waiting() {
    curl --silent --unix-socket "$socket" http://localhost/snapshot
}
# Whether `$1` threads wait.
wait_there() {
    [[ $(waiting | jq '[.waiters[] | select(.holder)] | length') == "$1" ]]
}
metric() {
    curl --silent --unix-socket "$socket" http://localhost/metrics | grep "^$1{" | grep " [^ ]*[1-9][^ ]*\$" || true
}
# What a browser shows as the page's first section.
on_page() {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    env -u LOCKPROF LOCKPROF_SERVE="127.0.0.1:$port" "$bin/stuck" "$1" &
    program=$!
    until_true "the program serves" curl --silent --fail "http://127.0.0.1:$port/config"
    until_true "all wait" bash -c "[[ \$(curl --silent http://127.0.0.1:$port/snapshot | jq '.waiters | length') == 2 ]]"
    chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir="$work/chromium" \
        --virtual-time-budget=3000 --dump-dom "http://127.0.0.1:$port/" 2>"$work/chromium.log" |
        grep -A40 'id="waiting"' | sed -e 's/<li[^>]*>/\n/g' -e 's/<\/span><span>/  /g' -e 's/<[^>]*>//g' | sed '/Findings/q'
    stop
}

echo "--- two threads wait for each other"
hang deadlock
until_true "both wait" wait_there 2
text=$(report)
echo "$text"
has_line '^Waiting now: 2 threads$' "$text"
has_line "^audit: held by report \([0-9]+\) at $(at 'report has audit')\$" "$text"
has_line "^ +[0-9.ms ]+  transfer \([0-9]+\)  $(at 'transfer wants audit')\$" "$text"
has_line "^accounts: held by transfer \([0-9]+\) at $(at 'transfer has accounts')\$" "$text"
has_line "^ +[0-9.ms ]+  report \([0-9]+\)  $(at 'report wants accounts')\$" "$text"
[[ $text == *"Waiting now"*"lock "*"acq"* ]] || fail "who waits stands above the table"
has_line '^Potential deadlock: 2 locks were acquired in different orders' "$text"
echo "ok: report"
text=$(report --seconds 0.2)
has_line '^Waiting now: 2 threads$' "$text"
has_line 'No acquisition was recorded \(an interval of ' "$text"
echo "ok: report of an interval in which nothing happened"
text=$(report --lock audit)
has_line '^Waiting now: 1 thread$' "$text"
echo "ok: report of one lock"
"$bin/lockprof" snapshot "$program" -o "$work/stuck.lockprof"
has_line '^Waiting when it was taken: 2 threads$' "$("$bin/lockprof" report "$work/stuck.lockprof")"
echo "ok: a file keeps them"

report --format json | jq --exit-status '[.waiters[] | [.thread.name, .lock.named, .site.line, .holder.thread.name, .holder.site.line]] | sort == $expected' \
    --argjson expected "$(printf '[["report","accounts",%d,"transfer",%d],["transfer","audit",%d,"report",%d]]' \
        "$(at 'report wants accounts' | cut -d: -f2)" "$(at 'transfer has accounts' | cut -d: -f2)" \
        "$(at 'transfer wants audit' | cut -d: -f2)" "$(at 'report has audit' | cut -d: -f2)")" >/dev/null || fail "JSON: $(waiting | jq .waiters)"
echo "ok: JSON"

text=$(metric lockprof_waiters; metric lockprof_longest_wait_seconds)
echo "$text"
for place in "lock=\"audit\",site=\"$(at 'transfer wants audit')\"" "lock=\"accounts\",site=\"$(at 'report wants accounts')\""; do
    has_line "^lockprof_waiters\{$place,mode=\"exclusive\"\} 1\$" "$text"
    has_line "^lockprof_longest_wait_seconds\{$place,mode=\"exclusive\"\} [0-9.]+\$" "$text"
done
echo "ok: metrics"

terminal new-session -d -s top -x 100 -y 24 "env -u NO_COLOR '$bin/lockprof' top $program"
in_top() {
    screen >"$work/screen" && grep --quiet --extended-regexp -- "$1" "$work/screen"
}
for line in '^2 waiting now ' '^Waiting now: 2 threads$' \
    "^audit: held by report \([0-9]+\) at $(at 'report has audit')\$" "^ +[0-9.ms ]+  transfer \([0-9]+\)  $(at 'transfer wants audit')\$" \
    "^accounts: held by transfer \([0-9]+\) at $(at 'transfer has accounts')\$" "^ +[0-9.ms ]+  report \([0-9]+\)  $(at 'report wants accounts')\$"; do
    until_true "top shows /$line/" in_top "$line"
done
cat "$work/screen"
terminal kill-server
echo "ok: top"
stop

echo "--- one thread keeps a lock"
hang held
until_true "both wait" wait_there 2
text=$(report)
echo "$text"
has_line "^accounts: held by main \([0-9]+\) at $(at 'main has accounts')\$" "$text"
for name in first second; do
    has_line "^ +[0-9.ms ]+  $name \([0-9]+\) +$(at 'first and second want accounts')\$" "$text"
done
stop
echo "ok: report"

echo "--- the page"
text=$(on_page deadlock)
echo "$text"
has_line 'Waiting now: 2 threads' "$text"
has_line "^audit: held by report \([0-9]+\) at $(at 'report has audit')" "$text"
has_line "^[0-9.ms ]+  transfer \([0-9]+\)  $(at 'transfer wants audit')" "$text"
has_line "^accounts: held by transfer \([0-9]+\) at $(at 'transfer has accounts')" "$text"
has_line "^[0-9.ms ]+  report \([0-9]+\)  $(at 'report wants accounts')" "$text"
echo "ok: page"
