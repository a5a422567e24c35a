#!/usr/bin/env bash
# Measures the figures of docs/performance.md, and rewrites its tables and plots. Takes about a
# quarter of an hour; leave the machine idle meanwhile. `ci/performance.sh accuracy memory` measures
# only these sections of the page. Some have a table for each kind of processor, and keep the others'.
source "$(dirname "$0")/lib.sh"

scratch
page=docs/performance.md

# The rows of the page's table for a section and kind of processor.
rows_of() {
    awk -v name="$1" '
        index($0, "<!-- " name ": begin") { inside = 1 }
        index($0, "<!-- " name ": end") { inside = 0 }
        inside' "$page"
}

# The table that begins the page: what a user needs first, for each kind of processor.
in_short() {
    local kind
    for kind in AMD Intel; do
        echo "kind|$kind"
        rows_of "overhead, $kind" | sed 's/^/overhead/'
        rows_of "private, $kind" | sed 's/^/private/'
        rows_of "contended, $kind" | sed 's/^/contended/'
        rows_of "slow_paths, $kind" | sed 's/^/slow/'
        rows_of "density, $kind" | sed 's/^/density/'
        rows_of "workload, $kind" | sed 's/^/workload/'
    done | awk -F' *[|] *' '
        # `where` is a row, `kind` a column.
        function set(where, text) {
            if (!(where in known)) { known[where] = 1; order[++rows] = where }
            cell[where, kind] = text
        }
        function lock(name, text) {
            if ($2 == name && $3 in modes) set(text ", mode `" modes[$3] "`", sprintf($6 < 2 ? "%.2fx" : "%.1fx", $6))
        }
        BEGIN { modes["off"] = "Off"; modes["counts"] = "Counts"; modes["sampled"] = "Sampled"; modes["exact"] = "Exact" }
        $1 == "kind" { kind = $2 }
        $1 == "overhead" { lock("mutex", "an uncontended `Mutex`") }
        $1 == "overhead" && $3 == "sampled" { lock("read", "`RwLock::read`"); lock("std-mutex", "`std_sync::Mutex`") }
        $1 == "private" && $2 == "sampled" { set("two threads, a lock each: throughput", sprintf("%.2fx", $3)) }
        /^contended.*Geometric mean/ {
            split($0, mean, "Geometric mean "); split($0, worst, "Worst resolved cell ")
            set("one lock, 2 to 8 threads: throughput, mean", sprintf("%.2fx", mean[2]))
            set("the same, worst case", sprintf("%.2fx", worst[2]))
        }
        $1 == "slow" && $2 == "a wait that parks" { set("a wait that parks: time added", $5) }
        $1 == "density" && $2 == "sampled" {
            every = $3 + 0
            if (every >= 75 && every < 150) set("a program that locks every 0.1 µs", sprintf("%.3fx", $4))
            if (every >= 750 && every < 1500) set("a program that locks every 1 µs", sprintf("%.3fx", $4))
        }
        $1 == "workload" && $5 ~ /%$/ {
            cost = $5 + 0
            if (!(kind in most) || cost > most[kind]) most[kind] = cost
            set("the densest programs we tried: time added, at most", sprintf("%+.1f %%", most[kind]))
        }
        END {
            print "| compared with the bare locks | AMD | Intel |"
            print "| --- | ---: | ---: |"
            for (i = 1; i <= rows; i++) {
                where = order[i]
                amd = (where, "AMD") in cell ? cell[where, "AMD"] : "not measured"
                intel = (where, "Intel") in cell ? cell[where, "Intel"] : "not measured"
                print "| " where " | " amd " | " intel " |"
            }
        }'
}

# The table that begins the page, and that of README.md, have parts of the others:
# `ci/performance.sh --readme` writes them without measuring.
readme() {
    in_short | section "$page" in-short >/dev/null
    rows_of "overhead, AMD" | awk -F' *[|] *' '
        $3 == "off" || $3 == "counts" || $3 == "sampled" || $3 == "exact" {
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
        }' | section README.md costs >/dev/null
}
if [[ ${1-} == --readme ]]; then
    readme
    exit
fi

sections=(machine overhead feature-off cargo-lockprof private contended slow_paths density workload budget accuracy programs memory collected snapshot peers)
(($# == 0)) || sections=("$@")

# Sections in which the processor decides, with a table for each kind.
by_kind=" machine overhead private contended slow_paths density workload peers "
case $(sed -n 's/^vendor_id[^:]*: //p' /proc/cpuinfo | head -n 1) in
AuthenticAMD) kind=AMD plots=docs/plots ;;
GenuineIntel) kind=Intel plots=docs/plots/intel ;;
*)
    echo "FAILED: $page has no tables for this kind of processor"
    exit 1
    ;;
esac

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
kept=$PWD/$plots/figures.jsonl
mkdir -p "$plots"
touch "$kept"
rows=$work/rows
: >"$rows"
for name in "${sections[@]}"; do
    place=$name
    [[ $by_kind != *" $name "* ]] || place="$name, $kind"
    measure "$name" | section "$page" "$place"
done
# New rows replace all of the same bench.
awk -v new_rows="$rows" -F'"bench":"' '{ split($2, name, "\"") } FILENAME == new_rows { new[name[1]] = 1; next } !(name[1] in new)' "$rows" "$kept" >"$work/kept"
cat "$work/kept" "$rows" >"$kept"
bench report -- --rows "$kept" --plots "$PWD/$plots"
readme
