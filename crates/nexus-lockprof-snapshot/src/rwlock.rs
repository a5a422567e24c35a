//! Reader-writer locks that threads waited for: [`RwLockWaits`].

use std::collections::HashSet;

use serde::Serialize;

use crate::cause::{Causes, EdgesFrom, waits_of};
use crate::utilisation::classes;
use crate::{
    AcquireMode, Lock, Point, ProfilerMode, Snapshot, TimeShare, Utilisation, WaitsByCause,
};

/// What is known of the waits for the reader-writer locks of one class. Made by
/// [`Snapshot::rwlocks`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RwLockWaits {
    /// The lock class.
    pub lock: Lock,
    /// All waits: [`short_waits`](Self::short_waits), [`long_waits`](Self::long_waits) and
    /// [`gave_up`](Self::gave_up) together.
    pub waits: u64,
    /// Acquisitions that got the lock while they looked again. All of them in a snapshot from an
    /// old file: see [`Point::long_waits`].
    pub short_waits: u64,
    /// Acquisitions that parked their thread, and all that were a task's and waited.
    pub long_waits: u64,
    /// Timeouts and cancellations.
    pub gave_up: u64,
    /// Why threads waited, most time first. Adds up to `waits`.
    pub causes: Vec<WaitsByCause>,
    /// The readers that held a lock of the class at one time, on average over all of the time.
    /// `None` if their holds were not measured.
    pub readers: Option<TimeShare>,
    /// The most readers that those who waited have seen inside at once; there may have been more.
    /// `None` if no reader was seen. An interval has this only if it exceeds all from before.
    pub most_readers: Option<u64>,
}

impl RwLockWaits {
    fn new(lock: &Lock, points: &[&Point], causes: &Causes, readers: Option<TimeShare>) -> Self {
        let sum = |of: fn(&Point) -> u64| {
            let values = points.iter().map(|point| of(point));
            values.fold(0, u64::saturating_add)
        };
        let contentions = sum(|point| point.contentions);
        let long_waits = sum(|point| point.long_waits).min(contentions);
        let most_readers = points.iter().map(|point| point.most_readers).max();
        Self {
            lock: lock.clone(),
            waits: sum(waits_of),
            short_waits: contentions - long_waits,
            long_waits,
            gave_up: sum(|point| point.timeouts.saturating_add(point.cancellations)),
            causes: causes.list(),
            readers,
            most_readers: most_readers.filter(|&most| most != 0),
        }
    }
}

/// The most locks in the JSON document.
const MOST_LOCKS: usize = 100;

/// What the JSON document lists.
pub(crate) fn listed(snapshot: &Snapshot) -> Vec<RwLockWaits> {
    let mut locks = snapshot.rwlocks();
    locks.truncate(MOST_LOCKS);
    locks
}

/// Whether the points are those of reader-writer locks. A lock that was only read is a semaphore if
/// anybody waited for it, and one that was only written is no different from a mutex.
fn is_rwlock(lock: &Lock, points: &[&Point]) -> bool {
    let has = |is: fn(AcquireMode) -> bool| points.iter().any(|point| is(point.mode));
    !lock.is_rest()
        && has(|mode| mode != AcquireMode::Exclusive)
        && has(|mode| mode != AcquireMode::Shared)
}

