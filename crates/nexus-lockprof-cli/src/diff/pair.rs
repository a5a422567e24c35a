//! Pairs the points of two snapshots. The source may have been edited in between.
//!
//! Lines move when something is inserted above them. So points are not paired by line alone, but in
//! groups: those of one lock, one mode and one file, wherever cargo keeps that file on each
//! machine.
//!
//! Points of one snapshot that differ only in where cargo keeps a crate are one point. They are
//! added up before pairing.
//!
//! 1. If all places of one snapshot are in the other, nothing has moved: each is paired with
//!    itself, and the rest is new or gone.
//! 2. Otherwise, if both have the same number of points, they are paired in order.
//! 3. Otherwise nobody can tell which is new: the group is compared as one, at `file:*`.

use nexus_lockprof_snapshot::{
    AcquireMode, Lock, Point, PortablePaths, Site, Snapshot, SnapshotParts, Text,
};
use std::collections::BTreeMap;
use std::ops::Deref;

/// A point in the runs of one side, by run; `None` for a run that did not use it.
pub(crate) type Runs<'a> = Vec<Option<InRun<'a>>>;

/// A point in one run. It is small, unlike a `Cow`, which has room for a whole point.
#[derive(Debug)]
pub(crate) enum InRun<'a> {
    One(&'a Point),
    /// The sum of several points.
    Sum(Box<Point>),
}

impl Deref for InRun<'_> {
    type Target = Point;

    fn deref(&self) -> &Point {
        match self {
            Self::One(point) => point,
            Self::Sum(point) => point,
        }
    }
}

/// A point on both sides, or on one.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) before: Runs<'a>,
    pub(crate) after: Runs<'a>,
    /// Whether it stands for all points of the lock in the file.
    pub(crate) together: bool,
}

/// The point in the first run that has it.
pub(crate) fn first<'a>(runs: &'a Runs<'_>) -> Option<&'a Point> {
    runs.iter().flatten().map(|point| &**point).next()
}

impl Pair<'_> {
    /// Where it was, if it moved.
    pub(crate) fn was(&self) -> Option<&Site> {
        let (before, after) = (&first(&self.before)?.site, &first(&self.after)?.site);
        (!self.together && position(before) != position(after)).then_some(before)
    }

    /// The point as it is now, or was if it is gone.
    pub(crate) fn point(&self) -> Option<&Point> {
        first(&self.after).or(first(&self.before))
    }
}

/// What stays the same when lines move.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    name: Option<Text>,
    created_in: Option<Text>,
    mode: AcquireMode,
    file: Text,
}

impl Group {
    fn of(point: &Point, paths: &mut PortablePaths) -> Self {
        let (name, created_in) = match &point.lock {
            Lock::Named(name) => (Some(name.clone()), None),
            Lock::Created(site) => (None, Some(paths.get(&site.file))),
            // Runs may differ in which place comes first.
            Lock::FirstUsed(_) | Lock::Anonymous => (None, None),
        };
        Self {
            name,
            created_in,
            mode: point.mode,
            file: paths.get(&point.site.file),
        }
    }
}

/// Line and column.
type Position = (u32, u32);

fn position(site: &Site) -> Position {
    (site.line, site.column)
}

/// Orders the points of a group and tells them apart: where an unnamed lock was created, and where
/// it is taken.
type Positions = (Option<Position>, Position);

fn positions(point: &Point) -> Positions {
    let created = match &point.lock {
        Lock::Created(site) => Some(position(site)),
        Lock::Named(_) | Lock::FirstUsed(_) | Lock::Anonymous => None,
    };
    (created, position(&point.site))
}

/// Pairs the points of two sides, each of one run or several. All runs of a side are of one
/// program, so their places are the same.
pub(crate) fn pairs<'a>(before: &[&'a [Point]], after: &[&'a [Point]]) -> Vec<Pair<'a>> {
    /// Points of one place, each with the number of its run.
    type Several<'a> = Vec<(usize, &'a Point)>;
    type Members<'a> = BTreeMap<Positions, Several<'a>>;
    let sides = [before, after];
    let mut groups: BTreeMap<Group, [Members<'a>; 2]> = BTreeMap::new();
    let mut paths = PortablePaths::default();
    for (side, runs) in sides.into_iter().enumerate() {
        for (run, points) in runs.iter().enumerate() {
            for point in *points {
                let members = &mut groups.entry(Group::of(point, &mut paths)).or_default()[side];
                // Push instead of replacing: two points may differ in something that is not part of
                // the place.
                let several = members.entry(positions(point));
                several
                    .or_insert_with(|| Vec::with_capacity(runs.len()))
                    .push((run, point));
            }
        }
    }
    let pair = |before: Several<'a>, after: Several<'a>, together| Pair {
        before: by_run(&before, sides[0].len()),
        after: by_run(&after, sides[1].len()),
        together,
    };
    let mut pairs = Vec::new();
    for [mut before, after] in groups.into_values() {
        let within = |a: &Members<'_>, b: &Members<'_>| a.keys().all(|place| b.contains_key(place));
        if within(&before, &after) || within(&after, &before) {
            let both = after.into_iter();
            let both: Vec<_> = both
                .map(|(place, after)| (before.remove(&place).unwrap_or_default(), after))
                .collect();
            let gone = before.into_values();
            pairs.extend(gone.map(|before| pair(before, Vec::new(), false)));
            pairs.extend(
                both.into_iter()
                    .map(|(before, after)| pair(before, after, false)),
            );
        } else if before.len() == after.len() {
            let both = before.into_values().zip(after.into_values());
            pairs.extend(both.map(|(before, after)| pair(before, after, false)));
        } else {
            let [before, after] =
                [before, after].map(|members| members.into_values().flatten().collect());
            pairs.push(pair(before, after, true));
        }
    }
    pairs
}

/// The points of each run, added up.
fn by_run<'a>(points: &[(usize, &'a Point)], runs: usize) -> Runs<'a> {
    let of = |run| {
        let points: Vec<&Point> = points
            .iter()
            .filter(|(of, _)| *of == run)
            .map(|(_, point)| *point)
            .collect();
        match points.as_slice() {
            [] => None,
            [point] => Some(InRun::One(point)),
            several => together(several).map(|sum| InRun::Sum(Box::new(sum))),
        }
    };
    (0..runs).map(of).collect()
}

