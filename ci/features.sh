#!/usr/bin/env bash
# The same tests with other sets of features than the default.
source "$(dirname "$0")/lib.sh"

failed=0
check() {
    echo "+ cargo test $*"
    # --no-fail-fast, and on to the next set: one log with all that is wrong.
    # cargo-lockprof's tests build programs, and have no features: the default set is enough.
    cargo test --quiet --no-fail-fast --workspace --exclude cargo-lockprof "$@" || failed=1
}

check --no-default-features
# lockprof links no locks: what these features change, it does not have.
check --features "$all_features otlp" --exclude nexus-lockprof-cli
check --features send_guard --exclude nexus-lockprof-cli
# What is served without profiled locks.
echo "+ serve without profile"
cargo test --quiet --package nexus-lockprof-tests --no-default-features --features serve --test it serve_off || failed=1
exit "$failed"
