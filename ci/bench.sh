#!/usr/bin/env bash
# The benches run. Their figures mean nothing here: see ci/performance.sh.
source "$(dirname "$0")/lib.sh"

# --smoke and --test: once, quickly.
for name in overhead private contended workload budget accuracy programs memory collected report; do
    cargo bench --package nexus-lockprof-benches --bench "$name" -- --smoke
done
# It runs the program `lockprof`. Its rates are not held against it here: the machine may do anything meanwhile.
cargo build --release --package nexus-lockprof-cli --bin lockprof
cargo bench --package nexus-lockprof-benches --bench diff -- --smoke
cargo bench --package nexus-lockprof-benches --bench overhead --no-default-features -- --smoke
cargo bench --package nexus-lockprof-benches --bench locks --bench snapshot -- --test
