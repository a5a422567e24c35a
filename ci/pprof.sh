#!/usr/bin/env bash
# Go's pprof reads our profiles: of a snapshot with everything in it, and of two runs of a program
# that records its call stacks. Each report works, the sums equal the snapshot's to the unit, and
# the difference of two profiles is that of their snapshots.
source "$(dirname "$0")/lib.sh"

debian go=golang-go dot=graphviz jq=jq curl=curl python3=python3

work=$(mktemp -d)
pids=()
finish() {
    local pid
    for pid in "${pids[@]}"; do
        # It may have ended already.
        kill "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$work"
}
trap finish EXIT
# Where pprof keeps settings and fetched files.
export XDG_CONFIG_HOME=$work PPROF_TMPDIR=$work

failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
pprof() {
    go tool pprof "$@" 2>"$work/complaints" || {
        cat "$work/complaints"
        fail "go tool pprof $*"
    }
    # If it finds no names, it complains and goes on.
    if grep --ignore-case --extended-regexp 'fail|error|no such|symboliz' "$work/complaints"; then
        fail "go tool pprof $*"
    fi
}
# Fails unless pprof's output contains a text.
says() {
    local text=$1
    shift
    pprof "$@" >"$work/said"
    grep --quiet --fixed-strings -e "$text" "$work/said" || {
        cat "$work/said"
        fail "no \"$text\" in go tool pprof $*"
    }
}

programs
convert=$target/debug/examples/convert

# The field of a point behind each sample type.
fields() {
    case $1 in
        block) echo '.contentions .wait.total_ns .hold.total_ns' ;;
        mutex) echo '.blocked .caused_wait_ns .hold.total_ns' ;;
    esac
}
# The sums of a snapshot's points, in the order of the sample types.
snapshot_sums() {
    local field
    for field in $(fields "$1"); do
        jq "[.points[] | $field // 0] | add" "$2"
    done | paste --serial --delimiters ' '
}
# The same for a profile: the values before the colon of each sample.
profile_sums() {
    pprof -raw "$@" | awk '/^Locations/ { exit } /^ *-?[0-9]+ +-?[0-9]+ +-?[0-9]+:/ { sub(":", "", $3); for (i = 1; i <= 3; i++) sum[i] += $i } END { printf "%.0f %.0f %.0f\n", sum[1], sum[2], sum[3] }'
}

cp crates/nexus-lockprof-export/tests/golden/rich.json "$work/rich.json"
for run in first second; do
    # Exact, so that only the shares of the stacks are estimates.
    LOCKPROF=exact LOCKPROF_STACKS=on LOCKPROF_OUT=$work/$run.json "$target/debug/child" stacks
done
for name in rich first second; do
    for kind in block mutex; do
        profile=$work/$name.$kind.pb.gz
        "$convert" "$kind" "$work/$name.json" >"$profile"
        expected=$(snapshot_sums "$kind" "$work/$name.json")
        found=$(profile_sums "$profile")
        echo "$name, $kind: contentions, delay and hold are $found, the snapshot's $expected"
        [[ $found == "$expected" ]] || fail "they are not the same"
        read -r contentions delay hold <<<"$expected"
        says "of $contentions total" -top -sample_index=contentions "$profile"
        # The default sample type.
        says "of ${delay}ns total" -top -unit=ns "$profile"
        says "of ${hold}ns total" -top -unit=ns -sample_index=hold "$profile"
    done
done

echo "--- the reports"
block=$work/first.block.pb.gz
pprof -top "$block"
says 'first_caller' -traces "$block"
says 'second_caller' -traces "$block"
says 'shared at tests/src/bin/child/stacks.rs:' -traces "$block"
says 'mode:  exclusive' -traces "$block"
says 'lock:[shared] mode:[exclusive]' -raw "$block"
# The source, with the wait of each line.
says '*SHARED.lock() += 1;' -list 'shared at' "$block"
says 'wrapper' -peek 'shared at' "$block"
says 'exclusive' -tags "$block"
says 'of 43 total' -top -tagfocus=lock=sessions -sample_index=contentions "$work/rich.block.pb.gz"
says 'accounting for 41, 95.35%' -top -tagfocus=lock=sessions -sample_index=contentions "$work/rich.block.pb.gz"
says 'LOST 12 events: points_full 10, reentrant 2' -comments "$work/rich.block.pb.gz"
says 'mode sampled (budget 1.5%)' -comments "$work/rich.mutex.pb.gz"
# Inlined functions.
says '(inline)' -traces "$work/rich.block.pb.gz"
pprof -svg -output "$work/graph.svg" "$block"
grep --quiet '<svg' "$work/graph.svg" && grep --quiet first_caller "$work/graph.svg" || fail "the graph"

echo "--- the difference"
for kind in block mutex; do
    read -r a b c <<<"$(snapshot_sums "$kind" "$work/first.json")"
    read -r d e f <<<"$(snapshot_sums "$kind" "$work/second.json")"
    expected="$((d - a)) $((e - b)) $((f - c))"
    found=$(profile_sums -diff_base "$work/first.$kind.pb.gz" "$work/second.$kind.pb.gz")
    echo "$kind: $found, of the snapshots: $expected"
    [[ $found == "$expected" ]] || fail "they are not the same"
done
[[ $(profile_sums -diff_base "$block" "$block") == "0 0 0" ]] || fail "a profile differs from itself"
pprof -top -diff_base "$block" "$work/second.block.pb.gz" | head -12

echo "--- the pages"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
go tool pprof -http="127.0.0.1:$port" -no_browser "$block" >"$work/log" 2>&1 &
pids+=($!)
for page in top flamegraph peek; do
    curl --fail --silent --show-error --retry 20 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$port/ui/$page" >"$work/page" || fail "/ui/$page"
    grep --quiet first_caller "$work/page" || fail "no first_caller in /ui/$page"
done

echo "--- a running program"
mkfifo "$work/input"
# Exact: of few sampled waits, one place may have none in two seconds.
LOCKPROF=exact LOCKPROF_STACKS=on "$target/debug/scraped" 30 <"$work/input" >"$work/counts" &
pids+=($!)
exec 3>"$work/input"
until program=$(head -1 "$work/counts") && [[ -n $program ]]; do
    kill -0 "${pids[-1]}"
    sleep 0.1
done
# pprof gives up after three seconds, and the symbols of the first stacks may take longer to read.
fetch=(-timeout 60 -top)
for kind in block mutex; do
    says 'queue at tests/src/bin/scraped.rs:' "${fetch[@]}" "http://$program/debug/pprof/$kind?seconds=2"
    says 'Duration: 2' "${fetch[@]}" "http://$program/debug/pprof/$kind?seconds=2"
done
says 'scraped::work' -traces "http://$program/debug/pprof/block"
exec 3>&-

exit "$failed"
