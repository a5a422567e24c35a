#!/usr/bin/env bash
# The README's test command, to the letter.
source "$(dirname "$0")/lib.sh"

cargo test --workspace
