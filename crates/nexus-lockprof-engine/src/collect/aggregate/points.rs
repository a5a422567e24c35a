//! All points by name, and the rest, which takes in those for which there is no room.

use super::bound::Classes;
use super::point::{Bound, PointState};
use crate::collect::Callers;
use crate::identity;
use crate::identity::{PointKey, to_site};
use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site};
use std::collections::HashMap;

/// Number of sites by which the rest is divided. More of them go to no site.
const REST_SITES: usize = 1024;
/// Points without a record are kept while there are fewer of them than the largest number of
/// records divided by this.
const SHARE: usize = 4;

/// Number of keys that are remembered in any case.
const MOST_KEYS: usize = 1024;

/// All points.
#[derive(Default)]
pub(super) struct Points {
    /// `None` is a free place.
    states: Vec<Option<PointState>>,
    free: Vec<usize>,
    by_key: HashMap<PointKey, usize>,
    by_content: HashMap<(Lock, AcquireMode, Site), usize>,
    pub(super) classes: Classes,
    /// Points of the rest that have a site.
    rest_sites: usize,
    /// Points that have no record.
    without_record: usize,
}

impl Points {
    /// The point of a record. One line of source may have several addresses, so points are told
    /// apart by content. The key only saves building that.
    pub(super) fn of(&mut self, key: PointKey) -> usize {
        if let Some(&point) = self.by_key.get(&key) {
            return point;
        }
        let lock = key.class().to_lock();
        let mode = AcquireMode::from(key.site().mode());
        let site = to_site(key.site().location());
        let point = self.called(lock, mode, site);
        if let Some(state) = &self.states[point] {
            self.classes.add_number(state.class, key.number());
        }
        if self.by_key.len() > MOST_KEYS.max(4 * self.states.len()) {
            self.by_key.clear();
        }
        self.by_key.insert(key, point);
        point
    }

    fn called(&mut self, lock: Lock, mode: AcquireMode, site: Site) -> usize {
        let content = (lock, mode, site);
        if let Some(&point) = self.by_content.get(&content) {
            return point;
        }
        let (lock, mode, site) = content.clone();
        self.rest_sites += usize::from(lock.is_rest() && !site.is_group());
        let class = self.classes.add_point(&lock);
        let state = Some(PointState::new(lock, mode, site, class));
        let point = match self.free.pop() {
            Some(free) => {
                self.states[free] = state;
                free
            }
            None => {
                self.states.push(state);
                self.states.len() - 1
            }
        };
        self.without_record += 1;
        self.by_content.insert(content, point);
        point
    }

    /// The index of this point, if it is known.
    pub(super) fn index_of(&self, point: &Point) -> Option<usize> {
        let content = (point.lock.clone(), point.mode, point.site.clone());
        self.by_content.get(&content).copied()
    }

    /// A point from [`of`](Self::of) that has a record, or had one in this collection.
    pub(super) fn get(&mut self, point: usize) -> Option<&mut PointState> {
        self.states.get_mut(point)?.as_mut()
    }

    /// All indices are below this.
    pub(super) fn places(&self) -> usize {
        self.states.len()
    }

    /// All of them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut PointState)> {
        let states = self.states.iter_mut().enumerate();
        states.filter_map(|(point, state)| Some((point, state.as_mut()?)))
    }

    /// The places of all points, and their classes.
    pub(super) fn parts(&mut self) -> (&mut [Option<PointState>], &Classes) {
        (&mut self.states, &self.classes)
    }

    /// Notes that the point has one more record, or an edge.
    pub(super) fn add_record(&mut self, point: usize) {
        if let Some(state) = self.get(point) {
            state.records += 1;
            self.without_record -= usize::from(state.records == 1);
        }
    }

    /// Notes that a record or an edge of the point, with this key, was taken over.
    pub(super) fn forget_record(&mut self, point: usize, key: PointKey) {
        let Some(state) = self.states.get_mut(point).and_then(Option::as_mut) else {
            return;
        };
        state.records -= 1;
        self.without_record += usize::from(state.records == 0);
        if identity::may_change(key.number()) {
            // The next record with this key may belong to another point.
            self.by_key.remove(&key);
            self.classes.forget_number(state.class, key.number());
        }
    }

    /// If too many points have no record, moves those that were idle for longest into the rest.
    /// Returns where they are now, by their old indices.
    pub(super) fn push_out(
        &mut self,
        max_records: usize,
        bound: &mut Bound<'_>,
        callers: &mut Callers,
    ) -> HashMap<usize, usize> {
        let mut moved = HashMap::new();
        let most = (max_records / SHARE).max(1);
        if self.without_record <= most + self.rest_sites {
            return moved;
        }
        let mut idle: Vec<(u64, usize)> = self
            .iter_mut()
            .filter(|(_, state)| state.records == 0 && !state.lock.is_rest())
            .map(|(point, state)| (state.touched, point))
            .collect();
        // Removes some more than needed, since this looks at all of them.
        let leaving = idle.len().saturating_sub(most - most / 8);
        idle.sort_unstable();
        for &(_, point) in &idle[..leaving.min(idle.len())] {
            let rest = self.remove(point, bound, callers, |this, state| {
                let by_site = (Lock::rest(), state.mode, state.site.clone());
                let has_room =
                    this.rest_sites < REST_SITES || this.by_content.contains_key(&by_site);
                if has_room { by_site.2 } else { Site::rest() }
            });
            moved.extend(rest.map(|rest| (point, rest)));
        }
        // Another point may get a free place, so no key may lead to it.
        self.by_key.clear();
        moved
    }

    /// Forgets the points without a record. They have nothing to report since the reset that was
    /// just made.
    /// Returns where they are now, by their old indices.
    pub(super) fn push_out_blank(
        &mut self,
        bound: &mut Bound<'_>,
        callers: &mut Callers,
    ) -> HashMap<usize, usize> {
        let mut moved = HashMap::new();
        let blank: Vec<usize> = self
            .iter_mut()
            .filter(|(_, state)| state.records == 0)
            .filter(|(_, state)| !(state.lock.is_rest() && state.site.is_group()))
            .map(|(point, _)| point)
            .collect();
        for &point in &blank {
            let rest = self.remove(point, bound, callers, |_, _| Site::rest());
            moved.extend(rest.map(|rest| (point, rest)));
        }
        // Another point may get a free place, so no key may lead to it.
        self.by_key.clear();
        moved
    }

    /// Moves a point into the rest, at the site that `site_of` returns. Returns where it is now.
    fn remove(
        &mut self,
        point: usize,
        bound: &mut Bound<'_>,
        callers: &mut Callers,
        site_of: impl FnOnce(&Self, &PointState) -> Site,
    ) -> Option<usize> {
        let state = self.states[point].take()?;
        callers.forget(point);
        self.classes.forget_point(state.class, &state.lock);
        self.rest_sites -= usize::from(state.lock.is_rest() && !state.site.is_group());
        self.without_record -= 1;
        let content = (state.lock.clone(), state.mode, state.site.clone());
        self.by_content.remove(&content);
        self.free.push(point);
        let site = site_of(self, &state);
        let rest = self.called(Lock::rest(), state.mode, site);
        if let Some(rest) = self.get(rest) {
            rest.absorb(state, bound);
        }
        Some(rest)
    }
}
