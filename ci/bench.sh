#!/usr/bin/env bash
# Checks that the benches run. Their figures mean nothing here: see ci/performance.sh.
source "$(dirname "$0")/lib.sh"

# --smoke and --test run each once, quickly.
for name in overhead private contended slow_paths density workload budget accuracy programs memory collected report what_if; do
    cargo bench --package nexus-lockprof-benches --bench "$name" -- --smoke
done
# This one runs the program `lockprof`. No threshold on its rates: the machine may be busy.
programs --release
cargo bench --package nexus-lockprof-benches --bench diff -- --smoke
cargo bench --package nexus-lockprof-benches --bench overhead --no-default-features -- --smoke
cargo bench --package nexus-lockprof-benches --bench locks --bench snapshot -- --test
