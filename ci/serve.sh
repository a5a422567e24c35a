#!/usr/bin/env bash
# The endpoint under attack and under load: a thousand hostile requests change nothing, and a program from which 200
# snapshots a second are pulled, every other second, goes on as before: throughput, memory, files.
source "$(dirname "$0")/lib.sh"

if [[ $(uname) != Linux ]]; then
    echo "skipped: counts threads and files in /proc"
    exit 0
fi
cargo build --quiet --release --package nexus-lockprof-tests --features serve --bin hostile --bin pulled
echo "+ hostile"
timeout 120 "$target/release/hostile"
# A minute of pulling, and a minute without to compare it with.
echo "+ pulled"
timeout 240 "$target/release/pulled" "${1:-120}"
