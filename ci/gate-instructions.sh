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
benches --bin gate-paths --bin gate-check

# --collect-atstart, --toggle-collect, --dump-after: profile only the calls of lockprof_measured.
# --dump-instr: by address. --dump-line, --compress-*: only make the files easy to read.
runs=()
measure() {
    local run=$work/run-$((${#runs[@]} + 1))
    valgrind --tool=callgrind --callgrind-out-file="$run" \
        --collect-atstart=no --toggle-collect=lockprof_measured --dump-after=lockprof_measured \
        --dump-instr=yes --dump-line=no --compress-strings=no --compress-pos=no \
        "$target/release/gate-paths" >"$work/calls" 2>"$work/log" || {
        cat "$work/log"
        exit 1
    }
    runs+=("$run")
}
check() {
    "$target/release/gate-check" "$1" "$work/calls" ci/instructions.baseline "${runs[@]}"
}

# What is not the code only adds: a thread that is preempted while it times itself measures wrong
# costs, samples more often for a while, and has longer holds. So the least of several runs counts.
most=8
for ((run = 1; run <= most; run++)); do
    measure
    if [[ $command == instructions ]]; then
        check instructions && exit 0
        echo "over the baseline after $run of at most $most runs"
    fi
done
[[ $command == bless ]] && check bless
