//! The share of the time that locks are held and waited for: [`Utilisation`].

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{AcquireMode, Durations, Lock, Point, Snapshot, number};

/// A sum of times over several points, and the share of the elapsed time that it is.
///
/// A share of holds is how many holders there were on average. A share of waits is how many threads
/// (or tasks) waited on average: 2.7 means that waiting took the time of 2.7 threads. Both can be
/// above 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TimeShare {
    /// The sum, in nanoseconds. If [`is_partial`](Self::is_partial), a lower bound.
    pub total_ns: u64,
    /// The standard error of `total_ns`, in nanoseconds; 0 if every event was measured.
    pub standard_error_ns: f64,
    /// `total_ns` divided by the elapsed time.
    pub share: f64,
    /// The standard error of `share`.
    pub share_error: f64,
    /// Whether it is an estimate from a sample of the events.
    pub is_estimate: bool,
    /// Whether some of the events were not measured, and nothing represents them.
    pub is_partial: bool,
}

impl TimeShare {
    /// The sum over `all`. `None` if there were events and none was measured.
    fn of<'a>(all: impl IntoIterator<Item = &'a Durations>, elapsed_ns: u64) -> Option<Self> {
        let mut sum = Self::default();
        let (mut is_measured, mut has_events, mut variance) = (false, false, 0.0);
        for times in all {
            has_events |= times.events > 0 || times.unmeasured > 0;
            if times.samples == 0 {
                sum.is_partial |= times.events > 0 || times.unmeasured > 0;
                continue;
            }
            is_measured = true;
            sum.total_ns = sum.total_ns.saturating_add(times.total_ns);
            variance += times.standard_error_ns().powi(2);
            sum.is_estimate |= times.is_estimate();
            sum.is_partial |= times.is_partial();
        }
        if has_events && !is_measured {
            return None;
        }
        sum.standard_error_ns = variance.min(f64::MAX).sqrt();
        sum.share = sum.total_ns as f64 / elapsed_ns as f64;
        sum.share_error = sum.standard_error_ns / elapsed_ns as f64;
        Some(sum)
    }
}

/// How much of the elapsed time the locks of one class were held and waited for. Made by
/// [`Snapshot::utilisation`].
///
/// A class can have many locks, and the profiler does not count them. The figures are sums over all
/// of them, so a share of holds above 1 means that there are several. Below 1 it does not say that
/// there is one.
///
/// A hold or wait that is still under way is not included.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Utilisation {
    /// The lock class.
    pub lock: Lock,
    /// Exclusive and upgradable holds. A lock has at most one such holder at a time, so this is at
    /// most 1 for each lock. `None` if the holds were not measured.
    pub held: Option<TimeShare>,
    /// Shared holds, which overlap. `None` if they were not measured.
    pub readers: Option<TimeShare>,
    /// Waits. `None` if they were not measured.
    pub waited: Option<TimeShare>,
    /// The longest measured wait, in nanoseconds; `None` if none was measured. Divided by
    /// `mean_wait_ns`, it says how fair the lock is: a thread that is passed over waits many times
    /// as long as the others.
    pub longest_wait_ns: Option<u64>,
    /// The mean wait of those that waited, in nanoseconds; `None` if none was measured.
    pub mean_wait_ns: Option<u64>,
}

impl Utilisation {
    pub(crate) fn new(lock: &Lock, points: &[&Point], elapsed_ns: u64) -> Self {
        let is_shared = |point: &&&Point| point.mode == AcquireMode::Shared;
        let holds = |shared: bool| {
            let points = points.iter().filter(|point| is_shared(point) == shared);
            let is_pending = |point: &&Point| point.acquisitions > 0 && point.hold.is_empty();
            // Acquired, but no hold has ended: the share is unknown, not 0.
            let mut pending = points.clone().peekable();
            if pending.peek().is_some() && pending.all(is_pending) {
                return None;
            }
            TimeShare::of(points.map(|point| &point.hold), elapsed_ns)
        };
        let waits = points.iter().map(|point| &point.wait);
        let is_waited = |point: &&Point| point.contentions > 0;
        let waited = match TimeShare::of(waits, elapsed_ns) {
            // Mode `Counts` counts waits and has no durations at all.
            Some(sum) if sum == TimeShare::default() && points.iter().any(is_waited) => None,
            waited => waited,
        };
        let measured = || points.iter().filter(|point| point.wait.samples > 0);
        let events = number::sum(measured().map(|point| point.wait.events));
        let total_ns = number::sum(measured().map(|point| point.wait.total_ns));
        Self {
            longest_wait_ns: measured().map(|point| point.wait.max_ns).max(),
            mean_wait_ns: total_ns.checked_div(events),
            lock: lock.clone(),
            held: holds(false),
            readers: holds(true),
            waited,
        }
    }
}

