#!/usr/bin/env bash
# The source is as rustfmt writes it.
source "$(dirname "$0")/lib.sh"

cargo fmt --all --check
