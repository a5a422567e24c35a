#!/usr/bin/env bash
# Uses `lockprof top` as people do: in a terminal (tmux), on a running program, by its keys. Each
# step waits for the screen to show its result. After every way to end, the terminal must be as
# before.
source "$(dirname "$0")/terminal.sh"

debian curl=curl jq=jq
# SIGQUIT, one of the ways to end, would dump core.
ulimit -c 0

has() {
    screen | grep --quiet --extended-regexp -- "$1"
}
lacks() {
    # Not while the screen is being redrawn: a blank screen lacks everything.
    screen >"$work/screen" && grep --quiet . "$work/screen" && ! grep --quiet --extended-regexp -- "$1" "$work/screen"
}
expect() {
    until_true "the screen shows /$1/" has "$1"
    echo "ok: $2"
}
expect_not() {
    until_true "the screen does not show /$1/" lacks "$1"
    echo "ok: $2"
}
keys() {
    terminal send-keys -t top "$@"
}
# Types its argument literally.
typed() {
    terminal send-keys -t top -l "$1"
}
is() {
    [[ $(terminal display-message -p -t top "$1") == "$2" ]]
}
# The first lock in the table.
first() {
    [[ $(screen | grep -A1 '^lock' | tail -1 | cut -d' ' -f1) == "$1" ]]
}
config() {
    curl --silent --unix-socket "$socket" http://localhost/config | jq --exit-status "$1"
}

# A shell in the terminal. Saves its settings for comparison.
shell() {
    terminal new-session -d -s top -x 120 -y 35 "env -u RUST_BACKTRACE PS1='turn \$turn ended \$? ready> ' PATH='$bin:$PATH' bash --norc --noprofile"
    terminal set-option -g remain-on-exit on
    expect 'ready>' "a shell"
    run "stty -g >'$work/before'"
}
# Runs a command in the shell. The prompt shows the number and exit code of the last one.
turn=0
run() {
    turn=$((turn + 1))
    keys C-u
    typed "turn=$turn; clear; $1"
    keys Enter
}
ended() {
    expect "^turn $turn ended $1 ready>" "$2"
}
run_top() {
    run "${1:-}lockprof top ${2:-unix:$socket}"
    is_alternate
    expect "${3:-threads waiting}" "lockprof top ${1:-}${2:-}"
}
is_alternate() {
    until_true "the alternate screen is used" is '#{alternate_on}' 1
}
restored() {
    until_true "the alternate screen is left" is '#{alternate_on}' 0
    until_true "the cursor is seen" is '#{cursor_flag}' 1
    run "stty -g >'$work/after'"
    ended 0 "the shell goes on"
    until_true "the terminal's settings are as before" cmp "$work/before" "$work/after"
    echo "ok: the terminal is as before"
}
# The process that draws the screen.
top_pid() {
    pgrep --full "^lockprof top" | head -1
}

start
shell

echo "--- the table"
run_top
expect '^hot .* ex .*[0-9]' "the hot lock"
expect '^日本語 ' "a name that is wide"
expect 'wait/s▼' "sorted by wait"
until_true "hot is first" first hot
keys '>'
expect 'wait p95▼' "> sorts by the next column"
keys Left Left
expect 'ratio▼' "the arrows do, too"
typed L
expect 'lock▲' "a letter sorts by its column"
until_true "hot is first of the names" first hot
typed r
expect 'lock▼' "r reverses"
until_true "日本語 is the last of the names" first 日本語
typed A
expect 'acq/s▼' "a letter sorts by its column"
until_true "what is locked most is first" first 日本語
expect 'last [0-9.]+m?s' "rates are of the last interval"
typed t
expect '  totals: [0-9a-z. ]+ since' "t shows totals"
typed tW

echo "--- the filter"
typed /WAR
expect '^filter: WAR' "the filter is written"
expect_not '^hot ' "and is live"
expect '^warm ' "warm is left"
keys Enter
expect '^filter: WAR.*help' "it is kept"
keys Escape
expect '^hot ' "Esc clears it"

