#!/usr/bin/env bash
# No warning of rustc or clippy, in any set of features. Denied here and not in the source, where a new compiler's new
# warning would break the build of whoever uses us.
source "$(dirname "$0")/lib.sh"

failed=0
check() {
    echo "+ cargo clippy $*"
    # --keep-going, and on to the next set: one log with all that is wrong.
    cargo clippy --quiet --keep-going --workspace --all-targets "$@" -- --deny warnings || failed=1
}

check
check --no-default-features
check --features "$all_features otlp"
check --features "${all_features/deadlock_detection/send_guard}"
exit "$failed"
