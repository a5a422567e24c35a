#!/usr/bin/env bash
# A hundred files of 10,000 points each are merged in bounded memory. How long that takes is printed, and not held against it:
# the machine may be busy.
source "$(dirname "$0")/lib.sh"

scratch
cargo build --quiet --release --package nexus-lockprof-tests --bin snapshot-files
"$target/release/snapshot-files" make "$work/files" 100 10000
result=$("$target/release/snapshot-files" merge "$work/files")
echo "$result"
megabytes=$(sed -n 's/.* s, \([0-9]*\) MB at most$/\1/p' <<<"$result")
if ((megabytes > 300)); then
    echo "FAILED: more than 300 MB"
    exit 1
fi
