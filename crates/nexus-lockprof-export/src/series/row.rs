//! Splits points into those with their own series and the others.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::hash::{BuildHasher, RandomState};

use nexus_lockprof_snapshot::{Point, Snapshot};

use super::label;
use super::sums::Sums;

/// Rows of a scrape, whose sums are worth keeping for all families. A file may have as many points
/// as fit into it, and the sums of each take half a kilobyte.
const KEPT: usize = 10_000;

/// One series of each metric of points.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) labels: Vec<(&'static str, String)>,
    first: &'a Point,
    /// `None` if there is no other point, and it is summed up for each family.
    kept: Option<Box<Sums<'a>>>,
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
    let firsts = firsts(points);
    let mut places = vec![0; points.len()];
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (at, (point, first)) in points.iter().zip(firsts).enumerate() {
        if first == at {
            places[at] = rows.len();
            let mut row = Row::new(label::of_point(point), point);
            if points.len() <= KEPT {
                row.keep();
            }
            rows.push(row);
        } else if let Some(row) = rows.get_mut(places[first]) {
            row.keep().add(point);
        }
    }
    if let [first, others @ ..] = folded {
        let mut row = Row::new(label::of_others(), first);
        others.iter().for_each(|point| row.keep().add(point));
        rows.push(row);
    }
    rows
}

/// For each of the points, the place of the first that has the same labels. Keeps hashes of the
/// labels and not the labels, which would take most of the memory.
fn firsts(points: &[&Point]) -> Vec<usize> {
    let random = RandomState::new();
    let hash = |point: &&Point| random.hash_one(label::of_point(point));
    let mut hashed: Vec<(u64, usize)> = points.iter().map(hash).zip(0..).collect();
    hashed.sort_unstable();
    let mut firsts = vec![0; points.len()];
    for alike in hashed.chunk_by(|a, b| a.0 == b.0) {
        // Nearly always one.
        let mut different: Vec<(Vec<(&str, String)>, usize)> = Vec::new();
        for &(_, at) in alike {
            let labels = label::of_point(points[at]);
            let known = different.iter().find(|(known, _)| *known == labels);
            firsts[at] = known.map_or(at, |(_, first)| *first);
            if firsts[at] == at {
                different.push((labels, at));
            }
        }
    }
    firsts
}

impl<'a> Row<'a> {
    fn new(labels: Vec<(&'static str, String)>, first: &'a Point) -> Self {
        Row {
            labels,
            first,
            kept: None,
        }
    }

    pub(super) fn sums(&self) -> Cow<'_, Sums<'a>> {
        match &self.kept {
            Some(sums) => Cow::Borrowed(sums),
            None => Cow::Owned(Sums::of(self.first)),
        }
    }

    /// Sums up now, and keeps that.
    fn keep(&mut self) -> &mut Sums<'a> {
        let first = self.first;
        self.kept.get_or_insert_with(|| Box::new(Sums::of(first)))
    }
}
