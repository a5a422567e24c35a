//! Renames what a snapshot says beside its points, as the points themselves were.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::head::Head;
use crate::{
    EdgeEnd, PastInterval, PastPoint, Point, Site, Text, Waiter, deadlock, instance, order, waiter,
};

/// Gives the locks of instances and pairs, the ends of pairs, past points, and those who wait the
/// portable name if a point has got it. A place where somebody waits may be no point yet: it also
/// gets that name if others wait at the same place of another machine. `path` makes a file's path
/// portable.
pub(crate) fn like_points(head: &mut Head, points: &[Point], mut path: impl FnMut(&Text) -> Text) {
    waits(head, points, &mut path);
    let pairs = head.lock_order.iter();
    let potential = head.potential_deadlocks.iter();
    let pairs = pairs.chain(potential.flat_map(|potential| &potential.steps));
    let ends: Vec<&EdgeEnd> = pairs.flat_map(|pair| [&pair.held, &pair.wanted]).collect();
    let past = head.history.iter().flat_map(|interval| &*interval.points);
    let past: Vec<EdgeEnd> = past.map(end_of).collect();
    let of_instances = head.instances.iter().map(|instance| &instance.lock);
    let of_ends = ends.iter().map(|end| &end.lock);
    let mut locks = shorter(of_instances.chain(of_ends), |lock| {
        lock.with_file(&mut path)
    });
    let mut ends = shorter(ends.into_iter().chain(&past), |end| {
        end.with_files(&mut path)
    });
    keep_known(&mut locks, points.iter().map(|point| point.lock.clone()));
    keep_known(&mut ends, points.iter().map(EdgeEnd::from));
    if locks.is_empty() && ends.is_empty() {
        return;
    }
    for instance in &mut head.instances {
        rename(&mut instance.lock, &locks);
    }
    instance::normalize(&mut head.instances, &mut head.unlisted_most_ns);
    let pairs = head.lock_order.iter_mut();
    let potential = head.potential_deadlocks.iter_mut();
    for pair in pairs.chain(potential.flat_map(|potential| &mut potential.steps)) {
        for end in [&mut pair.held, &mut pair.wanted] {
            rename(end, &ends);
            rename(&mut end.lock, &locks);
        }
    }
    order::normalize_pairs(&mut head.lock_order);
    order::normalize(&mut head.potential_deadlocks);
    for interval in &mut head.history {
        rename_past(interval, &ends);
    }
}

/// Renames the places of those who wait, and of those who hold what they wait for.
fn waits(head: &mut Head, points: &[Point], mut path: impl FnMut(&Text) -> Text) {
    let in_deadlocks = head.deadlocks.iter().flat_map(|deadlock| &deadlock.waits);
    let waiting = head.waiters.iter().chain(in_deadlocks);
    let ends: HashSet<EdgeEnd> = waiting.flat_map(ends_of).flatten().collect();
    let mut names: HashMap<&EdgeEnd, EdgeEnd> = HashMap::new();
    let mut machines: HashMap<EdgeEnd, usize> = HashMap::new();
    for end in &ends {
        let portable = end.with_files(&mut path);
        *machines.entry(portable.clone()).or_default() += 1;
        names.insert(end, portable);
    }
    names.retain(|end, portable| *end != portable);
    if names.is_empty() {
        return;
    }
    let known: HashSet<EdgeEnd> = points.iter().map(EdgeEnd::from).collect();
    let is_shared = |portable: &EdgeEnd| machines.get(portable).is_some_and(|&many| many > 1);
    names.retain(|_, portable| known.contains(portable) || is_shared(portable));
    let names: HashMap<EdgeEnd, EdgeEnd> = names
        .into_iter()
        .map(|(end, portable)| (end.clone(), portable))
        .collect();
    let in_deadlocks = head.deadlocks.iter_mut();
    let in_deadlocks = in_deadlocks.flat_map(|deadlock| &mut deadlock.waits);
    for waiter in head.waiters.iter_mut().chain(in_deadlocks) {
        let [end, held] = ends_of(waiter).map(|end| names.get(&end?));
        if let Some((holder, held)) = waiter.holder.as_mut().zip(held) {
            holder.site = held.site.clone();
        }
        if let Some(end) = end {
            (waiter.lock, waiter.site) = (end.lock.clone(), end.site.clone());
        }
    }
    waiter::normalize(&mut head.waiters);
    deadlock::normalize(&mut head.deadlocks);
}