/// All of them as one point, at the place of the first.
fn together(points: &[&Point]) -> Option<Point> {
    let mut points: Vec<Point> = points.iter().map(|point| (*point).clone()).collect();
    let (lock, site) = points
        .first()
        .map(|first| (first.lock.clone(), first.site.clone()))?;
    for point in &mut points {
        point.lock = lock.clone();
        point.site = site.clone();
    }
    let merged = Snapshot::from_parts(SnapshotParts {
        points,
        ..SnapshotParts::default()
    });
    merged.points().first().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A point at a line, with that many acquisitions.
    fn at(line: u32) -> Point {
        Point {
            acquisitions: line.into(),
            ..Point::new(
                Lock::Named("cache".into()),
                AcquireMode::Exclusive,
                Site::new("a.rs", line, 1),
            )
        }
    }

    fn check(before: &[u32], after: &[u32], expected: &[(Option<u64>, Option<u64>)]) {
        let [before, after] =
            [before, after].map(|lines| lines.iter().map(|&line| at(line)).collect::<Vec<_>>());
        let found: Vec<_> = pairs(&[&before], &[&after])
            .iter()
            .map(|pair| {
                let count = |runs: &Runs<'_>| first(runs).map(|p| p.acquisitions);
                (count(&pair.before), count(&pair.after))
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_has_moved() {
        check(
            &[10, 20],
            &[10, 20],
            &[(Some(10), Some(10)), (Some(20), Some(20))],
        );
        check(&[10], &[10, 20], &[(Some(10), Some(10)), (None, Some(20))]);
        check(&[10, 20], &[20], &[(Some(10), None), (Some(20), Some(20))]);
        check(&[], &[1], &[(None, Some(1))]);
    }

    #[test]
    fn lines_that_have_moved_are_told_by_their_order() {
        // The old line 41 is not the new line 41.
        check(
            &[38, 41],
            &[41, 44],
            &[(Some(38), Some(41)), (Some(41), Some(44))],
        );
    }

    #[test]
    fn what_cannot_be_told_apart_is_taken_together() {
        check(&[38, 41], &[41, 44, 50], &[(Some(79), Some(135))]);
    }

    #[test]
    fn another_file_or_mode_is_another_group() {
        let mut shared = at(10);
        shared.mode = AcquireMode::Shared;
        let mut elsewhere = at(10);
        elsewhere.site.file = "b.rs".into();
        let (before, after) = ([at(10)], [at(10), shared, elsewhere]);
        let pairs = pairs(&[&before], &[&after]);
        assert_eq!(
            pairs
                .iter()
                .filter(|pair| first(&pair.before).is_some())
                .count(),
            1
        );
        assert_eq!(pairs.len(), 3);
    }

    #[test]
    fn another_machine_keeps_its_crates_elsewhere() {
        let kept_in = |home: &str, line| {
            let mut point = at(line);
            point.site.file =
                format!("{home}/.cargo/registry/src/index-0123/dep-1.0.0/src/a.rs").into();
            point
        };
        let (before, after) = ([kept_in("/home/me", 7)], [kept_in("/root", 7)]);
        let pairs = pairs(&[&before], &[&after]);
        let [pair] = pairs.as_slice() else {
            panic!("{pairs:?}")
        };
        assert!(first(&pair.before).is_some() && first(&pair.after).is_some());
        assert_eq!(pair.was(), None);
    }

    #[test]
    fn crates_in_two_folders_are_added_up() {
        let kept_in = |home: &str, acquisitions| {
            let mut point = at(7);
            point.acquisitions = acquisitions;
            point.site.file =
                format!("{home}/.cargo/registry/src/index-0123/dep-1.0.0/src/a.rs").into();
            point
        };
        let before = [kept_in("/home/a", 30), kept_in("/home/b", 4)];
        let after = [
            kept_in("/home/b", 500),
            kept_in("/root", 60),
            kept_in("/home/a", 7),
        ];
        let pairs = pairs(&[&before], &[&after]);
        let [pair] = pairs.as_slice() else {
            panic!("{pairs:?}")
        };
        let count = |runs: &Runs<'_>| first(runs).map(|p| p.acquisitions);
        assert_eq!(
            (count(&pair.before), count(&pair.after)),
            (Some(34), Some(567))
        );
    }

    #[test]
    fn locks_without_a_name_are_told_by_where_they_were_created() {
        let created = |line, site| Point {
            lock: Lock::Created(Site::new("pool.rs", line, 1)),
            ..at(site)
        };
        let (before, after) = (
            [created(1, 9), created(2, 8)],
            [created(4, 9), created(5, 8)],
        );
        let pairs = pairs(&[&before], &[&after]);
        let lines: Vec<_> = pairs
            .iter()
            .map(|pair| {
                (
                    first(&pair.before).unwrap().site.line,
                    first(&pair.after).unwrap().site.line,
                )
            })
            .collect();
        assert_eq!(lines, [(9, 9), (8, 8)]);
    }
}
