#!/usr/bin/env bash
# Markdown and the crates' comments are wrapped at 100 columns, except for tables and code.
# `ci/prose.sh --wrap [FILE...]` wraps.
source "$(dirname "$0")/lib.sh"

debian python3=python3
if [[ ${1-} == --wrap && $# -gt 1 ]]; then
    shift
    exec python3 ci/markdown/wrap.py --write "$@"
fi
mapfile -t pages < <(git ls-files --cached --others --exclude-standard '*.md' | grep -v '^ci/advisories/')
# Not the comments of tests, whose lines have numbers that other files name.
mapfile -t sources < <(git ls-files --cached --others --exclude-standard 'crates/*.rs' | grep '/src/')
if [[ ${1-} == --wrap ]]; then
    exec python3 ci/markdown/wrap.py --write "${pages[@]}" "${sources[@]}"
fi
python3 ci/markdown/wrap.py --check "${pages[@]}"
python3 ci/markdown/wrap.py --check "${sources[@]}"
# A cell whose figure was to be filled in later.
if grep -nE '\| *[A-Z]+_[A-Z_]+ *\|' "${pages[@]}"; then
    echo "FAILED: a table has place-holders"
    exit 1
fi
