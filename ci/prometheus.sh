#!/usr/bin/env bash
# Prometheus itself reads our metrics. Its linter checks them. A server scrapes three programs for a
# minute (`ci/prometheus.sh SECONDS` for another time) and must find what they have counted, and the
# percentiles of their merged profiles, from classic histograms and from native ones.
# Its own tests check the alerts in the guide. The server must have an answer to each query of the
# guides and the dashboard.
source "$(dirname "$0")/lib.sh"

seconds=${1:-60}
# The range of rates: the last third of the time.
window=$((seconds / 3))s
guide=docs/guide/prometheus
golden=crates/nexus-lockprof-export/tests/golden

found=$(command -v prometheus || true)
debian promtool=prometheus curl=curl jq=jq
# With systemd, the package has started a server that this script does not use.
if [[ -z $found && -d /run/systemd/system ]]; then
    as_root systemctl disable --now prometheus
fi
# The Python that Debian's packages are for.
python=/usr/bin/python3
"$python" -c 'import prometheus_client.openmetrics.parser' 2>/dev/null || debian_packages python3-prometheus-client

work=$(mktemp -d)
pids=()
finish() {
    local pid
    for pid in "${pids[@]}"; do
        # It may have ended already.
        kill "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$work"
}
trap finish EXIT

failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}

# Fails on warnings too: it prints them.
lint() {
    local complaints
    complaints=$(promtool check metrics 2>&1) && [[ -z $complaints ]] || fail "promtool check metrics of $1: $complaints"
}
open_metrics() {
    "$python" -c '
import sys
from prometheus_client.openmetrics.parser import text_fd_to_metric_families
families = list(text_fd_to_metric_families(sys.stdin))
print(len(families), "families,", sum(len(family.samples) for family in families), "samples")' ||
        fail "the OpenMetrics parser on $1"
}

echo "--- a snapshot with everything, one with nothing, one with most of it in other"
for text in prometheus prometheus-empty prometheus-top-2; do
    lint "$text" <"$golden/$text.txt"
done
for text in openmetrics openmetrics-empty; do
    open_metrics "$text" <"$golden/$text.txt"
done

echo "--- alerts"
promtool check rules "$guide/lockprof.rules.yml" || failed=1
promtool test rules "$guide/lockprof.rules.test.yml" || failed=1

echo "--- three programs that are scraped for $seconds s"
programs --release
# They serve until their standard input ends.
mkfifo "$work/input"
"$target/release/scraped" "$seconds" <"$work/input" >"$work/counts" &
pids+=($!)
exec 3>"$work/input"
for more in 2 3; do
    mkfifo "$work/input-$more"
    "$target/release/scraped" "$seconds" <"$work/input-$more" >"$work/counts-$more" 3>&- &
    pids+=($!)
done
exec 4>"$work/input-2" 5>"$work/input-3"
wait_for() {
    local what=$1 tries=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || {
            echo "FAILED: $what"
            exit 1
        }
        sleep 0.5
    done
}
wait_for "the program does not serve" 60 grep --quiet : "$work/counts"
program=$(head -1 "$work/counts")
programs=("$program")
for more in 2 3; do
    wait_for "a program does not serve" 60 grep --quiet : "$work/counts-$more"
    programs+=("$(head -1 "$work/counts-$more")")
done
targets=$(printf "'%s'," "${programs[@]}")

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
port=$(free_port)
server=http://127.0.0.1:$port
# As in the guide.
cat >"$work/prometheus.yml" <<CONFIG
global: {scrape_interval: 2s, evaluation_interval: 5s}
rule_files: [$PWD/$guide/lockprof.rules.yml]
scrape_configs:
  - job_name: scraped
    static_configs: [{targets: [$targets]}]
    metric_relabel_configs:
      - {source_labels: [__name__], regex: lockprof_.*_created, action: drop}
CONFIG
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" --web.listen-address="127.0.0.1:$port" \
    --log.level=warn 2>"$work/log" 3>&- 4>&- 5>&- &
pids+=($!)
wait_for "no answer from Prometheus: $(cat "$work/log")" 60 curl --fail --silent "$server/-/ready"

for counts in "$work"/counts*; do
    wait_for "the program does not end its work" $((2 * seconds + 60)) grep --quiet timeouts "$counts"
done
ended=$(date +%s)
# A second server, which stores native histograms.
native_port=$(free_port)
cat >"$work/native.yml" <<CONFIG
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: scraped
    static_configs: [{targets: [$targets]}]
CONFIG
prometheus --config.file="$work/native.yml" --storage.tsdb.path="$work/native" --web.listen-address="127.0.0.1:$native_port" \
    --enable-feature=native-histograms --log.level=warn 2>"$work/native-log" 3>&- 4>&- 5>&- &
pids+=($!)
# A few more scrapes, of counters that no longer change.
sleep 6

# The answer to a query, at a given time. An error ends the script.
ask() {
    curl --fail-with-body --silent --show-error --get "$server/api/v1/query" --data-urlencode "query=$1" ${2:+--data-urlencode "time=$2"}
}
value() {
    ask "$@" | jq --raw-output '.data.result[0].value[1] // "nothing"'
}

