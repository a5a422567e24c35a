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

/// One place that waits for 1 s, and places that caused so much of it each.
fn spread(caused_ns: &[u64]) -> Finding {
    let waits = Point {
        acquisitions: 10_000,
        contentions: 500,
        wait: times(500, 2 * MS),
        hold: times(10_000, 10_000),
        ..named("map", 100)
    };
    let holders = caused_ns
        .iter()
        .zip(1..)
        .map(|(&caused_wait_ns, line)| Point {
            acquisitions: 100,
            blocked: 30,
            caused_wait_ns,
            hold: times(100, 10_000),
            ..named("map", line)
        });
    let found = finding(holders.chain([waits]).collect(), Vec::new());
    assert_eq!(found.kind, FindingKind::Contended, "{}", found.text);
    found
}

#[test]
fn what_is_spread_says_how_much_of_it_is_known() {
    let known = spread(&[80 * MS; 12]);
    assert!(
        known.text.ends_with(
            " It is behind 12 places, and no more than 8.0% of it behind one of them: src/app.rs:1."
        ),
        "{}",
        known.text
    );
    assert_eq!(
        known.remedy,
        "Take the lock less often, or split it: no single hold is to blame."
    );
    assert_eq!(known.evidence("known_share").unwrap().value, 0.96);

    // The rest may be behind one place.
    let half = spread(&[70 * MS; 8]);
    assert!(
        half.text.ends_with(
            " 56% of that is behind 8 places, and no more than 7.0% of it behind one of them: src/app.rs:1. \
             The profile does not say who held it for the rest."
        ),
        "{}",
        half.text
    );
    assert_eq!(half.remedy, "Take the lock less often, or split it.");
    assert_eq!(half.evidence("known_share").unwrap().value, 0.56);

    let unknown = spread(&[70 * MS; 6]);
    assert!(
        unknown
            .text
            .ends_with(" The profile does not say who held it meanwhile."),
        "{}",
        unknown.text
    );
}
