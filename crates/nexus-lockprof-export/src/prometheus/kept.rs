//! The points that keep their series.

use std::collections::HashSet;

use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site};

/// A set of points.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(HashSet<Key>);

type Key = (Lock, AcquireMode, Site);

fn key(point: &Point) -> Key {
    (point.lock.clone(), point.mode, point.site.clone())
}

impl Kept {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn keep(&mut self, point: &Point) {
        self.0.insert(key(point));
    }

    pub(super) fn contains(&self, point: &Point) -> bool {
        self.0.contains(&key(point))
    }
}
