#!/usr/bin/env bash
# Markdown is wrapped at 100 columns, except for tables and code. `ci/prose.sh --wrap FILE...`
# wraps.
source "$(dirname "$0")/lib.sh"

debian python3=python3
if [[ ${1-} == --wrap ]]; then
    shift
    exec python3 ci/markdown/wrap.py --write "$@"
fi
mapfile -t pages < <(git ls-files --cached --others --exclude-standard '*.md' | grep -v '^ci/advisories/')
python3 ci/markdown/wrap.py --check "${pages[@]}"
