#!/usr/bin/env bash
# The benches run. Their figures mean nothing here: see ci/performance.sh.
source "$(dirname "$0")/lib.sh"

# --smoke and --test: once, quickly.
cargo bench --package nexus-lockprof-benches --bench overhead -- --smoke
cargo bench --package nexus-lockprof-benches --bench overhead --no-default-features -- --smoke
cargo bench --package nexus-lockprof-benches --bench locks --bench snapshot -- --test
