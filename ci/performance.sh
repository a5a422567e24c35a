#!/usr/bin/env bash
# Measures the figures of docs/performance.md, and rewrites its tables and plots. Takes about a
# quarter of an hour; leave the machine idle meanwhile.
source "$(dirname "$0")/lib.sh"

scratch
page=docs/performance.md

# README.md's table is a part of the page's: `ci/performance.sh --readme` writes it without
# measuring.
readme() {
    awk -F' *[|] *' '
        /<!-- overhead: begin/ { inside = 1 }
        /<!-- overhead: end/ { inside = 0 }
        inside && ($3 == "off" || $3 == "counts" || $3 == "sampled" || $3 == "exact") {
            bare[$2] = $4
            ratio[$2, $3] = sprintf($6 < 2 ? "%.2fx" : "%.1fx", $6)
        }
        function row(key, text) {
            printf "| %s | %.1f ns | %s | %s | %s | %s |\n", text, bare[key], ratio[key, "off"], ratio[key, "counts"], ratio[key, "sampled"], ratio[key, "exact"]
        }
        END {
            print "| | bare | `Off` | `Counts` | `Sampled` | `Exact` |"
            print "| --- | ---: | ---: | ---: | ---: | ---: |"
            row("mutex", "`Mutex`")
            row("read", "`RwLock::read`")
            row("write", "`RwLock::write`")
            row("std-mutex", "`std_sync::Mutex`")
            row("0.12-mutex", "parking_lot 0.12\047s `Mutex`, with `cargo lockprof`")
            row("tokio-mutex", "`tokio::Mutex`")
        }' "$page" | section README.md costs >/dev/null
}
if [[ ${1-} == --readme ]]; then
    readme
    exit
fi
bench() {
    cargo bench --quiet --package nexus-lockprof-benches --bench "$@"
}
# Build before measuring: a compiler is a noisy neighbour.
cargo bench --quiet --package nexus-lockprof-benches --no-run
cargo bench --quiet --package nexus-lockprof-benches --bench overhead --no-default-features --no-run
ci/peers.sh --build

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "Machine: ${cpu:-unknown CPU}, $(nproc) CPUs, $(uname -sm), $(rustc --version | cut -d' ' -f1,2)." | section "$page" machine

# Keep the rows beside the plots drawn from them. An absolute path, since benches run in their
# package's folder.
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
readme