echo "--- a point"
keys Home
expect '^hot  exclusive  at .*watched.rs:[0-9]+:[0-9]+' "the selected point is below the table"
keys Enter
expect 'Esc back' "Enter shows all about it"
expect 'wait times +hold times' "both distributions"
expect '^last [0-9.]+m?s +p50 +p90 +p95' "percentiles, and of what time they are"
expect '[0-9]+(ns|µs|ms) – .*[█▏▎▍▌▋▊▉]' "bars"
keys Right
expect '^[^ ]+  [a-z]+  at .*watched.rs' "the next point"
keys Escape
expect 'wait/s▼' "Esc goes back"
expect 'rates, p95: last [0-9.]+m?s  [0-9a-z. ]+ since start' "of what time the figures are"

echo "--- the other views"
typed 2
expect '^threads by waited, in the last interval' "2 shows threads"
expect '^  thread .*acq +contention +waited' "their columns"
expect '^  watched \([0-9]+\) .*%' "and the threads of the program"
typed t
expect '^threads by waited, since the start' "t shows totals there"
keys Right
expect '^threads by contentions, since the start' "an arrow sorts them"
typed r
expect '^threads by contentions, reversed, ' "r reverses"
typed r
keys Left
expect '^threads by waited, since the start' "and back"
typed 1
keys Home
typed 3
expect '^instances by waited, since the start' "3 shows instances"
expect '^  [0-9a-f]+ +[<>]?[0-9.]+% .* waits?' "the lock, by its address"
typed t
typed 4
expect '^no locks were seen in orders that can deadlock' "4 shows the order of locks"
typed 5
expect '^all locks' "5 shows the history"
expect '^  peak [0-9:]+ to [0-9:]+ UTC: waited .* intervals' "peaks"
expect '^  [▁▂▃▄▅▆▇█·]+$' "and bars"
keys Tab
expect 'wait/s▼' "Tab goes on to the locks"
keys BTab
expect '^all locks' "and Shift-Tab back"
terminal resize-window -t top -x 40 -y 10
expect '^all locks' "on a small terminal"
terminal resize-window -t top -x 120 -y 35
keys Escape
expect 'wait/s▼' "Esc goes to the locks"

echo "--- help, pause"
typed '?'
expect 'Esc closes this' "? helps"
terminal resize-window -t top -x 80 -y 24
expect 'acq/s .*had to wait' "all of it is on a small terminal: the figures"
expect 'select a point .*totals' "and the keys"
expect 'Esc closes this' "and how to close it"
terminal resize-window -t top -x 120 -y 35
keys Space
sleep 0.5
has 'Esc closes this' || fail "another key closes the help"
keys Escape
expect_not 'Esc closes this' "Esc closes it"
lacks PAUSED || fail "a key did what it does behind the help"
keys Space
expect PAUSED "Space pauses"
elapsed=$(screen | grep --only-matching --extended-regexp '[0-9.]+s since' || true)
sleep 2
[[ $(screen | grep --only-matching --extended-regexp '[0-9.]+s since' || true) == "$elapsed" ]] || fail "a pause goes on"
keys Space
expect_not PAUSED "and goes on"

echo "--- the target is told"
typed me
until_true "the target's mode is exact" config '.mode == "exact"'
expect 'mode exact' "the mode"
typed ms
expect 'mode sampled' "and back"
typed b2.5%
keys Enter
until_true "the target's budget is 2.5 %" config '.budget == 0.025'
expect 'budget 2.5%' "the budget"
typed b1000
keys Enter
expect 'budget=1000%: .+' "a bad budget is refused, in the target's words"
typed R
expect 'Reset the statistics of' "R asks"
typed n
expect_not 'Reset the statistics of' "n does not"
expect 'since start' "and nothing is reset"
typed Ry
expect 'since reset' "y resets"

echo "--- sizes"
for size in 80x24 200x50 60x8 40x10 10x3 2x2 1x1 300x5 120x35; do
    terminal resize-window -t top -x "${size%x*}" -y "${size#*x}"
    case $size in
    10x3 | 2x2 | 1x1) sleep 0.3 ;; # nothing there to be read
    *) expect '^hot ' "$size" ;;
    esac
done

