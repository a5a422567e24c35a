#!/usr/bin/env bash
# Runs the README's other command on this repository, and reads its profile back.
source "$(dirname "$0")/lib.sh"

scratch
LOCKPROF_OUT=$work/profile.json cargo run --release --example word_index -- .
cargo run --release --package nexus-lockprof-benches --bin gate-check -- snapshot "$work/profile.json"
