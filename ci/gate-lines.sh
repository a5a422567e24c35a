#!/usr/bin/env bash
# Two threads that use uncontended locks of their own must share no cache line that one of them
# writes, in any mode. lackey prints each address that is read or written. So this is what runs, not
# what the source says, on a machine with any number of processors.
source "$(dirname "$0")/lib.sh"

if [[ $(uname) != Linux ]]; then
    echo "skipped: valgrind's lackey runs on Linux"
    exit 0
fi
ci/tools.sh
scratch
benches --bin gate-lines --bin gate-check

# The trace has some ten million lines, of which instructions are not needed.
# valgrind puts a program at the same addresses each time.
mark=$(valgrind --quiet --tool=none "$target/release/gate-lines" --mark)
measure() {
    mkfifo "$work/trace"
    grep -a '^ ' <"$work/trace" | "$target/release/gate-check" lines "$mark" "$work/cases" >"$work/verdict" 2>&1 &
    local checker=$! failed=0
    valgrind --tool=lackey --basic-counts=no --trace-mem=yes --log-file="$work/trace" \
        "$target/release/gate-lines" "$@" >"$work/cases" || failed=1
    wait "$checker" || failed=1
    rm "$work/trace"
    return "$failed"
}

if measure --shared; then
    echo "FAILED: two threads with one lock share nothing: the check sees nothing"
    exit 1
elif ! grep -q 'one thread writes the line' "$work/verdict"; then
    cat "$work/verdict"
    exit 1
fi
measure || {
    cat "$work/verdict"
    exit 1
}
cat "$work/verdict"
