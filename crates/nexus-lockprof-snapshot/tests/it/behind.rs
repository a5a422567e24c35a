//! What findings say of who waits behind whom, and of what is not known.

use nexus_lockprof_snapshot::{
    Durations, Edge, EdgeEnd, Finding, FindingKind, Point, ProfilerMode, Snapshot, SnapshotParts,
    TableStats,
};

use crate::support::named;

const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;

fn times(events: u64, ns: u64) -> Durations {
    Durations {
        samples: events,
        events,
        total_ns: events * ns,
        max_ns: ns,
        ..Durations::default()
    }
}

/// The finding of ten seconds of a program.
#[track_caller]
fn finding(points: Vec<Point>, edges: Vec<Edge>) -> Finding {
    let snapshot = Snapshot::from_parts(SnapshotParts {
        collection: 1,
        elapsed_ns: 10 * SECOND,
        profiler_mode: ProfilerMode::Exact,
        table: TableStats {
            shards: 8,
            ..TableStats::default()
        },
        points,
        edges,
        ..SnapshotParts::default()
    });
    let findings = snapshot.findings();
    let [finding] = findings.as_slice() else {
        panic!("{findings:#?}")
    };
    finding.clone()
}

/// A place that holds the lock for long, and one that waits for it for 9 s.
fn long_hold(error_ns: f64) -> Vec<Point> {
    vec![
        Point {
            acquisitions: 500,
            blocked: 450,
            caused_wait_ns: 9 * SECOND,
            caused_variance: error_ns * error_ns,
            hold: times(500, 15 * MS),
            ..named("map", 1)
        },
        Point {
            acquisitions: 500,
            contentions: 450,
            wait: times(450, 20 * MS),
            hold: times(500, 15 * MS),
            ..named("map", 2)
        },
    ]
}

fn edge(waited_ns: u64) -> Edge {
    Edge {
        waiting: Some(EdgeEnd::from(&named("map", 2))),
        holding: EdgeEnd::from(&named("map", 1)),
        waits: 400,
        waited_ns,
    }
}

#[test]
fn a_share_of_the_waiting_has_an_error() {
    let exact = finding(long_hold(0.0), vec![edge(6 * SECOND)]);
    assert!(
        exact
            .text
            .ends_with(" 67% of the waiting behind it is at src/app.rs:2."),
        "{}",
        exact.text
    );
    let share = exact.evidence("edge_share").unwrap();
    assert_eq!((share.standard_error, share.is_estimate), (0.0, false));

    let sampled = finding(long_hold(3e8), vec![edge(6 * SECOND)]);
    assert!(
        sampled
            .text
            .ends_with(" About 67% ± 3.5% of the waiting behind it is at src/app.rs:2."),
        "{}",
        sampled.text
    );
    let share = sampled.evidence("edge_share").unwrap();
    assert!(share.is_estimate);
    // Of 9 s ± 0.3 s, 6 s have two thirds of the variance.
    let expected = 6.0 / 9.0 * (0.3 * (2.0f64 / 3.0).sqrt() / 6.0).hypot(0.3 / 9.0);
    assert!((share.standard_error - expected).abs() < 1e-12, "{share:?}");

    // The more it may be wrong, the less is said.
    let unsure = finding(long_hold(1.5e9), vec![edge(6 * SECOND)]);
    assert!(unsure.evidence("edge_share").is_none(), "{}", unsure.text);
}

/// A file can have any figures.
#[test]
fn a_share_is_never_more_than_all_and_never_of_nothing() {
    let more = finding(long_hold(0.0), vec![edge(u64::MAX)]);
    assert_eq!(more.evidence("edge_share").unwrap().value, 1.0);
    // A convoy asks for the edges of the whole class.
    let mut points = long_hold(0.0);
    for point in &mut points {
        (point.caused_wait_ns, point.hold) = (0, times(500, 300));
    }
    let nothing = finding(points, vec![edge(6 * SECOND)]);
    assert_eq!(nothing.kind, FindingKind::Convoy);
    assert!(nothing.evidence("edge_share").is_none(), "{}", nothing.text);
}