impl Snapshot {
    /// The reader-writer locks that threads waited for, most time first: why they waited, and how
    /// many readers there were. Empty in mode `waits`, which does not know who held a lock.
    ///
    /// A class is listed if it has both readers and others in this snapshot.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
    ///
    /// let at = |line, mode| Point {
    ///     acquisitions: 9,
    ///     contentions: 2,
    ///     long_waits: 1,
    ///     ..Point::new(Lock::Named("map".into()), mode, Site::new("src/map.rs", line, 1))
    /// };
    /// let snapshot = Snapshot::from_parts(SnapshotParts {
    ///     points: vec![at(7, AcquireMode::Shared), at(30, AcquireMode::Exclusive)],
    ///     ..SnapshotParts::default()
    /// });
    /// let map = &snapshot.rwlocks()[0];
    /// assert_eq!((map.waits, map.short_waits, map.long_waits), (4, 2, 2));
    /// ```
    #[must_use]
    pub fn rwlocks(&self) -> Vec<RwLockWaits> {
        if self.profiler_mode() == ProfilerMode::Waits {
            return Vec::new();
        }
        let edges = EdgesFrom::new(self);
        let mut all: Vec<(u64, RwLockWaits)> = Vec::new();
        for (lock, points) in classes(self.points()) {
            let Some(of) = self.waits_for(lock, &points, &edges) else {
                continue;
            };
            let waited_ns = of.causes.iter().map(|of| of.waited_ns);
            all.push((waited_ns.fold(0, u64::saturating_add), of));
        }
        // Stable: equals stay in the order of the classes.
        all.sort_by_key(|(waited_ns, of)| std::cmp::Reverse((*waited_ns, of.waits)));
        all.into_iter().map(|(_, of)| of).collect()
    }

    /// The same for the class `lock`. `None` if nobody waited for it, or it is no reader-writer
    /// lock.
    #[must_use]
    pub fn rwlock(&self, lock: &Lock) -> Option<RwLockWaits> {
        let points = self.points().iter().filter(|point| point.lock == *lock);
        let points: Vec<&Point> = points.collect();
        let is_known = self.profiler_mode() != ProfilerMode::Waits;
        is_known.then(|| self.waits_for(lock, &points, &EdgesFrom::new(self)))?
    }

    /// The points of reader-writer locks at which threads waited, each with its
    /// [causes](Self::causes), in the order of the snapshot. Empty in mode `waits`.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{
    ///     AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts, WaitCause,
    /// };
    ///
    /// let at = |line, mode| Point {
    ///     contentions: 2,
    ///     ..Point::new(Lock::Named("map".into()), mode, Site::new("src/map.rs", line, 1))
    /// };
    /// let snapshot = Snapshot::from_parts(SnapshotParts {
    ///     points: vec![at(7, AcquireMode::Shared), at(30, AcquireMode::Exclusive)],
    ///     ..SnapshotParts::default()
    /// });
    /// for (point, causes) in snapshot.rwlock_points() {
    ///     assert_eq!((point.contentions, causes[0].cause), (2, WaitCause::Unknown));
    /// }
    /// ```
    #[must_use]
    pub fn rwlock_points(&self) -> Vec<(&Point, Vec<WaitsByCause>)> {
        if self.profiler_mode() == ProfilerMode::Waits {
            return Vec::new();
        }
        let of_rwlocks = classes(self.points())
            .into_iter()
            .filter(|(lock, points)| is_rwlock(lock, points));
        let rwlocks: HashSet<&Lock> = of_rwlocks.map(|(lock, _)| lock).collect();
        let edges = EdgesFrom::new(self);
        let points = self.points().iter();
        points
            .filter(|point| waits_of(point) > 0 && rwlocks.contains(&point.lock))
            .map(|point| (point, edges.causes(point).list()))
            .collect()
    }

    fn waits_for<'a>(
        &'a self,
        lock: &Lock,
        points: &[&'a Point],
        edges: &EdgesFrom<'a>,
    ) -> Option<RwLockWaits> {
        let is_waited_for = points.iter().any(|point| waits_of(point) > 0);
        if !is_waited_for || !is_rwlock(lock, points) {
            return None;
        }
        let mut causes = Causes::default();
        for point in points {
            causes.merge(&edges.causes(point));
        }
        let readers = match self.elapsed_ns() {
            0 => None,
            elapsed_ns => Utilisation::new(lock, points, elapsed_ns).readers,
        };
        Some(RwLockWaits::new(lock, points, &causes, readers))
    }
}
