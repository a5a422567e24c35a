#!/usr/bin/env bash
# Runs `cargo lockprof run --release` on a program that knows nothing of it (tests/sample). The
# profile must have the locks of all of its crates, the counts must equal the program's own, and its
# files must not change. `--write` puts the report into docs/guide/cargo-lockprof.md.
source "$(dirname "$0")/lib.sh"

scratch
root=$PWD
programs
bin=$(cd "$target/debug" && pwd)
export PATH=$bin:$PATH
CARGO_TARGET_DIR=$(mkdir -p "$target/sample" && cd "$target/sample" && pwd)
export CARGO_TARGET_DIR

cp -r tests/sample tests/sample-old "$work"
rm -rf "$work"/*/target
cd "$work/sample"
# The counts need no optimised program; only the report of the guide shows times.
[[ ${1-} == --write ]] || export CARGO_PROFILE_RELEASE_OPT_LEVEL=0

checksums() {
    find . -type f -print0 | sort -z | xargs -0 sha256sum
}
checksums >"$work/before"

cargo lockprof run --release --out "$work/profile.json" >"$work/counts" 2>"$work/log" || {
    cat "$work/log"
    exit 1
}
sample-check "$work/counts" "$work/profile.json"

# Once more, for the report: nothing is left to fetch or to build.
cargo lockprof run --release --offline --top 12 >"$work/counts" 2>"$work/log"
cat "$work/log"
for expected in 'profile of sample' 'not seen: '; do
    grep --quiet "$expected" "$work/log" || {
        echo "FAILED: the report does not say: $expected"
        exit 1
    }
done

checksums >"$work/after"
diff "$work/before" "$work/after" || {
    echo "FAILED: the program's files were changed"
    exit 1
}

# A program with a lock file of 2024: its versions are built.
cd "$work/sample-old"
checksums >"$work/before"
cargo lockprof run >/dev/null 2>"$work/log-old" || {
    cat "$work/log-old"
    exit 1
}
grep --quiet '1.00k' "$work/log-old" && ! grep --quiet 'lock_api-0.4' "$work/log-old" || {
    cat "$work/log-old"
    echo "FAILED: there is no profile, or its lines are lock_api's"
    exit 1
}
checksums >"$work/after"
diff "$work/before" "$work/after" || {
    echo "FAILED: the old program's files were changed"
    exit 1
}

if [[ ${1-} == --write ]]; then
    { echo '```text'; sed -n "s|$work/sample/||g; /^profile of sample/,\$p" "$work/log"; echo '```'; } |
        section "$root/docs/guide/cargo-lockprof.md" sample >/dev/null
fi
