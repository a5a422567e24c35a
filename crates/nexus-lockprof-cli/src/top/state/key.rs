//! The identity of a row.

use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site};

/// Identifies a row from one snapshot to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    lock: Lock,
    mode: AcquireMode,
    site: Site,
}

impl Key {
    /// The key of a point.
    pub(crate) fn of(point: &Point) -> Self {
        Self {
            lock: point.lock.clone(),
            mode: point.mode,
            site: point.site.clone(),
        }
    }

    /// Whether it is the key of this point.
    pub(crate) fn is(&self, point: &Point) -> bool {
        self.lock == point.lock && self.mode == point.mode && self.site == point.site
    }
}
