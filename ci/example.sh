#!/usr/bin/env bash
# Runs the README's other command on this repository, and reads its profile back.
source "$(dirname "$0")/lib.sh"

scratch
benches --bin gate-check
# Shares its build with the programs of other steps.
CARGO_PROFILE_RELEASE_LTO=$programs_lto LOCKPROF_OUT=$work/profile.json cargo run --release --example word_index -- .
"$target/release/gate-check" snapshot "$work/profile.json"
