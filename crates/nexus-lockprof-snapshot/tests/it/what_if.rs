//! What changes to a lock would bring. The model's own tests are beside it.

use nexus_lockprof_snapshot::{
    Change, Durations, Expected, Lock, Point, ProfilerMode, Snapshot, SnapshotParts, TableStats,
};

use crate::support::{TestResult, named};

const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;

fn times(events: u64, mean_ns: u64) -> Durations {
    Durations {
        samples: events,
        events,
        total_ns: events * mean_ns,
        ..Durations::default()
    }
}

fn point(line: u32, acquisitions: u64, wait_ns: u64, hold_ns: u64) -> Point {
    Point {
        acquisitions,
        contentions: acquisitions,
        wait: times(acquisitions, wait_ns),
        hold: times(acquisitions, hold_ns),
        ..named("map", line)
    }
}

/// Ten seconds.
fn parts(threads: u64, points: Vec<Point>) -> SnapshotParts {
    SnapshotParts {
        elapsed_ns: 10 * SECOND,
        profiler_mode: ProfilerMode::Exact,
        table: TableStats {
            shards: threads,
            ..TableStats::default()
        },
        points,
        ..SnapshotParts::default()
    }
}

fn map() -> Lock {
    named("map", 0).lock
}

/// Eight threads, one after the other, 1 ms each, and 0.5 ms between.
fn saturated() -> SnapshotParts {
    parts(8, vec![point(1, 10_000, 6 * MS + MS / 2, MS)])
}

fn gain(expected: &[Expected], change: Change) -> Option<f64> {
    let found = expected.iter().find(|expected| expected.change == change);
    found.map(|expected| (expected.gain * 100.0).round())
}

#[test]
fn of_a_saturated_lock() {
    let what_if = Snapshot::from_parts(saturated()).what_if(&map()).unwrap();
    assert_eq!((what_if.threads, what_if.per_second), (8, 1_000.0));
    assert_eq!((what_if.hold_ns, what_if.between_ns), (1e6, 0.5e6));
    assert!(what_if.handover_ns < 1.0, "nothing is lost between holds");
    // Held all the time before and after, so it has twice as many turns.
    assert_eq!(gain(&what_if.expected, Change::HalveHold), Some(100.0));
    // Nobody waits for readers.
    let shared = 8.0 / 1.5 * 100.0 - 100.0;
    let found = gain(&what_if.expected, Change::Share);
    assert_eq!(found, Some(f64::round(shared)));
    let split = gain(&what_if.expected, Change::Split { ways: 4 }).unwrap();
    assert!(
        (100.0..300.0).contains(&split),
        "at most four times: {split}"
    );
    assert!(what_if.expected.is_sorted_by(|a, b| a.gain >= b.gain));
    for expected in &what_if.expected {
        assert!(expected.gain_low <= expected.gain && expected.gain <= expected.gain_high);
    }
}

/// The place that holds for longer is worth more.
#[test]
fn of_a_slow_caller() {
    let slow = point(1, 1_000, 3 * MS, 5 * MS);
    let quick = point(2, 9_000, 3 * MS, MS / 10);
    let snapshot = Snapshot::from_parts(parts(6, vec![slow, quick]));
    let what_if = snapshot.what_if(&map()).unwrap();
    let halves = what_if.expected.iter();
    let halves = halves.filter(|expected| expected.change == Change::HalveHold);
    let lines: Vec<Option<u32>> = halves
        .map(|expected| expected.site.as_ref().map(|site| site.line))
        .collect();
    assert_eq!(lines, [Some(1), Some(2)]);
}

/// Waits that are longer than the queue are the handover's, and shorter holds do not shorten it.
#[test]
fn of_a_lock_that_is_slow_to_change_hands() {
    let snapshot = Snapshot::from_parts(parts(4, vec![point(1, 100_000, 395_000, 5_000)]));
    let what_if = snapshot.what_if(&map()).unwrap();
    assert!((90e3..95e3).contains(&what_if.handover_ns), "{what_if:?}");
    let half = gain(&what_if.expected, Change::HalveHold).unwrap();
    assert!(half < 5.0, "{half}");
}

#[test]
fn nothing_where_too_little_is_known() {
    let of = |parts: SnapshotParts| Snapshot::from_parts(parts).what_if(&map());
    assert!(of(saturated()).is_some());
    let changed = |change: fn(&mut Point)| {
        let mut parts = saturated();
        parts.points.iter_mut().for_each(change);
        of(parts)
    };
    assert_eq!(changed(|point| point.hold = Durations::default()), None);
    assert_eq!(changed(|point| point.wait = Durations::default()), None);
    assert_eq!(changed(|point| point.wait.unmeasured = 1), None);
    assert_eq!(changed(|point| point.acquisitions = 0), None);
    let several = changed(|point| point.hold.total_ns *= 2);
    assert_eq!(several, None, "held for 200 % of the time");
    let mut no_time = saturated();
    no_time.elapsed_ns = 0;
    assert_eq!(of(no_time), None);
    let snapshot = Snapshot::from_parts(saturated());
    assert_eq!(snapshot.what_if(&named("other", 0).lock), None);
    let merged = Snapshot::merge([snapshot.clone(), snapshot]);
    assert_eq!(merged.what_if(&map()), None);
}

/// No number is too large to compute with, and no model takes long.
#[test]
fn of_odd_figures() {
    for (threads, acquisitions, wait_ns, hold_ns) in [
        (0, 1, 1, 0),
        (u64::MAX, 10_000, 1, MS),
        (1, u64::MAX / 4, 2, 0),
        (3, 2, u64::MAX / 4, 1),
    ] {
        let points = vec![point(1, acquisitions, wait_ns, hold_ns)];
        let what_if = Snapshot::from_parts(parts(threads, points)).what_if(&map());
        for expected in what_if.iter().flat_map(|what_if| &what_if.expected) {
            assert!(expected.gain.is_finite(), "{what_if:?}");
        }
    }
}

#[test]
fn findings_say_it() -> TestResult {
    let snapshot = Snapshot::from_parts(saturated());
    let findings = snapshot.findings();
    assert_eq!(
        findings[0].expected,
        "By a queueing model, acquisitions grow by about 100% with half the hold at src/app.rs:1; by about 222% with \
         the lock split in 4; by about 433% if src/app.rs:1 only reads and acquires it shared."
    );
    let json: serde_json::Value = serde_json::from_str(&snapshot.to_json()?)?;
    let what_if = &json["findings"][0]["what_if"];
    assert_eq!(what_if["threads"], 8);
    assert_eq!(what_if["expected"][0]["change"], "share");
    assert_eq!(what_if["expected"][0]["mode"], "exclusive");
    assert_eq!(what_if["expected"][1]["ways"], 4);
    assert_eq!(json["findings"][0]["kind"], "saturated");
    Ok(())
}
