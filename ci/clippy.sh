#!/usr/bin/env bash
# No warning of rustc or clippy, with any set of features. Denied here and not in the source, where
# a new compiler's new warning would break our users' builds.
source "$(dirname "$0")/lib.sh"

export CARGO_TARGET_DIR=$target/check

# The packages with features of their own: the others are the same in every set.
packages=()
for name in nexus-lockprof nexus-lockprof-{adaptor,benches,cli,engine,export,serve,snapshot,tests}; do
    packages+=(--package "$name")
done

failed=0
check() {
    echo "+ cargo clippy $*"
    # --keep-going, and then the next set: one log with all errors.
    cargo clippy --quiet --keep-going "$@" -- --deny warnings || failed=1
}

check --workspace --all-targets --features "$all_features otlp"
# Of these, only what depends on lock_api is checked again.
check --workspace --all-targets --features "${all_features/deadlock_detection/send_guard} otlp"
check "${packages[@]}" --all-targets --no-default-features
# Without tests: their warnings with this set show in everybody's `cargo test`.
check "${packages[@]}"
exit "$failed"