echo "--- the target dies, and is there again"
stop
expect 'GONE for [0-9]+ s' "it is gone"
expect '^hot ' "its last figures stay"
typed m
expect 'the target is gone' "it cannot be told anything"
keys Escape
start
expect_not 'GONE' "it is back"
expect 'started anew: process [0-9]+' "as another process"
expect '^hot ' "with figures"

echo "--- the screen was written on by another"
terminal run-shell -t top "printf 'somebody else' >\$(tmux -S '$work/tmux' display-message -p -t top '#{pane_tty}')"
expect 'somebody else' "what another has written"
keys C-l
expect_not 'somebody else' "Ctrl-L draws all of it again"

echo "--- the shell and back"
keys C-z
expect Stopped "Ctrl-Z stops it"
restored
typed fg
keys Enter
is_alternate
expect '^hot ' "fg continues it"
# SIGSTOP, so that it cannot restore the terminal.
kill -STOP "$(top_pid)"
expect Stopped "SIGSTOP stops it"
run bg
ended 0 "it goes on in the background"
sleep 1.5
lacks 'threads waiting' || fail "it draws from the background"
run fg
expect '^hot ' "fg brings it back"
typed '?'
expect 'Esc closes this' "with its keys"
keys Escape
expect '^hot ' "and all of its screen"
is_alternate

echo "--- every way to end"
typed q
ended 0 "q"
restored
run_top
keys C-c
ended 0 "Ctrl-C"
restored
for signal in TERM HUP INT QUIT; do
    run_top
    kill -"$signal" "$(top_pid)"
    ended $((128 + $(kill -l "$signal"))) "SIG$signal"
    restored
done
for place in draw fetch; do
    rm -f "$work/panic"
    run_top "LOCKPROF_TOP_PANIC=$place:$work/panic "
    touch "$work/panic"
    ended 101 "a panic in $place"
    expect "a panic was asked for in $place" "its message"
    restored
done

echo "--- no colours"
run_top "NO_COLOR=1 "
expect '^hot ' "figures"
if terminal capture-pane -e -p -t top | grep --extended-regexp $'\e\\[([0-9;]*;)?(3[0-7]|4[0-7]|9[0-7]|38|48)[;m]'; then
    fail "NO_COLOR has colours"
fi
typed q
ended 0 "q"
run_top
expect '^hot ' "figures"
terminal capture-pane -e -p -t top | grep --quiet --extended-regexp $'\e\\[([0-9;]*;)?(3[0-7]|9[0-7]|38)[;m]' || fail "no colours without NO_COLOR"
typed q
ended 0 "q"

echo "--- locks in both orders"
env -u LOCKPROF LOCKPROF_SERVE="unix:$work/stuck.sock" "$bin/stuck" deadlock &
stuck=$!
until_true "the program serves" test -S "$work/stuck.sock"
run_top "" "unix:$work/stuck.sock" 'Waiting now: 2 threads'
typed 4
expect '^Potential deadlock: 2 locks' "a potential deadlock"
expect 'held accounts \(.*stuck.rs:[0-9]+\) and acquired audit \(.*stuck.rs:[0-9]+\)' "with both places"
typed 2
expect '^threads by waited, ' "its threads"
expect '^accounts: held by transfer \([0-9]+\)' "who holds, above them"
typed q
ended 0 "q"
kill -KILL "$stuck"
wait "$stuck" 2>/dev/null || true

echo "--- files, and what is none"
run "lockprof snapshot unix:$socket -o $work/a.lockprof"
ended 0 "a file is written"
run_top "" "$work/a.lockprof" 'FILE \(it does not change\)'
expect '^hot ' "its figures"
typed R
expect 'a file cannot be told anything' "it cannot be told anything"
typed q
ended 0 "q"
run_top "" "unix:$work/none.sock" 'not there, for [0-9]+ s'
expect 'none.sock' "why"
typed q
ended 0 "q"
run "lockprof top unix:$socket | cat"
expect 'needs a terminal' "no terminal"
run "lockprof top --interval 1 unix:$socket"
ended 2 "a bad interval"
expect 'such as 500ms' "and what is wrong with it"
echo "lockprof top: all as it must be"
