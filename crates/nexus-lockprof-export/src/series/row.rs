//! Which points have series of their own, and what is in the others'.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use nexus_lockprof_snapshot::{Point, Snapshot};

use super::label;
use super::sums::Sums;

/// One series of each metric of points.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) sums: Sums,
    /// The point, if it is the only one: a quantile cannot be added up.
    pub(super) alone: Option<&'a Point>,
}

impl Row<'_> {
    fn new(labels: Vec<(&'static str, String)>) -> Self {
        Self {
            labels,
            sums: Sums::default(),
            alone: None,
        }
    }
}

/// The points of a snapshot, those first that say most: that wait or make others wait, then those that hold, then the busy ones.
/// Ties stay in the snapshot's order, which depends on nothing but the points.
pub(crate) fn ranked(snapshot: &Snapshot) -> Vec<&Point> {
    let mut points: Vec<&Point> = snapshot.points().iter().collect();
    points.sort_by_key(|p| {
        // Each wait counts for who waited and for who made it wait: to know the one without the other is of little use.
        let waiting = u128::from(p.wait.total_ns) + u128::from(p.caused_wait_ns);
        Reverse((waiting, p.hold.total_ns, p.acquisitions))
    });
    points
}

/// The rows of a snapshot: of `points`, and of the `folded` ones together, if there are any.
pub(super) fn rows<'a>(points: &[&'a Point], folded: &[&Point]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::with_capacity(points.len() + 1);
    let mut places: HashMap<_, usize> = HashMap::with_capacity(points.len());
    for &point in points {
        let labels = label::of_point(point);
        // Points that look alike, such as of a lock without a name and of one called "?", are one series: the
        // same series twice would be refused as a whole.
        let place = match places.entry(labels) {
            Entry::Occupied(occupied) => *occupied.get(),
            Entry::Vacant(vacant) => {
                rows.push(Row {
                    alone: Some(point),
                    ..Row::new(vacant.key().clone())
                });
                *vacant.insert(rows.len() - 1)
            }
        };
        if let Some(row) = rows.get_mut(place) {
            row.sums.add(point);
            row.alone = row.alone.filter(|&alone| std::ptr::eq(alone, point));
        }
    }
    if !folded.is_empty() {
        let mut others = Row::new(label::of_others());
        for point in folded {
            others.sums.add(point);
        }
        rows.push(others);
    }
    rows
}
