#!/usr/bin/env bash
# No two files of a crate import each other, directly or through others, so a file can be read after
# those that it needs.
source "$(dirname "$0")/lib.sh"

# Crates that still have circles. Remove a crate from this list when its last circle is gone.
known="
    crates/cargo-lockprof/src
    crates/nexus-lockprof-cli/src
"

scratch
# Built with rustc alone: it needs nothing else, and takes a second.
rustfmt --edition 2024 --check ci/circles/main.rs
rustc --edition 2024 --deny warnings -C opt-level=1 -o "$work/circles" ci/circles/main.rs

failed=0
while read -r folder; do
    if "$work/circles" "$folder" >"$work/found"; then
        [[ $known != *" $folder
"* ]] || { echo "$folder: has no circle any more; take it off the list in ci/circles.sh" && failed=1; }
    elif [[ $known != *" $folder
"* ]]; then
        cat "$work/found"
        failed=1
    fi
done < <(git ls-files 'crates/*/src/*.rs' | sed 's,/src/.*,/src,' | grep -v /runtime/ | sort -u)
exit "$failed"
