#!/usr/bin/env bash
# Merges a hundred files of 10,000 points each in bounded memory. Prints the time without a limit,
# since the machine may be busy. Then reads malicious files of a megabyte each: no command may take
# more than 100 MB for one.
source "$(dirname "$0")/lib.sh"

scratch
programs --release
"$target/release/snapshot-files" make "$work/files" 100 10000
result=$("$target/release/snapshot-files" merge "$work/files")
echo "$result"
megabytes=$(sed -n 's/.* s, \([0-9]*\) MB at most$/\1/p' <<<"$result")
if ((megabytes > 300)); then
    echo "FAILED: more than 300 MB"
    exit 1
fi

# The program is a release build; the tests that start it need none.
LOCKPROF_PROGRAM=$(realpath "$target/release/lockprof")
export LOCKPROF_PROGRAM LOCKPROF_HOSTILE_TABLE=$work/hostile
cargo test --quiet --workspace --test lockprof -- --ignored no_megabyte >"$work/log" 2>&1 || {
    grep -v "  exit Some" "$work/log" || true
    exit 1
}
files=$(cut -d ' ' -f 1 "$work/hostile" | sort -u | wc -l)
most=$(sed 's/.* B *\([0-9]* MB\) .*exit[^)]*)  \(.*\)/\1 \2/' "$work/hostile" | sort -n | tail -n 1)
slowest=$(sed 's/.* MB *\([0-9.]* s\) .*exit[^)]*)  \(.*\)/\1 \2/' "$work/hostile" | sort -n | tail -n 1)
echo "$files hostile files, $(wc -l <"$work/hostile") commands: at most $most, $slowest"
