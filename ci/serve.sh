#!/usr/bin/env bash
# Attacks and loads the endpoint. A thousand hostile requests must change nothing. A program that
# serves 200 snapshots a second, every other second, must go on as before: throughput, memory,
# files.
source "$(dirname "$0")/lib.sh"

if [[ $(uname) != Linux ]]; then
    echo "skipped: counts threads and files in /proc"
    exit 0
fi
programs --release
echo "+ hostile"
timeout 120 "$target/release/hostile"
# Every other second without pulling, for comparison. `ci/serve.sh 120` gives a surer ratio.
echo "+ pulled"
timeout 240 "$target/release/pulled" "${1:-48}"