/// What the JSON document says of it.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Busy {
    waited: Option<TimeShare>,
    /// The [`MOST_LOCKS`] that were waited for and held most.
    locks: Vec<Utilisation>,
}

/// The most locks in the JSON document, which repeats their names there.
const MOST_LOCKS: usize = 100;

impl Busy {
    /// `None` if there is nothing to say.
    pub(crate) fn of(snapshot: &Snapshot) -> Option<Self> {
        let mut locks = snapshot.utilisation();
        locks.truncate(MOST_LOCKS);
        let waited = snapshot.waited();
        (!locks.is_empty()).then_some(Self { waited, locks })
    }
}

/// The points of each lock class, in the order of the classes.
pub(crate) fn classes(points: &[Point]) -> BTreeMap<&Lock, Vec<&Point>> {
    let mut classes: BTreeMap<&Lock, Vec<&Point>> = BTreeMap::new();
    for point in points {
        classes.entry(&point.lock).or_default().push(point);
    }
    classes
}

impl Snapshot {
    /// How much of the time each lock class was held and waited for, by waited time, then by held
    /// time, most first. Empty if no time has elapsed.
    ///
    /// The elapsed time of a [merged](Self::merge) snapshot is the sum of the others', so its
    /// shares are their averages.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Durations, Lock, Point, Site, Snapshot, SnapshotParts};
    ///
    /// let hold = Durations { samples: 2, events: 2, total_ns: 840, ..Durations::default() };
    /// let site = Site::new("src/http.rs", 88, 31);
    /// let snapshot = Snapshot::from_parts(SnapshotParts {
    ///     elapsed_ns: 1_000,
    ///     points: vec![Point {
    ///         acquisitions: 2,
    ///         hold,
    ///         ..Point::new(Lock::Named("sessions".into()), AcquireMode::Exclusive, site)
    ///     }],
    ///     ..SnapshotParts::default()
    /// });
    /// let sessions = &snapshot.utilisation()[0];
    /// assert_eq!(sessions.held.map(|held| held.share), Some(0.84));
    /// assert_eq!(sessions.waited.map(|waited| waited.share), Some(0.0));
    /// ```
    #[must_use]
    pub fn utilisation(&self) -> Vec<Utilisation> {
        let elapsed_ns = self.elapsed_ns();
        if elapsed_ns == 0 {
            return Vec::new();
        }
        let mut all: Vec<Utilisation> = classes(&self.points)
            .into_iter()
            .map(|(lock, points)| Utilisation::new(lock, &points, elapsed_ns))
            .collect();
        let ns = |share: Option<TimeShare>| share.map_or(0, |share| share.total_ns);
        all.sort_by_key(|of| std::cmp::Reverse((ns(of.waited), ns(of.held), ns(of.readers))));
        all
    }

    /// How much of the time the locks of the class `lock` were held and waited for. `None` if no
    /// time has elapsed, or the class has no points.
    #[must_use]
    pub fn utilisation_of(&self, lock: &Lock) -> Option<Utilisation> {
        let points = self.points.iter().filter(|point| point.lock == *lock);
        let points: Vec<&Point> = points.collect();
        let is_known = self.elapsed_ns() > 0 && !points.is_empty();
        is_known.then(|| Utilisation::new(lock, &points, self.elapsed_ns()))
    }

    /// The time that all threads together lost to waiting. `None` if no wait was measured though
    /// some thread waited, or if no time has elapsed.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts { elapsed_ns: 1_000, ..SnapshotParts::default() });
    /// assert_eq!(snapshot.waited().map(|waited| waited.share), Some(0.0));
    /// ```
    #[must_use]
    pub fn waited(&self) -> Option<TimeShare> {
        if self.elapsed_ns() == 0 {
            return None;
        }
        let waits = self.points.iter().map(|point| &point.wait);
        let sum = TimeShare::of(waits, self.elapsed_ns())?;
        let has_waits = self.points.iter().any(|point| point.contentions > 0);
        (sum != TimeShare::default() || !has_waits).then_some(sum)
    }
}
