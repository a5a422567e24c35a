#!/usr/bin/env bash
# Installs the gates' tools that Rust does not bring, if missing: valgrind, and objdump of binutils.
source "$(dirname "$0")/lib.sh"

packages=()
command -v valgrind >/dev/null || packages+=(valgrind)
command -v objdump >/dev/null || packages+=(binutils)
if ((${#packages[@]} == 0)); then
    echo "valgrind and objdump are here"
    exit 0
fi

as_root=()
((EUID == 0)) || as_root=(sudo)
# Ask no questions: nobody would answer.
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install --yes --no-install-recommends "${packages[@]}"
