//! [`Point`]: the record of one acquisition point.

use std::cmp::{Ordering, Reverse};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::{self, is_default};
use crate::{AcquireMode, Durations, Lock, Site, Stack, stack};

/// Everything known about one acquisition point: (lock class, mode, source location).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The lock class.
    pub lock: Lock,
    /// The mode.
    pub mode: AcquireMode,
    /// The place of the `lock()`, `read()`, ... call.
    pub site: Site,
    /// Successful, non-recursive acquisitions. Exact in every mode.
    pub acquisitions: u64,
    /// Acquisitions that found the lock taken and had to wait. Exact in every mode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub contentions: u64,
    /// `try_*` calls that found the lock taken. Exact in every mode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub try_failures: u64,
    /// Timed acquires that gave up. Exact in every mode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeouts: u64,
    /// Acquires of tasks that were dropped while they waited. Exact in every mode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cancellations: u64,
    /// For how long, in nanoseconds, those waited in vain that timed out or were cancelled. No part of `wait`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub vain_wait_ns: u64,
    /// How often other threads had to wait while this point held the lock.
    #[serde(default, skip_serializing_if = "is_default")]
    pub blocked: u64,
    /// For how long, in nanoseconds, other threads waited while this point held the lock.
    /// An estimate when [`caused_variance`](Self::caused_variance) is not 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub caused_wait_ns: u64,
    /// Variance of `caused_wait_ns` as an estimator, in ns²; 0 when each of those waits was measured.
    #[serde(
        default,
        skip_serializing_if = "json::is_zero",
        with = "json::variance"
    )]
    pub caused_variance: f64,
    /// Times from finding the lock taken to owning it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub wait: Durations,
    /// Times from owning the lock to releasing it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hold: Durations,
    /// The call stacks of the long waits, by estimated wait, longest first. Empty unless the engine was told to look at
    /// stacks (`Config::stacks`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub callers: Vec<Stack>,
}

/// What makes two records the same acquisition point.
pub(crate) type Key<'a> = (&'a Lock, AcquireMode, &'a Site);

impl Point {
    /// A point at which nothing has happened yet.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site};
    ///
    /// let point = Point {
    ///     acquisitions: 3,
    ///     ..Point::new(Lock::Anonymous, AcquireMode::Exclusive, Site::new("src/main.rs", 1, 1))
    /// };
    /// assert_eq!(point.contentions, 0);
    /// ```
    #[must_use]
    pub fn new(lock: Lock, mode: AcquireMode, site: Site) -> Self {
        Self {
            lock,
            mode,
            site,
            acquisitions: 0,
            contentions: 0,
            try_failures: 0,
            timeouts: 0,
            cancellations: 0,
            vain_wait_ns: 0,
            blocked: 0,
            caused_wait_ns: 0,
            caused_variance: 0.0,
            wait: Durations::default(),
            hold: Durations::default(),
            callers: Vec::new(),
        }
    }

    /// For how long other threads waited while this point held the lock.
    #[must_use]
    pub const fn caused_wait(&self) -> Duration {
        Duration::from_nanos(self.caused_wait_ns)
    }

    /// Standard error of [`caused_wait_ns`](Self::caused_wait_ns), in nanoseconds; 0 when it is no estimate.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site};
    ///
    /// let mut point = Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("a.rs", 1, 1));
    /// (point.caused_wait_ns, point.caused_variance) = (1_000, 400.0);
    /// assert_eq!(point.caused_standard_error_ns(), 20.0);
    /// ```
    #[must_use]
    pub fn caused_standard_error_ns(&self) -> f64 {
        self.caused_variance.max(0.0).sqrt()
    }

    /// The share of the acquisitions that had to wait, from 0 to 1; `None` without acquisitions.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site};
    ///
    /// let mut point = Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("a.rs", 1, 1));
    /// assert_eq!(point.contention_ratio(), None);
    /// (point.acquisitions, point.contentions) = (8, 2);
    /// assert_eq!(point.contention_ratio(), Some(0.25));
    /// ```
    #[must_use]
    pub fn contention_ratio(&self) -> Option<f64> {
        (self.acquisitions > 0).then(|| self.contentions as f64 / self.acquisitions as f64)
    }

