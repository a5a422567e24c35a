#!/usr/bin/env bash
# Compares our locks with their rivals: benches/peers. `--build` only builds; other arguments go to
# the program. Needs a minute or two, and 3 GB of memory for one of the rivals.
source "$(dirname "$0")/lib.sh"

cargo build --quiet --release --locked --manifest-path benches/peers/Cargo.toml
[[ ${1-} == --build ]] || "${CARGO_TARGET_DIR:-benches/peers/target}/release/nexus-lockprof-peers" "$@"
