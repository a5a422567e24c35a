#!/usr/bin/env bash
# Measures what docs/performance.md tells, and writes its tables and plots anew. About a quarter of an hour; leave the machine alone meanwhile.
source "$(dirname "$0")/lib.sh"

scratch
page=docs/performance.md
bench() {
    cargo bench --quiet --package nexus-lockprof-benches --bench "$@"
}
# Built before anything is measured: a compiler is a noisy neighbour.
cargo bench --quiet --package nexus-lockprof-benches --no-run
cargo bench --quiet --package nexus-lockprof-benches --bench overhead --no-default-features --no-run
ci/peers.sh --build

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "Machine: ${cpu:-unknown CPU}, $(nproc) CPUs, $(uname -sm), $(rustc --version | cut -d' ' -f1,2)." | section "$page" machine

# Kept beside the plots, which are drawn from it. Absolute: benches run in the folder of their package.
mkdir -p docs/plots
rows=$PWD/docs/plots/figures.jsonl
: >"$rows"
bench overhead -- --out "$rows" | section "$page" overhead
bench overhead --no-default-features | section "$page" feature-off
for name in private contended workload budget accuracy programs memory collected; do
    bench "$name" -- --out "$rows" | section "$page" "$name"
done
bench snapshot -- --quick 2>/dev/null | awk '/^[a-z].*\// { name = $1 } /time:/ && !seen[name]++ { sub(/.*time: */, ""); print "| " name " | " $0 " |" }' |
    { echo "| snapshot / shards / points | time (lowest, estimate, highest) |"; echo "| --- | --- |"; cat; } | section "$page" snapshot
ci/peers.sh --out "$rows" | section "$page" peers
bench report -- --rows "$rows" --plots "$PWD/docs/plots"