    pub(crate) fn key(&self) -> Key<'_> {
        (&self.lock, self.mode, &self.site)
    }

    /// The same point before anything happened at it.
    pub(crate) fn blank(&self) -> Self {
        Self::new(self.lock.clone(), self.mode, self.site.clone())
    }

    /// Whether nothing happened here.
    pub(crate) fn is_idle(&self) -> bool {
        self.acquisitions == 0
            && self.contentions == 0
            && self.try_failures == 0
            && self.timeouts == 0
            && self.cancellations == 0
            && self.vain_wait_ns == 0
            && self.blocked == 0
            && self.caused_wait_ns == 0
            && self.wait.is_empty()
            && self.hold.is_empty()
            && self.callers.is_empty()
    }

    /// Adds other records of the same point. What they have of memory is taken from them.
    pub(crate) fn merge(&mut self, others: &mut [Self]) {
        for other in &mut *others {
            self.acquisitions = self.acquisitions.saturating_add(other.acquisitions);
            self.contentions = self.contentions.saturating_add(other.contentions);
            self.try_failures = self.try_failures.saturating_add(other.try_failures);
            self.timeouts = self.timeouts.saturating_add(other.timeouts);
            self.cancellations = self.cancellations.saturating_add(other.cancellations);
            self.vain_wait_ns = self.vain_wait_ns.saturating_add(other.vain_wait_ns);
            self.blocked = self.blocked.saturating_add(other.blocked);
            self.caused_wait_ns = self.caused_wait_ns.saturating_add(other.caused_wait_ns);
            self.caused_variance = json::variance::sum(self.caused_variance, other.caused_variance);
            self.callers.append(&mut other.callers);
        }
        self.wait.merge(others.iter().map(|other| &other.wait));
        self.hold.merge(others.iter().map(|other| &other.hold));
    }

    /// Whether it is counters alone, so that it can be added to another for nothing.
    pub(crate) fn is_small(&self) -> bool {
        let of = |durations: &Durations| durations.reservoir.len() + durations.recent.len();
        of(&self.wait) + of(&self.hold) + self.callers.len() == 0
    }
}

/// Sorts points and their reservoirs into a snapshot's order, and merges records of one point. In place: there may be
/// a million.
pub(crate) fn normalize(points: &mut Vec<Point>) {
    // Stable, for the sake of sums of doubles: records of one point are added in the order that they came in.
    sort(points, |a, b| a.key().cmp(&b.key()));
    merge_alike(points);
    for point in &mut *points {
        point.wait.sort();
        point.hold.sort();
        stack::normalize(&mut point.callers);
    }
    let rank = |p: &Point| Reverse((p.wait.total_ns, p.contentions, p.acquisitions));
    // Stable, too: what ties here stays in the order of the keys.
    sort(points, |a, b| rank(a).cmp(&rank(b)));
}

/// A stable sort that moves each point once, and needs no room for points.
fn sort(points: &mut [Point], order: impl Fn(&Point, &Point) -> Ordering) {
    if points.is_sorted_by(|a, b| order(a, b).is_le()) {
        return;
    }
    let mut sorted: Vec<usize> = (0..points.len()).collect();
    sorted.sort_by(|&a, &b| order(&points[a], &points[b]));
    let mut place = vec![0; points.len()];
    for (to, &from) in sorted.iter().enumerate() {
        place[from] = to;
    }
    drop(sorted);
    // Each swap brings one point to its place.
    for at in 0..points.len() {
        while place[at] != at {
            let to = place[at];
            points.swap(at, to);
            place.swap(at, to);
        }
    }
}

/// Merges records of one point, which are side by side.
fn merge_alike(points: &mut Vec<Point>) {
    if points.is_sorted_by(|a, b| a.key() < b.key()) {
        return;
    }
    for alike in points.chunk_by_mut(|a, b| a.key() == b.key()) {
        if let Some((first, others)) = alike.split_first_mut() {
            first.merge(others);
        }
    }
    points.dedup_by(|next, kept| next.key() == kept.key());
    points.shrink_to_fit();
}
