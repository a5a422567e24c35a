#!/usr/bin/env bash
# The same tests with other sets of features than the default.
source "$(dirname "$0")/lib.sh"

check() {
    echo "+ cargo test $*"
    cargo test --quiet --workspace "$@"
}

check --no-default-features
check --features "$all_features"
check --features send_guard
