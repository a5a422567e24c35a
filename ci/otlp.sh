#!/usr/bin/env bash
# OpenTelemetry's own Python package reads our request, and finds the snapshot's sums in it.
source "$(dirname "$0")/lib.sh"

# The Python that Debian's packages are for.
python=/usr/bin/python3
"$python" -c 'import ensurepip, venv' 2>/dev/null || debian_packages python3-venv

scratch
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-proto
snapshot=crates/nexus-lockprof-export/tests/golden/rich.json
programs
for top in 0 2 200; do
    "$target/debug/examples/convert" otlp "$snapshot" "$top" >"$work/request"
    "$work/venv/bin/python" - "$work/request" "$snapshot" <<'PYTHON'
import json
import sys

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

request = ExportMetricsServiceRequest()
request.ParseFromString(open(sys.argv[1], "rb").read())
points = json.load(open(sys.argv[2]))["points"]
[resource] = request.resource_metrics
[scope] = resource.scope_metrics
attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
assert attributes == {"service.name": "convert"}, attributes
metrics = {metric.name: metric for metric in scope.metrics}
assert len(metrics) == len(scope.metrics), "a name is there twice"

for name, of in {
    "acquisitions": lambda p: p["acquisitions"],
    "contentions": lambda p: p.get("contentions", 0),
    "blocked": lambda p: p.get("blocked", 0),
    "wait": lambda p: p.get("wait", {}).get("total_ns", 0),
    "hold": lambda p: p.get("hold", {}).get("total_ns", 0),
    "caused_wait": lambda p: p.get("caused_wait_ns", 0),
}.items():
    metric = metrics["lockprof." + name]
    assert metric.sum.is_monotonic
    assert metric.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    found = sum(p.as_double * 1e9 if metric.unit == "s" else p.as_int for p in metric.sum.data_points)
    expected = sum(map(of, points))
    print(f"{name}: {found:.0f} in {len(metric.sum.data_points)} points, the snapshot's {expected}")
    assert round(found) == expected
holds = metrics["lockprof.hold_duration"].exponential_histogram.data_points
buckets = sum(h.zero_count + sum(h.positive.bucket_counts) for h in holds)
expected = sum(weight for p in points for _, weight in p.get("hold", {}).get("histogram", []))
assert buckets == sum(h.count for h in holds) == expected > 0, (buckets, expected)
PYTHON
done
