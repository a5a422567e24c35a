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

# The packages with features of their own. The others are the same in every set: `test` runs them.
packages=()
for name in nexus-lockprof nexus-lockprof-{adaptor,engine,export,tests}; do
    packages+=(--package "$name")
done
# Those with guards.
guards=(--package nexus-lockprof --package nexus-lockprof-adaptor --package nexus-lockprof-tests)

failed=0
check() {
    echo "+ cargo test $*"
    # --no-fail-fast, and then the next set: one log with all failures.
    cargo test --quiet --no-fail-fast "$@" -- "${slowest[@]}" "${more[@]}" || failed=1
}

more=()
check "${packages[@]}" --no-default-features
check "${packages[@]}" --features "$all_features otlp"
# send_guard changes only who may release a guard.
more=(--skip budget:: --skip conservation:: --skip deadlock:: --skip blame:: --skip hot:: --skip slow:: --skip statistics:: --skip std_api:: --skip tokio_api::)
check "${guards[@]}" --features send_guard
# The endpoint without profiled locks.
echo "+ serve without profile"
cargo test --quiet --package nexus-lockprof-tests --no-default-features --features serve --test it serve_off || failed=1
exit "$failed"
