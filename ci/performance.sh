#!/usr/bin/env bash
# Measures the figures of docs/performance.md, and rewrites its tables and plots. Takes about a
# quarter of an hour; leave the machine idle meanwhile. `ci/performance.sh accuracy memory` measures
# only these sections of the page.
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

sections=(machine overhead feature-off cargo-lockprof private contended workload budget accuracy programs memory collected snapshot peers)
(($# == 0)) || sections=("$@")

bench() {
    cargo bench --quiet --package nexus-lockprof-benches --bench "$@"
}
# Prints the figures of a section.
measure() {
    case $1 in
    machine)
        local cpu
        cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
        echo "Machine: ${cpu:-unknown CPU}, $(nproc) CPUs, $(uname -sm), $(rustc --version | cut -d' ' -f1,2)."
        ;;
    feature-off) bench overhead --no-default-features ;;
    cargo-lockprof) ci/cost.sh run ;;
    snapshot)
        echo "| snapshot / shards / points | time (lowest, estimate, highest) |"
        echo "| --- | --- |"
        bench snapshot -- --quick 2>/dev/null | awk '/^[a-z].*\// { name = $1 } /time:/ && !seen[name]++ { sub(/.*time: */, ""); print "| " name " | " $0 " |" }'
        ;;
    peers) ci/peers.sh --out "$rows" ;;
    *) bench "$1" -- --out "$rows" ;;
    esac
}

# Build before measuring: a compiler is a noisy neighbour.
for name in "${sections[@]}" report; do
    case $name in
    machine | cargo-lockprof) ;;
    feature-off) bench overhead --no-default-features --no-run ;;
    peers) ci/peers.sh --build ;;
    *) bench "$name" --no-run ;;
    esac
done

# Keep the rows beside the plots drawn from them.
kept=$PWD/docs/plots/figures.jsonl
mkdir -p docs/plots
touch "$kept"
rows=$work/rows
: >"$rows"
for name in "${sections[@]}"; do
    measure "$name" | section "$page" "$name"
done
# New rows replace all of the same bench.
awk -v new_rows="$rows" -F'"bench":"' '{ split($2, name, "\"") } FILENAME == new_rows { new[name[1]] = 1; next } !(name[1] in new)' "$rows" "$kept" >"$work/kept"
cat "$work/kept" "$rows" >"$kept"
bench report -- --rows "$kept" --plots "$PWD/docs/plots"
readme
