//! OpenTelemetry's metrics.

use std::collections::BTreeMap;

use nexus_lockprof_export::otlp;
use nexus_lockprof_snapshot::{Histogram, Snapshot, SnapshotParts};

use crate::rich::{self, TestResult};
use crate::wire::{messages, number, numbers};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn attributes(message: &[u8], field: u64) -> Vec<(String, String)> {
    let attributes = messages(message, field).into_iter();
    let pair = |attribute| {
        let value = messages(attribute, 2)[0];
        (text(messages(attribute, 1)[0]), text(messages(value, 1)[0]))
    };
    attributes.map(pair).collect()
}

/// The metrics of a request, by name.
fn metrics(body: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let resource = messages(body, 1)[0];
    let scope = messages(resource, 2)[0];
    let metrics = messages(scope, 2).into_iter();
    metrics
        .map(|metric| (text(messages(metric, 1)[0]), metric.to_vec()))
        .collect()
}

/// The total of a sum's points: whole numbers in field 6, seconds in field 4.
fn total(metric: &[u8]) -> f64 {
    let sum = messages(metric, 7)[0];
    let points = messages(sum, 1).into_iter();
    let values = points.map(|point| {
        let whole = numbers(point, 6).into_iter().map(|count| count as f64);
        let seconds = numbers(point, 4).into_iter().map(f64::from_bits);
        whole.chain(seconds).sum::<f64>()
    });
    values.sum()
}

#[test]
fn sums_are_the_snapshots_whatever_is_folded() {
    let snapshot = rich::snapshot();
    let waits: u64 = snapshot.points().iter().map(|p| p.wait.total_ns).sum();
    for top in [0, 2, 200] {
        let metrics = metrics(&otlp::metrics(&snapshot).top(top).to_bytes());
        assert_eq!(total(&metrics["lockprof.acquisitions"]), 1_000_055.0);
        assert_eq!(total(&metrics["lockprof.blocked"]), 41.0);
        assert_eq!(total(&metrics["lockprof.losses"]), 12.0);
        let waited = total(&metrics["lockprof.wait"]) * 1e9;
        assert!((waited - waits as f64).abs() < 0.5, "{waited}");
        assert_eq!(text(messages(&metrics["lockprof.wait"], 3)[0]), "s");
        let points = messages(messages(&metrics["lockprof.hold"], 7)[0], 1);
        assert_eq!(points.len(), (top + 1).min(7));
        let last = points.last().map(|point| attributes(point, 7));
        let lock = last.as_ref().and_then(|labels| labels.first());
        let (name, value) = lock.cloned().unwrap_or_default();
        assert_eq!(name, "lock");
        assert_eq!(value == "other", top < 8, "{value}");
    }
}

#[test]
fn who_and_since_when() {
    let snapshot = rich::snapshot();
    let body = otlp::metrics(&snapshot)
        .resource("service.name", "shop")
        .to_bytes();
    let resource = messages(messages(&body, 1)[0], 1)[0];
    assert_eq!(
        attributes(resource, 1),
        [("service.name".to_owned(), "shop".to_owned())]
    );
    let metrics = metrics(&body);
    let point = messages(messages(&metrics["lockprof.wait"], 7)[0], 1)[0];
    assert_eq!(number(point, 3), snapshot.taken_unix_ns());
    assert_eq!(number(point, 2), 1_763_878_738_888_000_000);
    let holds = messages(messages(&metrics["lockprof.hold_duration"], 10)[0], 1)[0];
    assert_eq!(number(holds, 6), 2, "the scale, 1, as a signed number");
    // Durations of 200 and 400 ns, and other ones of the same line.
    let mut expected = Histogram::default();
    let line = snapshot.points()[0].labels();
    let alike = snapshot
        .points()
        .iter()
        .filter(|point| point.labels() == line);
    alike.for_each(|point| expected.merge(&point.hold.histogram));
    assert_eq!(number(holds, 4), expected.total());
    let positive = messages(holds, 8)[0];
    let weights = numbers(positive, 2);
    // A signed number. Bucket 0 ends at 2^-26 s, and begins at 2^-26.5 s.
    let offset = number(positive, 1);
    let offset = (offset >> 1) as i64 ^ -((offset & 1) as i64);
    let mut found = Histogram::default();
    for (index, weight) in (offset + 53..).zip(weights) {
        found.add(index as usize, weight);
    }
    assert_eq!(found, expected);
}

#[test]
fn an_interval_is_a_delta() -> TestResult {
    let later = rich::snapshot();
    let earlier = Snapshot::from_parts(SnapshotParts {
        points: Vec::new(),
        collection: 41,
        elapsed_ns: 0,
        losses: Default::default(),
        overhead: Default::default(),
        table: Default::default(),
        ..rich::parts()
    });
    for (snapshot, temporality) in [(later.since(&earlier)?, 1), (later, 2)] {
        let metrics = metrics(&otlp::metrics(&snapshot).to_bytes());
        let sum = messages(&metrics["lockprof.wait"], 7)[0];
        assert_eq!((number(sum, 2), number(sum, 3)), (temporality, 1));
    }
    Ok(())
}
