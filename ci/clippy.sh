#!/usr/bin/env bash
# No warning of rustc or clippy, in any set of features. Denied here and not in the source, where a new compiler's new
# warning would break the build of whoever uses us.
source "$(dirname "$0")/lib.sh"

check() {
    echo "+ cargo clippy $*"
    cargo clippy --quiet --workspace --all-targets "$@" -- --deny warnings
}

check
check --no-default-features
check --features "$all_features"
check --features "${all_features/deadlock_detection/send_guard}"
