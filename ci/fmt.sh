#!/usr/bin/env bash
# The source is formatted by rustfmt.
source "$(dirname "$0")/lib.sh"

cargo fmt --all --check
