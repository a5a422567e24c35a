//! Findings say why threads waited for a reader-writer lock, if most of the waiting has one cause.

use super::*;
use nexus_lockprof_snapshot::{Edge, EdgeEnd};

fn edge(waiting: &Point, holding: &Point, waited_ns: u64) -> Edge {
    Edge {
        waiting: Some(EdgeEnd::from(waiting)),
        holding: EdgeEnd::from(holding),
        waits: 1,
        waited_ns,
    }
}

/// A lock whose writer holds it for 15 ms, and two places that wait for it.
fn long_write(behind_writer: u64, behind_readers: u64) -> (Vec<Point>, Vec<Edge>) {
    let writer = point("map", 1, &[], &[(500, 15 * MS)], behind_writer);
    let waits = [(450, (behind_writer + behind_readers) / 450)];
    let reader = point("map", 2, &waits, &[(500, MS)], behind_readers);
    let reader = in_mode(AcquireMode::Shared, reader);
    let edges = vec![
        edge(&reader, &writer, behind_writer),
        edge(&reader, &reader, behind_readers),
    ];
    (vec![writer, reader], edges)
}

fn only((points, edges): (Vec<Point>, Vec<Edge>)) -> Finding {
    let snapshot = Snapshot::from_parts(SnapshotParts {
        edges,
        ..parts(points)
    });
    let findings = snapshot.findings();
    let [finding] = findings.as_slice() else {
        panic!("{findings:#?}")
    };
    finding.clone()
}

#[test]
fn a_long_write_keeps_readers_out() {
    let found = only(long_write(81 * SECOND / 10, 9 * SECOND / 10));
    assert_eq!(found.kind, FindingKind::SlowCaller);
    assert!(
        found
            .text
            .ends_with(" 90% of the waiting has one cause: reader behind a writer."),
        "{}",
        found.text
    );
    assert_eq!(found.evidence("cause_share").unwrap().value, 0.9);
}

#[test]
fn a_cause_that_has_less_than_half_is_not_named() {
    let (mut points, mut edges) = long_write(45 * SECOND / 10, 45 * SECOND / 10);
    assert!(
        only((points.clone(), edges.clone()))
            .text
            .contains("50% of the waiting has")
    );
    // Some of the time becomes another's.
    let writer = points[0].clone();
    edges[0].waited_ns -= SECOND;
    edges.push(edge(&writer, &writer, SECOND));
    points[0].wait = times(&[(1, SECOND)]);
    points[0].contentions = 1;
    let found = only((points.clone(), edges.clone()));
    assert!(found.evidence("cause_share").is_none(), "{}", found.text);
    // Nor is one if it may have less.
    let (mut points, edges) = long_write(6 * SECOND, 3 * SECOND);
    points[0].caused_variance = 3e9 * 3e9;
    let found = only((points, edges));
    assert!(found.evidence("cause_share").is_none(), "{}", found.text);
}

/// A mutex has no causes, and without edges they are unknown.
#[test]
fn nothing_is_said_where_nothing_is_known() {
    let (points, edges) = long_write(81 * SECOND / 10, 9 * SECOND / 10);
    let no_edges = only((points.clone(), Vec::new()));
    assert!(no_edges.evidence("cause_share").is_none());
    let as_mutex = |mut edge: Edge| {
        let ends = edge.waiting.iter_mut().chain([&mut edge.holding]);
        ends.for_each(|end| end.mode = AcquireMode::Exclusive);
        edge
    };
    let points = points.into_iter();
    let points = points.map(|point| in_mode(AcquireMode::Exclusive, point));
    let edges = edges.into_iter().map(as_mutex);
    let mutex = only((points.collect(), edges.collect()));
    assert!(mutex.evidence("cause_share").is_none(), "{}", mutex.text);
}

/// A writer that waits for 100 ms while readers hold for 1 ms.
fn starved(behind: &[(AcquireMode, u64)]) -> (Vec<Point>, Vec<Edge>) {
    let writer = point("map", 1, &[(50, 100 * MS)], &[(50, 10 * US)], 0);
    let reader = point("map", 2, &[], &[(20_000, MS)], 0);
    let mut points = vec![writer.clone(), in_mode(AcquireMode::Shared, reader)];
    let mut edges = Vec::new();
    for &(mode, ns) in behind {
        for end in points.iter_mut().filter(|point| point.mode == mode) {
            end.caused_wait_ns = ns;
            end.blocked = 50;
            edges.push(edge(&writer, end, ns));
        }
    }
    (points, edges)
}

#[test]
fn a_starved_writer_waits_behind_readers() {
    use AcquireMode::{Exclusive, Shared};
    let found = only(starved(&[(Shared, 4 * SECOND), (Exclusive, SECOND)]));
    assert_eq!(found.kind, FindingKind::StarvedWriter);
    assert!(
        found
            .text
            .contains("Writers wait for 100ms on average, 80% of it behind readers,"),
        "{}",
        found.text
    );
    assert!(found.evidence("cause_share").is_none(), "it says it itself");
    // The edges tell the writers' waiting from the readers'.
    let (mut points, edges) = starved(&[(Shared, 4 * SECOND), (Exclusive, SECOND)]);
    points[1].wait = times(&[(1_000, MS)]);
    points[1].contentions = 1_000;
    let found = only((points, edges));
    assert!(
        found.text.contains("average, 80% of it behind readers,"),
        "{}",
        found.text
    );
    // Behind one another, writers are not starved by readers.
    let found = only(starved(&[(Shared, 2 * SECOND), (Exclusive, 3 * SECOND)]));
    assert_ne!(found.kind, FindingKind::StarvedWriter, "{}", found.text);
}

/// What readers have caused may have been readers' waiting: then the writers' share is not known.
#[test]
fn without_edges_readers_may_have_waited_for_readers() {
    use AcquireMode::Shared;
    let (mut points, _) = starved(&[(Shared, 5 * SECOND)]);
    let found = only((points.clone(), Vec::new()));
    assert_eq!(found.kind, FindingKind::StarvedWriter);
    points[1].wait = times(&[(1_000, MS)]);
    points[1].contentions = 1_000;
    let found = only((points.clone(), Vec::new()));
    assert!(
        found.text.contains("at least 80% of it behind readers"),
        "{}",
        found.text
    );
    points[1].wait = times(&[(1_000, 3 * MS)]);
    let found = only((points, Vec::new()));
    assert_ne!(found.kind, FindingKind::StarvedWriter, "{}", found.text);
}
