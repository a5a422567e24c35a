//! [`Point`]: the record of one acquisition point.

use std::cmp::Reverse;
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

    /// Adds another record of the same point.
    pub(crate) fn merge(&mut self, other: Self) {
        self.acquisitions = self.acquisitions.saturating_add(other.acquisitions);
        self.contentions = self.contentions.saturating_add(other.contentions);
        self.try_failures = self.try_failures.saturating_add(other.try_failures);
        self.timeouts = self.timeouts.saturating_add(other.timeouts);
        self.cancellations = self.cancellations.saturating_add(other.cancellations);
        self.vain_wait_ns = self.vain_wait_ns.saturating_add(other.vain_wait_ns);
        self.blocked = self.blocked.saturating_add(other.blocked);
        self.caused_wait_ns = self.caused_wait_ns.saturating_add(other.caused_wait_ns);
        self.caused_variance = json::variance::sum(self.caused_variance, other.caused_variance);
        self.wait.merge(other.wait);
        self.hold.merge(other.hold);
        self.callers.extend(other.callers);
    }
}

/// Sorts points and their reservoirs into a snapshot's order, and merges records of one point.
pub(crate) fn normalize(points: &mut Vec<Point>) {
    points.sort_by(|a, b| a.key().cmp(&b.key()));
    let mut merged: Vec<Point> = Vec::with_capacity(points.len());
    for point in points.drain(..) {
        match merged.last_mut() {
            Some(last) if last.key() == point.key() => last.merge(point),
            _ => merged.push(point),
        }
    }
    for point in &mut merged {
        point.wait.sort();
        point.hold.sort();
        stack::normalize(&mut point.callers);
    }
    // A stable sort: what ties here stays in the order of the keys.
    merged.sort_by_key(|p| Reverse((p.wait.total_ns, p.contentions, p.acquisitions)));
    *points = merged;
}
