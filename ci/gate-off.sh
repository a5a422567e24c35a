#!/usr/bin/env bash
# With the feature `profile` off, our locks are parking_lot's: identical machine code, identical
# sizes.
source "$(dirname "$0")/lib.sh"

if [[ $(uname -m) != x86_64 ]]; then
    echo "skipped: knows x86-64's assembly only"
    exit 0
fi
ci/tools.sh
scratch
# --package, not --workspace: another member of the workspace would enable the feature again.
benches --no-default-features --bin gate-paths --bin gate-check
"$target/release/gate-paths" --sizes >"$work/sizes"
"$target/release/gate-check" identical "$target/release/gate-paths" "$work/sizes"
