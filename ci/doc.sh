#!/usr/bin/env bash
# The documentation builds without a warning: no broken link, and no link to a private item.
source "$(dirname "$0")/lib.sh"

# With clippy: neither generates code.
export CARGO_TARGET_DIR=$target/check
export RUSTDOCFLAGS="--deny warnings"
# --no-deps: other crates' warnings are not ours.
cargo doc --quiet --workspace --no-deps --features "$all_features otlp"
