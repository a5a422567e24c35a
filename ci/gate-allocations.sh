#!/usr/bin/env bash
# No allocation after the first acquisition at a point, in optimised code. `cargo test` checks debug
# code.
source "$(dirname "$0")/lib.sh"

cargo test --release --package nexus-lockprof-benches --test allocations