echo "--- what Prometheus says, and what the program has counted"
for pair in 'sessions:lockprof_acquisitions_total{lock="sessions"}' 'queue:lockprof_acquisitions_total{lock="queue"}' \
    'timeouts:lockprof_timeouts_total{lock="queue"}'; do
    counted=$(cat "$work"/counts* | sed -n "s/^${pair%%:*} //p" | jq --slurp add)
    stored=$(value "sum(${pair#*:})")
    echo "sum(${pair#*:}): $stored, the programs: $counted"
    [[ $stored == "$counted" && $counted -gt 0 ]] || fail "$stored is not $counted"
done
rate=$(value 'sum(rate(lockprof_acquisitions_total{lock="sessions"}['"$window"']))' "$ended")
mean=$(($(cat "$work"/counts* | sed -n 's/^sessions //p' | jq --slurp add) / seconds))
echo "rate over the last $window: $rate a second, the programs' mean: $mean"
jq --exit-status --null-input "$rate > $mean / 2 and $rate < $mean * 2" >/dev/null || fail "the rate is far off"
gone=$(value 'min(min_over_time(up[1m]))')
[[ $gone == 1 ]] || fail "a scrape failed: up is $gone"
unit=$(curl --fail --silent "$server/api/v1/metadata?metric=lockprof_wait_seconds" | jq --raw-output '.data.lockprof_wait_seconds[0] | "\(.type) in \(.unit)"')
echo "lockprof_wait_seconds, scraped as OpenMetrics: $unit"
[[ $unit == "counter in seconds" ]] || fail "OpenMetrics was not what was scraped"
unhealthy=$(curl --fail --silent "$server/api/v1/rules" | jq --raw-output '.data.groups[].rules[] | select(.health != "ok") | "\(.name): \(.health) \(.lastError)"')
[[ -z $unhealthy ]] || fail "rules: $unhealthy"

echo "--- the running program's own text"
curl --fail --silent "http://$program/metrics" >"$work/text"
lint "the running program" <"$work/text"
curl --fail --silent --header 'Accept: application/openmetrics-text' "http://$program/metrics" | open_metrics "the running program"

echo "--- percentiles of the three programs, and of their merged profiles"
for number in 0 1 2; do
    "$target/release/lockprof" export "http://${programs[number]}" -o "$work/$number.lockprof"
done
"$target/release/lockprof" merge "$work"/?.lockprof -o "$work/fleet.lockprof"
"$target/release/lockprof" export "$work/fleet.lockprof" -o "$work/fleet.json"
"$python" ci/prometheus/fleet.py "$work/fleet.json" "$server" "http://127.0.0.1:$native_port" ||
    fail "percentiles: $(cat "$work/native-log")"

echo "--- the guides' queries and the dashboard's"
dashboard=$guide/dashboard.json
{
    jq --raw-output '.panels[].targets[]?.expr' "$dashboard"
    # label_values(SELECTOR, LABEL)
    jq --raw-output '.templating.list[] | select(.type == "query") | .query.query' "$dashboard" | sed -E 's/^label_values\((.*), [a-z]+\)$/\1/'
    sed -n '/^```promql/,/^```/{/^```/d;/^#/d;/^$/d;p}' docs/guide/prometheus.md docs/guide/fleet.md
} >"$work/queries"
sed -E 's/^# TYPE ([a-z_]+) histogram/\1\n\1_bucket\n\1_sum\n\1_count/; s/^# TYPE ([a-z_]+) .*/\1/; /^#|\{|^[a-z_]+ /d' "$work/text" | sort -u >"$work/names"
while IFS= read -r query; do
    query=${query//\$__rate_interval/$window}
    query=${query//\$__range/${seconds}s}
    query=$(sed -E 's/\$(job|instance|lock)/.*/g' <<<"$query")
    unknown=$(grep -o -E 'lockprof_[a-z_]+' <<<"$query" | sort -u | comm -23 - "$work/names")
    [[ -z $unknown ]] || fail "no metric ${unknown//$'\n'/, }: $query"
    if ! answer=$(ask "$query" "$ended"); then
        fail "$query: $answer"
    elif [[ $(jq '.data.result | length' <<<"$answer") == 0 ]]; then
        fail "nothing: $query"
    fi
done <"$work/queries"
echo "$(wc -l <"$work/queries") queries"
(($(wc -l <"$work/queries") > 20)) || fail "so few?"

echo "--- a reset"
curl --fail --silent --show-error --request POST "http://$program/reset"
# A few scrapes of zeros.
sleep 5
# The program takes the lock 200 more times.
echo >&3
sleep 5
counter="lockprof_acquisitions_total{lock=\"sessions\", instance=\"$program\"}"
after="$(value "sum($counter)") acquisitions, $(value "sum(resets($counter[30s]))") reset seen, $(value "min(increase($counter[30s])) >= bool 0")"
echo "$after"
[[ $after == "200 acquisitions, 1 reset seen, 1" ]] || fail "a reset"

# Ends the programs as their user would.
exec 3>&- 4>&- 5>&-
exit "$failed"
