#!/usr/bin/env bash
# Runs the same tests with sets of features other than the default.
source "$(dirname "$0")/lib.sh"

failed=0
check() {
    echo "+ cargo test $*"
    # --no-fail-fast, and then the next set: one log with all failures. cargo-lockprof's tests build
    # programs and have no features, so the default set is enough.
    cargo test --quiet --no-fail-fast --workspace --exclude cargo-lockprof "$@" || failed=1
}

check --no-default-features
# lockprof links no locks, so these features change nothing in it.
check --features "$all_features otlp" --exclude nexus-lockprof-cli
# send_guard changes only who may release a guard, so only what has guards is run, without the slow
# tests of counts, budget and deadlocks, in which guards stay where they are.
echo "+ send_guard"
cargo test --quiet --no-fail-fast --package nexus-lockprof-tests --package nexus-lockprof \
    --package nexus-lockprof-adaptor --features send_guard -- \
    --skip budget:: --skip conservation:: --skip deadlock:: || failed=1
# The endpoint without profiled locks.
echo "+ serve without profile"
cargo test --quiet --package nexus-lockprof-tests --no-default-features --features serve --test it serve_off || failed=1
exit "$failed"