/// Where somebody waits, and where the lock is held.
fn ends_of(waiter: &Waiter) -> [Option<EdgeEnd>; 2] {
    let end = |mode, site: &Site| EdgeEnd {
        lock: waiter.lock.clone(),
        mode,
        site: site.clone(),
    };
    let holder = waiter.holder.as_ref();
    let held = holder.map(|holder| end(holder.mode, &holder.site));
    [Some(end(waiter.mode, &waiter.site)), held]
}

impl EdgeEnd {
    fn with_files(&self, mut path: impl FnMut(&Text) -> Text) -> Self {
        Self {
            lock: self.lock.with_file(&mut path),
            mode: self.mode,
            site: self.site.with_file(&mut path),
        }
    }
}

fn end_of(point: &PastPoint) -> EdgeEnd {
    EdgeEnd {
        lock: point.lock.clone(),
        mode: point.mode,
        site: point.site.clone(),
    }
}

/// Those that have another name with portable paths, with that name.
fn shorter<'a, T: Clone + Eq + Hash + 'a>(
    all: impl Iterator<Item = &'a T>,
    mut portable: impl FnMut(&T) -> T,
) -> HashMap<T, T> {
    let named = all.map(|one| (one.clone(), portable(one)));
    named.filter(|(one, portable)| one != portable).collect()
}

/// Keeps the names that are known.
fn keep_known<T: Clone + Eq + Hash>(names: &mut HashMap<T, T>, known: impl Iterator<Item = T>) {
    if names.is_empty() {
        return;
    }
    let wanted: HashSet<T> = names.values().cloned().collect();
    let found: HashSet<T> = known.filter(|one| wanted.contains(one)).collect();
    names.retain(|_, name| found.contains(name));
}

fn rename<T: Clone + Eq + Hash>(one: &mut T, names: &HashMap<T, T>) {
    if let Some(name) = names.get(one) {
        *one = name.clone();
    }
}

/// Renames the points of an interval. Adds up those that have become one.
fn rename_past(interval: &mut PastInterval, names: &HashMap<EdgeEnd, EdgeEnd>) {
    let mut places: HashMap<EdgeEnd, usize> = HashMap::new();
    let mut points: Vec<PastPoint> = Vec::new();
    let mut is_renamed = false;
    for mut point in interval.points.iter().cloned() {
        let mut end = end_of(&point);
        if let Some(name) = names.get(&end) {
            end = name.clone();
            (point.lock, point.mode, point.site) = (end.lock.clone(), end.mode, end.site.clone());
            is_renamed = true;
        }
        let place = *places.entry(end).or_insert(points.len());
        match points.get_mut(place) {
            Some(same) => same.merge_figures(&point),
            None => points.push(point),
        }
    }
    if is_renamed {
        // The sum of the others stays the last.
        points.sort_by_key(|point| (point.lock.is_rest(), Reverse(point.wait_ns)));
    }
    interval.points = points.into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AcquireMode, Lock, Site, SnapshotParts};

    #[test]
    fn a_name_that_no_point_has_stays() {
        let site = Site::new("/home/a/x.rs", 1, 1);
        let past = PastPoint::new(
            Lock::Created(site.clone()),
            AcquireMode::Shared,
            site.clone(),
        );
        let (before, ..) = SnapshotParts {
            history: vec![PastInterval {
                points: [past].into(),
                ..PastInterval::default()
            }],
            ..SnapshotParts::default()
        }
        .into_head();
        let mut head = before.clone();
        let other = Point::new(Lock::Anonymous, AcquireMode::Shared, site);
        like_points(&mut head, &[other], |_| "x.rs".into());
        assert_eq!(head, before);
    }
}
