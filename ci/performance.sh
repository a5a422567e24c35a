#!/usr/bin/env bash
# Measures the tables of docs/performance.md and writes them there. About a minute; leave the machine alone meanwhile.
source "$(dirname "$0")/lib.sh"

scratch
measure() {
    cargo bench --quiet --package nexus-lockprof-benches --bench overhead "$@"
}
# Built before anything is measured: a compiler is a noisy neighbour.
measure --no-run
measure --no-run --no-default-features

{
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    echo "Machine: ${cpu:-unknown CPU}, $(nproc) CPUs, $(uname -sm), $(rustc --version | cut -d' ' -f1,2)."
    echo
    measure
    echo
    echo "With the feature \`profile\` off:"
    echo
    measure --no-default-features
} >"$work/tables"

# Between the two marks.
awk -v tables="$work/tables" '
    /<!-- tables: end/ { inside = 0 }
    !inside { print }
    /<!-- tables: begin/ { inside = 1; print ""; while ((getline line < tables) > 0) print line; print "" }
' docs/performance.md >"$work/page"
cp "$work/page" docs/performance.md
cat "$work/tables"
