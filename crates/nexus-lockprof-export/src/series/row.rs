//! Splits points into those with their own series and the others.

use std::cmp::Reverse;

use nexus_lockprof_snapshot::{Point, Snapshot};

use super::label;
use super::sums::Sums;

/// One series of each metric of points.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) sums: Sums<'a>,
    /// The point, unless there are several.
    alone: Option<&'a Point>,
}

impl<'a> Row<'a> {
    fn of(point: &'a Point) -> Self {
        let mut sums = Sums::default();
        sums.add(point);
        Row {
            labels: label::of_point(point),
            sums,
            alone: Some(point),
        }
    }

    /// Adds a row of one point.
    fn add(&mut self, other: Option<&'a Point>) {
        if let Some(point) = other {
            self.sums.add(point);
            self.alone = None;
        }
    }
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
pub(super) fn rows<'a>(points: &[&'a Point], folded: &[&'a Point]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = points.iter().map(|point| Row::of(point)).collect();
    fold_alike(&mut rows);
    if !folded.is_empty() {
        let mut others = Sums::default();
        for point in folded {
            others.add(point);
        }
        rows.push(Row {
            labels: label::of_others(),
            sums: others,
            alone: None,
        });
    }
    rows
}

/// Folds points with the same labels, such as two on one line, into one series in place of the
/// first. A reader would refuse a text with a duplicate series.
fn fold_alike(rows: &mut Vec<Row<'_>>) {
    let mut sorted: Vec<usize> = (0..rows.len()).collect();
    sorted.sort_by(|&a, &b| rows[a].labels.cmp(&rows[b].labels));
    let mut into: Vec<Option<usize>> = vec![None; rows.len()];
    for alike in sorted.chunk_by(|&a, &b| rows[a].labels == rows[b].labels) {
        if let [first, others @ ..] = alike {
            others.iter().for_each(|&other| into[other] = Some(*first));
        }
    }
    for (other, first) in into.iter().enumerate() {
        if let Some(first) = *first
            && let Ok([first, other]) = rows.get_disjoint_mut([first, other])
        {
            first.add(other.alone);
        }
    }
    let mut into = into.into_iter();
    rows.retain(|_| into.next().flatten().is_none());
}
