#!/usr/bin/env bash
# Installs the gates' tools that Rust does not bring, if missing: valgrind, and objdump of binutils.
source "$(dirname "$0")/lib.sh"

debian valgrind=valgrind objdump=binutils
