//! [`PastInterval`]: what happened at the points that waited most in one of the last intervals.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::figure::figures_of;
use crate::json::is_default;
use crate::{AcquireMode, Lock, Point, Site, point};

/// The largest number of past intervals, and of points in one. An engine keeps fewer.
pub(crate) const MOST: usize = 1 << 12;

/// One of the last intervals, with the points at which threads waited in it.
///
/// An engine keeps a bounded number of intervals, and of points in each. They show when a lock was
/// hot: two seconds of a minute disappear in the minute's percentiles, but not here.
///
/// ```
/// use nexus_lockprof_snapshot::{AcquireMode, Lock, PastInterval, PastPoint, Site};
///
/// let point = PastPoint {
///     lock: Lock::Named("cache".into()),
///     mode: AcquireMode::Exclusive,
///     site: Site::new("src/cache.rs", 12, 20),
///     acquisitions: 900,
///     contentions: 40,
///     wait_ns: 1_900_000_000,
///     wait_max_ns: 200_000_000,
/// };
/// let interval = PastInterval {
///     ended_unix_ns: 1_763_878_805_000_000_000,
///     length_ns: 2_000_000_000,
///     points: [point].into(),
/// };
/// assert_eq!(interval.length().as_secs(), 2);
/// assert_eq!(interval.began_unix_ns(), 1_763_878_803_000_000_000);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastInterval {
    /// Wall-clock time of its end, in nanoseconds since 1970.
    pub ended_unix_ns: u64,
    /// Its length, in nanoseconds of the engine's clock.
    pub length_ns: u64,
    /// The points at which threads waited, by time, longest first. Those beyond the engine's limit
    /// are summed up as the [rest](Lock::rest). Copies of a snapshot share them, and so do the
    /// snapshots of an engine.
    #[serde(default, skip_serializing_if = "is_default", with = "shared")]
    pub points: Arc<[PastPoint]>,
}

/// What happened at one point in a [`PastInterval`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastPoint {
    /// The lock class.
    pub lock: Lock,
    /// The mode.
    pub mode: AcquireMode,
    /// The place of the `lock()`, `read()`, ... call.
    pub site: Site,
    /// Acquisitions.
    pub acquisitions: u64,
    /// Acquisitions that had to wait.
    pub contentions: u64,
    /// Sum of the waits, in nanoseconds; an estimate if waits are timed by sample.
    pub wait_ns: u64,
    /// The longest measured wait, in nanoseconds: see
    /// [`Durations::max_ns`](crate::Durations::max_ns) of an interval.
    pub wait_max_ns: u64,
}

figures_of! {
    PastPoint in "history." {
        acquisitions: Counter "Acquisitions.",
        contentions: Counter "Acquisitions that had to wait.",
        wait_ns: Counter "Sum of the waits.",
        wait_max_ns: Max "The longest measured wait.",
    }
}

impl PastInterval {
    /// Its length.
    #[must_use]
    pub const fn length(&self) -> Duration {
        Duration::from_nanos(self.length_ns)
    }

    /// Wall-clock time of its beginning, in nanoseconds since 1970.
    #[must_use]
    pub const fn began_unix_ns(&self) -> u64 {
        self.ended_unix_ns.saturating_sub(self.length_ns)
    }

    /// The time that threads waited in it at this point, in nanoseconds. `None` if it is not known,
    /// because the point may be part of the rest.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, PastInterval, Point, Site};
    ///
    /// let point = Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("a.rs", 1, 1));
    /// assert_eq!(PastInterval::default().wait_ns(&point), Some(0));
    /// ```
    #[must_use]
    pub fn wait_ns(&self, point: &Point) -> Option<u64> {
        match (self.of(point), self.rest()) {
            (Some(past), _) => Some(past.wait_ns),
            (None, None) => Some(0),
            (None, Some(_)) => None,
        }
    }

    /// The same, or the most that it can have been: a point of the rest waited no longer than any
    /// other one, and no longer than the rest.
    pub(crate) fn most_wait_ns(&self, point: &Point) -> u64 {
        self.wait_ns(point).unwrap_or_else(|| {
            let others = self.points.iter().map(|past| past.wait_ns);
            others.min().unwrap_or(0)
        })
    }

    /// The sum of the points that are not listed, if there are some.
    fn rest(&self) -> Option<&PastPoint> {
        self.points.iter().find(|past| past.lock.is_rest())
    }

    /// What happened in it at this point; `None` if nobody waited there, or if it is part of the
    /// rest.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, PastInterval, Point, Site};
    ///
    /// let point = Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("a.rs", 1, 1));
    /// assert!(PastInterval::default().of(&point).is_none());
    /// ```
    #[must_use]
    pub fn of(&self, point: &Point) -> Option<&PastPoint> {
        self.points.iter().find(|past| past.key() == point.key())
    }
}

impl PastPoint {
    /// Nothing, at this point.
    #[must_use]
    pub const fn new(lock: Lock, mode: AcquireMode, site: Site) -> Self {
        Self {
            lock,
            mode,
            site,
            acquisitions: 0,
            contentions: 0,
            wait_ns: 0,
            wait_max_ns: 0,
        }
    }

    pub(crate) fn key(&self) -> point::Key<'_> {
        (&self.lock, self.mode, &self.site)
    }
}

/// Keeps as many as a reader takes: the last intervals.
pub(crate) fn normalize(history: &mut Vec<PastInterval>) {
    history.drain(..history.len().saturating_sub(MOST));
    for interval in history {
        if let Some((first, [_, ..])) = interval.points.split_at_checked(MOST) {
            interval.points = first.into();
        }
    }
}

/// The intervals that ended after those of `earlier`, a history of the same engine since the same
/// reset. Wall clocks do not decide it: they may be set, and each is read a moment after the
/// engine's.
pub(crate) fn after(history: &[PastInterval], earlier: &[PastInterval]) -> Vec<PastInterval> {
    let key = |interval: &PastInterval| (interval.ended_unix_ns, interval.length_ns);
    let last = earlier.last().map(key);
    let known = history
        .iter()
        .rposition(|interval| Some(key(interval)) == last);
    let first_new = known.map_or(0, |known| known + 1);
    history[first_new..].to_vec()
}

/// What [`after`] needs of a history.
pub(crate) fn last(history: &[PastInterval]) -> Vec<PastInterval> {
    let last = history.last().map(|last| PastInterval {
        points: Arc::default(),
        ..*last
    });
    last.into_iter().collect()
}

/// Shared points in JSON: a list.
mod shared {
    use super::{Arc, PastPoint};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        points: &Arc<[PastPoint]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (**points).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<[PastPoint]>, D::Error> {
        Vec::deserialize(deserializer).map(Arc::from)
    }
}
