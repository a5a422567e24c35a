#!/usr/bin/env bash
# Compares the instructions of collections with ci/collect.baseline: what the endpoint does for one
# request, and snapshots of many threads that have each used many locks. They may be a twentieth
# more: hash seeds differ from run to run. `--bless` writes that file.
source "$(dirname "$0")/lib.sh"

if [[ $(uname -m) != x86_64 ]]; then
    echo "skipped: other processors execute other instructions"
    exit 0
fi
ci/tools.sh
scratch
benches --bin gate-collect

# --collect-atstart, --toggle-collect, --dump-after: profile only the calls of lockprof_measured.
valgrind --tool=callgrind --callgrind-out-file="$work/profile" \
    --collect-atstart=no --toggle-collect=lockprof_measured --dump-after=lockprof_measured \
    "$target/release/gate-collect" >"$work/names" 2>"$work/log" || {
    cat "$work/log"
    exit 1
}
number=0
while read -r name; do
    number=$((number + 1))
    echo "$name $(sed -n 's/^summary: //p' "$work/profile.$number")"
done <"$work/names" >"$work/counts"

if [[ ${1-} == --bless ]]; then
    {
        echo "# Instructions of one collection under callgrind, with the making of the answer. Written by"
        echo "# \`ci/gate-collect.sh --bless\`."
        cat "$work/counts"
    } >ci/collect.baseline
fi
grep -v '^#' ci/collect.baseline | sort >"$work/known"
sort "$work/counts" | join -a 1 -a 2 -e none -o 0,1.2,2.2 "$work/known" - | awk '
    {
        verdict = $2 != "none" && $3 != "none" && $3 <= $2 * 1.05 ? "ok" : "FAILED"
        printf "%s: %s instructions, baseline %s: %s\n", $1, $3, $2, verdict
        failed += verdict != "ok"
    }
    END { exit failed > 0 || NR == 0 }'
