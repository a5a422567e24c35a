"""Compares percentiles with those of Prometheus: `fleet.py PROFILE.json SERVER NATIVE_SERVER`.

The profile is merged from those of all programs that both servers scrape. The first server stores classic
histograms, the second native ones. Counts must be the same, and percentiles within a bucket of that
rank or one near it: half of the queue's holds are 2 ms long and half are a microsecond, so ranks just
below and just above the median are a thousand times apart.
"""

import json
import math
import sys
import urllib.parse
import urllib.request

LOCK = "queue"
# By how much a rank may be wrong: both are estimates.
RANK_ERROR = 0.02


def ask(server, query):
    url = f"{server}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)["data"]["result"]


def value(server, query):
    result = ask(server, query)
    return float(result[0]["value"][1]) if result else math.nan


def quantile(samples, q):
    samples = sorted(samples)
    whole = sum(weight for _, weight in samples)
    below = 0
    for value_ns, weight in samples:
        below += weight
        if below >= q * whole:
            return value_ns / 1e9
    return math.nan


def main():
    profile, server, native = sys.argv[1:]
    with open(profile, encoding="utf-8") as file:
        points = json.load(file)["points"]
    points = [point for point in points if point["lock"] == {"named": LOCK}]
    failed = False
    for kind in ["wait", "hold"]:
        durations = [point[kind] for point in points if kind in point]
        samples = [sample for each in durations for sample in each.get("reservoir", [])]
        buckets = [pair for each in durations for pair in each.get("histogram", [])]
        name = f"lockprof_{kind}_duration_seconds"
        classic = {}
        for series in ask(server, f'sum by (le) ({name}_bucket{{lock="{LOCK}"}})'):
            classic[float(series["metric"]["le"])] = int(series["value"][1])
        for bound, count in classic.items():
            # A bound is no whole number of nanoseconds; a bucket's longest duration is one.
            expected = sum(weight for up_to, weight in buckets if (math.inf if up_to is None else up_to) <= bound * 1e9)
            if count != expected:
                print(f"FAILED: {count} {kind}s are at most {bound} s, the profile: {expected}")
                failed = True
        total = sum(weight for _, weight in buckets)
        counted = value(native, f'histogram_count(sum({name}{{lock="{LOCK}"}}))')
        if counted != total:
            print(f"FAILED: {counted} {kind}s in native histograms, the profile: {total}")
            failed = True
        for q in [0.5, 0.9, 0.99]:
            exact = quantile(samples, q)
            low, high = quantile(samples, q - RANK_ERROR), quantile(samples, min(q + RANK_ERROR, 1))
            # The widths of buckets, as powers of two.
            for what, width, found in [
                ("classic", 2, value(server, f'histogram_quantile({q}, sum by (le) ({name}_bucket{{lock="{LOCK}"}}))')),
                ("native", 0.5, value(native, f'histogram_quantile({q}, sum({name}{{lock="{LOCK}"}}))')),
            ]:
                print(f"{kind}s, {q}: {exact:.6f} s in the merged profile, {found:.6f} s from {what} histograms")
                if not low / 2**width <= found <= high * 2**width:
                    print("FAILED: they are more than a bucket apart")
                    failed = True
    sys.exit(failed)


main()
