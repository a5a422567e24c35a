#!/usr/bin/env bash
# Runs the same tests with sets of features other than the default.
source "$(dirname "$0")/lib.sh"

# The slowest tests, which no feature concerns; `test` runs them with the default set. They are long
# series of numbers in one thread, crowds of programs and of threads, and hostile files. Of the tests
# of conservation, one stays: it goes through all modes.
slowest=()
for name in ranks_stay_near_over_many_collections ranks_are_near_in_19_of_20_trials governor::tests \
    deadlock::none conservation::in_the_global_engine conservation::with_no_room_for_most_points \
    conservation::exact conservation::counts conservation::sampled \
    children_are_forked_off_while_threads_come_and_go caps_that_are_reached_leave_room_for_what_comes_late \
    a_signal_handler_tries_locks_at_each_step memory_after_ten_thousand a_megabyte_costs_a_hundred \
    sums_over_series_are_the_snapshots_whatever_is_folded; do
    slowest+=(--skip "$name")
done

failed=0
check() {
    echo "+ cargo test $*"
    # --no-fail-fast, and then the next set: one log with all failures. cargo-lockprof's tests build
    # programs and have no features, so the default set is enough.
    cargo test --quiet --no-fail-fast --workspace --exclude cargo-lockprof "$@" -- "${slowest[@]}" || failed=1
}

check --no-default-features
# lockprof links no locks, so these features change nothing in it.
check --features "$all_features otlp" --exclude nexus-lockprof-cli
# send_guard changes only who may release a guard, so only what has guards is run, without the slow
# tests of counts, budget and deadlocks, in which guards stay where they are.
echo "+ send_guard"
cargo test --quiet --no-fail-fast --package nexus-lockprof-tests --package nexus-lockprof \
    --package nexus-lockprof-adaptor --features send_guard -- \
    "${slowest[@]}" --skip budget:: --skip conservation:: --skip deadlock:: || failed=1
# The endpoint without profiled locks.
echo "+ serve without profile"
cargo test --quiet --package nexus-lockprof-tests --no-default-features --features serve --test it serve_off || failed=1
exit "$failed"
