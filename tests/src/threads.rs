//! Threads' rows add up to the points.

use nexus_lockprof::{Snapshot, ThreadKind, ThreadRow};

/// Checks that the rows of a snapshot, or of an interval, add up to its points.
///
/// # Panics
/// If they do not.
pub fn check(snapshot: &Snapshot) {
    let of_rows = |of: fn(&ThreadRow) -> u64| snapshot.threads().iter().map(of).sum::<u64>();
    let points = snapshot.points();
    let sums = [
        (
            "acquisitions",
            points.iter().map(|p| p.acquisitions).sum(),
            of_rows(|r| r.acquisitions),
        ),
        (
            "contentions",
            points.iter().map(|p| p.contentions).sum(),
            of_rows(|r| r.contentions),
        ),
        (
            "waits",
            points.iter().map(|p| p.wait.samples).sum(),
            of_rows(|r| r.wait.samples),
        ),
        (
            "holds",
            points.iter().map(|p| p.hold.samples).sum(),
            of_rows(|r| r.hold.samples),
        ),
        (
            "wait ns",
            points.iter().map(|p| p.wait.total_ns).sum(),
            of_rows(|r| r.wait.total_ns),
        ),
    ];
    for (name, of_points, of_rows) in sums {
        let of_points: u64 = of_points;
        assert_eq!(of_rows, of_points, "{name}: {:#?}", snapshot.threads());
    }
    // Estimated holds of a lock may be cut to the time that there was, and a later snapshot may
    // have what an earlier one cut.
    let is_interval = snapshot.base_collection().is_some();
    if !is_interval && !points.iter().any(|point| point.hold.is_estimate()) {
        let held: u64 = points.iter().map(|p| p.hold.total_ns).sum();
        assert_eq!(of_rows(|r| r.hold.total_ns), held);
    }
}

/// The number of threads that have ended.
#[must_use]
pub fn ended(snapshot: &Snapshot) -> u64 {
    let rows = snapshot.threads().iter();
    rows.filter(|row| row.kind == ThreadKind::Ended)
        .map(|row| row.threads)
        .sum()
}
