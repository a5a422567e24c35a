//! Points that joined the [rest](Lock::rest) between two snapshots.
//!
//! An engine without room for a point adds its figures to a point of the rest: the one at its site,
//! or the one without a site. So the earlier snapshot's figures belong there, too.

use crate::point::Key;
use crate::{Durations, Lock, Point, Site};
use std::borrow::Cow;
use std::collections::HashMap;

/// The points of the earlier of two snapshots, grouped as in the later one.
pub(crate) struct Before<'a> {
    points: HashMap<Key<'a>, Earlier<'a>>,
    /// The points that have joined the rest, with their point of the rest in the later snapshot.
    joined: HashMap<Key<'a>, &'a Point>,
}

enum Earlier<'a> {
    As(&'a Point),
    /// The sum of points that the later snapshot does not separate. Boxed, since these are few and
    /// the others are many.
    Sum(Box<Point>),
}

impl<'a> Before<'a> {
    /// `between` subtracts a point's earlier figures from its later ones. It fails if one went
    /// backwards.
    pub(crate) fn new<E>(
        later: &'a [Point],
        earlier: &'a [Point],
        between: impl Fn(&Point, &Point) -> Result<Point, E>,
    ) -> Result<Self, E> {
        let as_it_was = |point: &'a Point| (point.key(), Earlier::As(point));
        if !later.iter().any(|point| point.lock.is_rest()) {
            let points = earlier.iter().map(as_it_was).collect();
            let joined = HashMap::new();
            return Ok(Before { points, joined });
        }
        let now: HashMap<Key<'_>, &Point> = later.iter().map(|p| (p.key(), p)).collect();
        let mut points = HashMap::new();
        // Pairs of the point's rest in `later`, and the point.
        let mut gone: Vec<(&Point, &Point)> = Vec::new();
        // Follows the order of `earlier`, so that the error is always the same.
        for point in earlier {
            let went_back = match now.get(&point.key()) {
                // The point left the rest again.
                Some(later) => between(later, point).err(),
                // A point disappears only by joining the rest.
                None => between(&point.blank(), point).err(),
            };
            match (went_back, rest_of(point, &now)) {
                (None, _) => points.extend([as_it_was(point)]),
                (Some(_), Some(rest)) => gone.push((rest, point)),
                (Some(error), None) => return Err(error),
            }
        }
        let joined = gone.iter().map(|(rest, point)| (point.key(), *rest));
        let joined = joined.collect();
        for (rest, point) in gone {
            let earlier = points
                .remove(&rest.key())
                .unwrap_or_else(|| Earlier::Sum(Box::new(rest.blank())));
            let mut sum = match earlier {
                Earlier::As(point) => Box::new(point.clone()),
                Earlier::Sum(sum) => sum,
            };
            add(&mut sum, point);
            points.insert(rest.key(), Earlier::Sum(sum));
        }
        Ok(Before { points, joined })
    }

    /// The earlier figures of this point of the later snapshot.
    pub(crate) fn take(&mut self, point: &'a Point) -> Cow<'a, Point> {
        match self.points.remove(&point.key()) {
            Some(Earlier::As(point)) => Cow::Borrowed(point),
            Some(Earlier::Sum(sum)) => Cow::Owned(*sum),
            None => Cow::Owned(point.blank()),
        }
    }

    /// The point of the later snapshot that this one of the earlier has joined.
    pub(crate) fn joined(&self, point: Key<'_>) -> Option<&'a Point> {
        self.joined.get(&point).copied()
    }

    /// Whether this point of the earlier snapshot was not taken.
    pub(crate) fn has(&self, point: &Point) -> bool {
        self.points.contains_key(&point.key())
    }
}

/// The rest that the point has joined, if any.
fn rest_of<'a>(point: &Point, now: &HashMap<Key<'a>, &'a Point>) -> Option<&'a Point> {
    let rest = Lock::rest();
    let nowhere = Site::rest();
    [&point.site, &nowhere]
        .into_iter()
        .map(|site| (&rest, point.mode, site))
        .filter(|&key| key != point.key())
        .find_map(|key| now.get(&key).copied())
}

fn add(sum: &mut Point, point: &Point) {
    sum.merge_figures(point);
    sum.caused_variance += point.caused_variance;
    add_durations(&mut sum.wait, &point.wait);
    add_durations(&mut sum.hold, &point.hold);
}

/// Leaves out the samples: an interval uses those of the later snapshot.
fn add_durations(sum: &mut Durations, more: &Durations) {
    let at_most_ns = sum.at_most_ns;
    sum.merge_figures(more);
    sum.at_most_ns = at_most_ns;
    sum.total_variance += more.total_variance;
    sum.histogram.merge(&more.histogram);
}
