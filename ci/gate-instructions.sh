#!/usr/bin/env bash
# Compares the instructions that an uncontended operation executes with the bare lock's: as many
# locked instructions, and at most as many instructions as ci/instructions.baseline says. `--bless`
# writes that file.
#
# It counts executed instructions. The disassembly of a function also has paths that are not taken,
# with their own locked instructions. callgrind counts the executions of each address, and objdump
# shows the instruction there.
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

# --collect-atstart, --toggle-collect, --dump-after: profile only the calls of lockprof_measured.
# --dump-instr: by address. --dump-line, --compress-*: only make the files easy to read.
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

# A thread that is preempted while it times itself measures wrong costs, and samples more often for
# a while. That affects one run; a change of the code affects every run.
runs=3
[[ $command == bless ]] && runs=1
for ((run = 1; run <= runs; run++)); do
    if measure; then
        exit 0
    fi
    echo "run $run of $runs is over the baseline"
done
exit 1
