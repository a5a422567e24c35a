#!/usr/bin/env bash
# Sanitizers: `ci/sanitize.sh` runs ThreadSanitizer and AddressSanitizer (with LeakSanitizer) over
# the unit tests of the engine, in about four minutes. `ci/sanitize.sh all` adds those of adaptor and
# locks, the tests in tests/it, and valgrind over the chaos program: half an hour. First each tool
# must find defects planted in a program, which shows that it can find them.
source "$(dirname "$0")/lib.sh"

extent=${1:-quick}
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "FAILED: the sanitizers need a nightly toolchain: rustup toolchain install nightly"
    exit 1
fi
host=$(rustc -vV | sed -n 's/^host: //p')
scratch
base=$target
# Their handlers may run nested (SA_NODEFER). The engine sees that, and then does not let a thread
# allocate in a try.
no_handlers="handle_segv=0 handle_sigbus=0 handle_sigfpe=0"
export TSAN_OPTIONS="suppressions=$PWD/ci/sanitize/thread.supp exitcode=66 die_after_fork=0 $no_handlers"
# Detecting use after return costs a heap of fake stacks, which thousands of threads would fill.
export ASAN_OPTIONS="detect_leaks=1 detect_stack_use_after_return=0 $no_handlers"
export LSAN_OPTIONS="suppressions=$PWD/ci/sanitize/leak.supp print_suppressions=0"

# The flags of a sanitizer. std is not instrumented, since that needs its sources; hence the
# mismatch that is allowed. Generic code of std is compiled here, so it is instrumented.
flags() {
    local flags="-Zsanitizer=$1 -Cunsafe-allow-abi-mismatch=sanitizer -Zshare-generics=no --cfg crossbeam_sanitize"
    [[ $1 != thread ]] || flags+=" --cfg crossbeam_sanitize_thread --cfg lockprof_sanitize_thread"
    echo "$flags"
}

# `awake TOOL DEFECT TEXT`: the tool must report the planted defect with TEXT.
awake() {
    local log=$work/planted
    "$work/planted-$1" "$2" >"$log" 2>&1 || true
    grep --quiet "$3" "$log" && grep --quiet "planted.rs" "$log" || {
        cat "$log"
        echo "FAILED: $1 has not found the planted defect: $2"
        exit 1
    }
    echo "$1: found the planted defect: $2"
}

# `tests TOOL CARGO-ARGUMENTS...`: everything after a -- goes to the tests.
tests() {
    local tool=$1
    shift
    # Unoptimised code is too slow, and higher levels make reports unreadable.
    CARGO_TARGET_DIR=$base/sanitize/$tool CARGO_PROFILE_DEV_OPT_LEVEL=1 RUSTFLAGS=$(flags "$tool") \
        cargo +nightly test --quiet --locked --target "$host" "$@"
}

packages=(--package nexus-lockprof-engine --features nexus-lockprof-engine/stacks)
if [[ $extent == all ]]; then
    packages=(--package nexus-lockprof-engine --package nexus-lockprof-adaptor --package nexus-lockprof
        --features nexus-lockprof/stacks,nexus-lockprof/tokio,nexus-lockprof/arc_lock)
fi
for tool in thread address; do
    # shellcheck disable=SC2046
    rustc +nightly --edition 2024 -g $(flags "$tool") -o "$work/planted-$tool" ci/sanitize/planted.rs
    if [[ $tool == thread ]]; then
        awake thread race "WARNING: ThreadSanitizer: data race"
        awake thread relaxed "WARNING: ThreadSanitizer: data race"
    else
        awake address freed "ERROR: AddressSanitizer: heap-use-after-free"
        awake address leak "ERROR: LeakSanitizer: detected memory leaks"
    fi
    # The skipped tests are long series of numbers in one thread.
    tests "$tool" "${packages[@]}" --lib -- \
        --skip ranks_are_near --skip reservoir::tests --skip lifetime_sample::tests --skip governor::
    echo "$tool: the unit tests have nothing"
done
[[ $extent == all ]] || exit 0

# std_api takes std's own locks, which ThreadSanitizer cannot see into. The other omitted modules
# start programs, measure memory or read files. The skipped test waits for threads to park, which
# takes too long when each step is this slow.
in_tests=nexus-lockprof-tests/serve,nexus-lockprof-tests/stacks,nexus-lockprof-tests/tokio,nexus-lockprof-tests/arc_lock
tests thread --package nexus-lockprof-tests --test it --features "$in_tests" -- --test-threads 2 \
    --skip who_queues_behind_others_blames_each_for_its_hold conservation:: blame:: tokio_api:: hot:: statistics::
echo "thread: the integration tests have nothing"
tests address --package nexus-lockprof-tests --test it --features "$in_tests" -- --test-threads 2 \
    --skip who_queues_behind_others_blames_each_for_its_hold api:: conservation:: blame:: std_api:: tokio_api:: hot:: statistics::
echo "address: the integration tests have nothing"

if ! command -v valgrind >/dev/null; then
    debian valgrind=valgrind
fi
rustc --edition 2024 -g -o "$work/planted-memcheck-program" ci/sanitize/planted.rs
memcheck=(valgrind --tool=memcheck --quiet --error-exitcode=66 --fair-sched=yes --leak-check=full --errors-for-leak-kinds=definite
    --show-leak-kinds=definite)
printf '#!/bin/sh\nexec %s %s "$1"\n' "${memcheck[*]}" "$work/planted-memcheck-program" >"$work/planted-memcheck"
chmod +x "$work/planted-memcheck"
awake memcheck freed "Invalid read of size 8"
awake memcheck leak "definitely lost"
CARGO_PROFILE_RELEASE_LTO=$programs_lto CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true CARGO_TARGET_DIR=$base/chaos cargo build --quiet --release --locked --package nexus-lockprof-tests --features serve,tokio --bin chaos
# Rounds of each kind, longer than usual because valgrind is slow: strict, with full tables, with
# their own locks, with a clock that jumps.
for seed in 0 1 5 7 13 14 18 20; do
    RUST_BACKTRACE=0 "${memcheck[@]}" "$base/chaos/release/chaos" --round "$seed" 12 2>"$work/log" || {
        grep --invert-match 'an event handler panicked on' "$work/log" | tail -n 100
        echo "FAILED: memcheck, seed $seed"
        exit 1
    }
done
echo "memcheck: eight rounds of the chaos program have nothing"
