#!/usr/bin/env bash
# Tests the program `lockprof` from a shell: pipes, exit codes, colours, completions, manual pages,
# its use as a gate, and large files. Memory has a limit; times are only printed, since the machine
# may be busy.
source "$(dirname "$0")/lib.sh"

debian groff=groff jq=jq python3=python3

scratch
programs --release
lockprof=$target/release/lockprof
unset NO_COLOR CLICOLOR CLICOLOR_FORCE

failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
# Fails unless the command exits with the given code. Its output is in $work/out and $work/err.
ends() {
    local expected=$1 code=0
    shift
    "$@" >"$work/out" 2>"$work/err" || code=$?
    ((code == expected)) || fail "$* ended with $code, not $expected: $(<"$work/err")"
}

echo "--- the self test"
ends 0 "$lockprof" selftest
[[ $(<"$work/out") == $'lockprof: on\nSELFTEST: lock hot ok' ]] || fail "it printed $(<"$work/out")"
cat "$work/out"

echo "--- large files: peak memory and time"
"$target/release/snapshot-files" make "$work/files" 100 10000
# Runs the program, prints its time and memory, and fails above 300 MB.
measured() {
    local name=$1
    shift
    python3 - "$name" "$lockprof" "$@" <<'PYTHON' || fail "$name"
import os, subprocess, sys, time
name, *command = sys.argv[1:]
begin = time.monotonic()
child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
took, megabytes = time.monotonic() - begin, usage.ru_maxrss / 1024
print(f"{name}: {took:.2f} s ({usage.ru_utime + usage.ru_stime:.2f} s of processor), {megabytes:.0f} MB")
sys.exit(status != 0 or megabytes > 300)
PYTHON
}
files=("$work"/files/*.lockprof)
measured "report of 10,000 points" report "${files[0]}"
measured "report with 10,000 rows" report "${files[0]}" --top 10000
measured "diff of 10,000 points" diff "${files[0]}" "${files[1]}"
measured "merge of 100 files of 10,000 points" merge "${files[@]}" --output "$work/merged.lockprof"
measured "report of the merged one" report "$work/merged.lockprof"
for format in prometheus openmetrics pprof folded flamegraph html json csv lockprof; do
    measured "export to $format" export "${files[0]}" --format "$format" --output "$work/exported"
done

echo "--- pipes"
# With pipefail: a writer into a closed pipe must not fail.
for format in table freebsd csv json; do
    "$lockprof" report "${files[0]}" --top 10000 --format "$format" | head -c 1 >"$work/byte" || fail "a closed pipe, $format"
done
"$lockprof" snapshot "${files[0]}" -o - | "$lockprof" report - --top 1 >"$work/out" || fail "from pipe to pipe"

echo "--- exit codes"
ends 0 "$lockprof" --help
ends 2 "$lockprof" report
ends 2 "$lockprof" report "${files[0]}" --format loud
ends 3 "$lockprof" report "$work/none"
grep --quiet --fixed-strings "$work/none: no such file or socket" "$work/err" || fail "not what was tried: $(<"$work/err")"
ends 3 "$lockprof" report http://127.0.0.1:1
ends 3 "$lockprof" report 4294967295

echo "--- as a gate: ten times the wait at one point"
"$lockprof" export "${files[0]}" --output "$work/before.json"
# Not jq, which turns whole numbers into doubles. Prints the point that waited.
point=$(python3 - "$work/before.json" "$work/after.json" <<'PYTHON'
import json, sys
before, after = sys.argv[1:]
with open(before) as file:
    snapshot = json.load(file)
named = [point for point in snapshot["points"] if "named" in point["lock"] and isinstance(point["lock"], dict)]
worst = max(named, key=lambda point: point.get("wait", {}).get("total_ns", 0))
worst["wait"]["total_ns"] *= 10
with open(after, "w") as file:
    json.dump(snapshot, file)
print(worst["lock"]["named"])
PYTHON
)
ends 0 "$lockprof" diff "$work/before.json" "$work/before.json" --fail-on worse
ends 1 "$lockprof" diff "$work/before.json" "$work/after.json" --fail-on worse
grep --quiet --fixed-strings "$point" "$work/out" || fail "the diff does not name $point: $(<"$work/out")"
ends 1 "$lockprof" diff "$work/before.json" "$work/after.json" --fail-on worse=500%
ends 0 "$lockprof" diff "$work/before.json" "$work/after.json" --fail-on worse=2000% --metric wait-per-second
ends 0 "$lockprof" diff "$work/before.json" "$work/after.json"
ends 0 "$lockprof" diff "$work/after.json" "$work/before.json" --fail-on worse
ends 0 "$lockprof" diff "$work/before.json" "$work/after.json" --format json
jq --exit-status '.worse > 0 and .points[0].changes[0].verdict == "worse"' "$work/out" >"$work/said" || fail "the JSON of diff"

echo "--- colours"
colours() { grep --quiet $'\x1b' "$work/out"; }
ends 0 "$lockprof" diff "$work/before.json" "$work/after.json"
! colours || fail "colours in a pipe"
ends 0 "$lockprof" diff "$work/before.json" "$work/after.json" --color always
colours || fail "no colours with --color always"
ends 0 env NO_COLOR=1 CLICOLOR_FORCE=1 "$lockprof" diff "$work/before.json" "$work/after.json"
! colours || fail "colours despite NO_COLOR"

echo "--- completions and manual pages"
ends 0 "$lockprof" completions bash
bash -n "$work/out" || fail "bash does not take its completions"
# Asks bash itself for the completions.
# shellcheck disable=SC2016
completed=$(bash --norc -c 'source "$1"; COMP_WORDS=(lockprof sn); COMP_CWORD=1; _lockprof lockprof sn lockprof; echo "${COMPREPLY[*]}"' bash "$work/out")
[[ $completed == snapshot ]] || fail "\`lockprof sn\` is completed to: $completed"
"$lockprof" man "$work/man"
for page in "$work"/man/*.1; do
    complaints=$(groff -man -ww -z "$page" 2>&1) && [[ -z $complaints ]] || fail "groff on $page: $complaints"
done
echo "$(ls "$work/man" | wc -l) pages"

exit "$failed"
