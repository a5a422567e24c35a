#!/usr/bin/env bash
# Does at random, all at once, everything that a program may do to its profiler, and compares with
# the program's own counts: `ci/chaos.sh [SECONDS [SEED]]`, by default 45 seconds from seed 1. Run
# `ci/chaos.sh 1800 $RANDOM` by hand before a release. A failure names its seed; `ci/chaos.sh 0
# SEED` repeats only that round.
source "$(dirname "$0")/lib.sh"

if [[ $(uname) != Linux ]]; then
    echo "skipped: it forks, limits memory and writes to /dev/full as Linux does"
    exit 0
fi
# As fast as a release build, with the checks of a debug build.
# It is built only here, so it should be built fast, too.
export CARGO_PROFILE_RELEASE_LTO=$programs_lto CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true
export CARGO_TARGET_DIR=$target/chaos
cargo build --quiet --release --locked --package nexus-lockprof-tests --features serve,tokio --bin chaos
seconds=${1:-45} seed=${2:-1}
# tests/src/bin/chaos/plan.rs explains each fault. To leave some out: `CHAOS_FAULTS=forks,room
# ci/chaos.sh`.
faults=${CHAOS_FAULTS-forks,handlers,room,memory}
rounds=("$seconds" "$seed")
((seconds > 0)) || rounds=(--round "$seed")
# Hostile handlers panic by the thousand; the filter drops the report of each place.
if timeout "$((seconds + 400))" "$CARGO_TARGET_DIR/release/chaos" --faults "$faults" "${rounds[@]}" 2> >(grep --line-buffered --invert-match 'an event handler panicked on' >&2); then
    exit 0
fi
echo "FAILED: see above for the seed"
exit 1
