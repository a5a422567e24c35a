//! Splits points into those with their own series and the others.

use std::cmp::Reverse;
use std::collections::HashMap;

use nexus_lockprof_snapshot::{Point, Snapshot};

use super::label;
use super::sums::Sums;

/// One series of each metric of points.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) sums: Sums<'a>,
}

/// The points of a snapshot by rank: first those that wait or make others wait, then those that
/// hold, then the busiest. Ties keep the snapshot's order, which depends only on the points.
pub(crate) fn ranked(snapshot: &Snapshot) -> Vec<&Point> {
    let mut points: Vec<&Point> = snapshot.points().iter().collect();
    points.sort_by_key(|p| {
        // Each wait counts twice, for its waiter and for its cause: knowing only one of them is of
        // little use.
        let waiting = u128::from(p.wait.total_ns) + u128::from(p.caused_wait_ns);
        Reverse((waiting, p.hold.total_ns, p.acquisitions))
    });
    points
}

/// One row for each of `points`, and one for the `folded` ones together, if there are any.
///
/// Points with the same labels, such as two on one line, share the row of the first. A reader would
/// refuse a text with a duplicate series.
pub(super) fn rows<'a>(points: &[&'a Point], folded: &[&'a Point]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    let mut places: HashMap<Vec<(&'static str, String)>, usize> = HashMap::new();
    for point in points {
        let labels = label::of_point(point);
        match places.get(&labels).and_then(|place| rows.get_mut(*place)) {
            Some(row) => row.sums.add(point),
            None => {
                places.insert(labels.clone(), rows.len());
                rows.push(Row::new(labels, &[point]));
            }
        }
    }
    if !folded.is_empty() {
        rows.push(Row::new(label::of_others(), folded));
    }
    rows
}

impl<'a> Row<'a> {
    fn new(labels: Vec<(&'static str, String)>, points: &[&'a Point]) -> Self {
        let mut sums = Sums::default();
        points.iter().for_each(|point| sums.add(point));
        Row { labels, sums }
    }
}
