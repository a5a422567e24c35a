//! The edges of a snapshot: who waited behind whom.

use nexus_lockprof::{Edge, EdgeEnd, Point, Snapshot};
use std::collections::HashMap;

/// Checks that the edges into each point add up to what it has blocked, and that those without a
/// waiting point are the loss.
///
/// # Panics
/// If they do not.
#[track_caller]
pub fn check(snapshot: &Snapshot) {
    check_sums(snapshot);
    assert_eq!(lost(snapshot), snapshot.losses().edges);
}

/// Checks that the edges into each point add up to what it has blocked. In an interval, an edge that
/// was known at its begin may have been lost.
///
/// # Panics
/// If they do not.
#[track_caller]
pub fn check_sums(snapshot: &Snapshot) {
    let mut into: HashMap<&EdgeEnd, (u64, u64)> = HashMap::new();
    for edge in snapshot.edges() {
        let (waits, ns) = into.entry(&edge.holding).or_default();
        *waits += edge.waits;
        *ns += edge.waited_ns;
    }
    for point in snapshot.points() {
        let sums = into.remove(&EdgeEnd::from(point)).unwrap_or_default();
        assert_eq!(sums, (point.blocked, point.caused_wait_ns), "{point:?}");
    }
    assert!(into.is_empty(), "edges into no point: {into:?}");
}

/// Waits of points that the table of edges had no room for.
#[must_use]
pub fn lost(snapshot: &Snapshot) -> u64 {
    let unknown = snapshot
        .edges()
        .iter()
        .filter(|edge| edge.waiting.is_none());
    unknown.map(|edge| edge.waits).sum()
}

/// Each edge as the lines of its ends, waits and time, by line.
#[must_use]
pub fn lines(snapshot: &Snapshot) -> Vec<(Option<u32>, u32, u64, u64)> {
    let of = |edge: &Edge| {
        let waiting = edge.waiting.as_ref().map(|end| end.site.line);
        let holding = edge.holding.site.line;
        (waiting, holding, edge.waits, edge.waited_ns)
    };
    let mut lines: Vec<_> = snapshot.edges().iter().map(of).collect();
    lines.sort_unstable();
    lines
}

/// What the edges from this point add up to.
#[must_use]
pub fn from(snapshot: &Snapshot, point: &Point) -> (u64, u64) {
    let edges = snapshot.edges_from(point);
    edges.fold((0, 0), |(waits, ns), edge| {
        (waits + edge.waits, ns + edge.waited_ns)
    })
}
