#!/usr/bin/env bash
# No warning of rustc or clippy, with any set of features. Denied here and not in the source, where
# a new compiler's new warning would break our users' builds.
source "$(dirname "$0")/lib.sh"

failed=0
check() {
    echo "+ cargo clippy $*"
    # --keep-going, and then the next set: one log with all errors.
    cargo clippy --quiet --keep-going --workspace --all-targets "$@" -- --deny warnings || failed=1
}

check
check --no-default-features
check --features "$all_features otlp"
check --features "${all_features/deadlock_detection/send_guard}"
exit "$failed"
