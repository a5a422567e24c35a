#!/usr/bin/env bash
# What an uncontended operation executes, against the bare lock's: as many locked instructions, and no more
# instructions than ci/instructions.baseline says. `--bless` writes that file.
#
# Executed, and not found in the disassembly: a function also has the paths that it does not take, with locked
# instructions of their own. callgrind counts the executions of each address, objdump says what is there.
source "$(dirname "$0")/lib.sh"

command=instructions
[[ ${1-} == --bless ]] && command=bless

if [[ $(uname -m) != x86_64 ]]; then
    echo "skipped: knows x86-64's instructions only"
    exit 0
fi
ci/tools.sh
scratch
cargo build --release --package nexus-lockprof-benches --bin gate-paths --bin gate-check

# --collect-atstart, --toggle-collect, --dump-after: a profile for each call of lockprof_measured, and nothing else.
# --dump-instr: by address. --dump-line, --compress-*: only to make the files easy to read.
measure() {
    rm -f "$work"/profile*
    valgrind --tool=callgrind --callgrind-out-file="$work/profile" \
        --collect-atstart=no --toggle-collect=lockprof_measured --dump-after=lockprof_measured \
        --dump-instr=yes --dump-line=no --compress-strings=no --compress-pos=no \
        "$target/release/gate-paths" >"$work/calls" 2>"$work/log" || {
        cat "$work/log"
        exit 1
    }
    "$target/release/gate-check" "$command" "$work/calls" "$work/profile" ci/instructions.baseline
}

# A thread that is preempted while it times itself is told other costs by the clock, and samples more often for a while: that
# is in one run. What the code has become is in every run.
runs=3
[[ $command == bless ]] && runs=1
for ((run = 1; run <= runs; run++)); do
    if measure; then
        exit 0
    fi
    echo "run $run of $runs is over the baseline"
done
exit 1
