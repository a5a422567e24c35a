//! [`Point`]: the record of one acquisition point.

use std::cmp::{Ordering, Reverse};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::figure::figures_of;
use crate::json::{self, is_default};
use crate::{AcquireMode, Durations, Lock, Site, Stack, stack};

/// Defines [`Point`], given its figures.
macro_rules! point {
    (
        $(#[$of_first:meta])* $first:ident: $first_kind:ident $first_help:literal,
        $($(#[$more:meta])* $figure:ident: $kind:ident $help:literal,)+
    ) => {
        /// Everything known about one acquisition point: (lock class, mode, source location).
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct Point {
            /// The lock class.
            pub lock: Lock,
            /// The mode.
            pub mode: AcquireMode,
            /// The place of the `lock()`, `read()`, ... call.
            pub site: Site,
            #[doc = $first_help]
            $(#[$of_first])*
            pub $first: u64,
            $(
                #[doc = $help]
                $(#[$more])*
                #[serde(default, skip_serializing_if = "is_default")]
                pub $figure: u64,
            )+
            /// Variance of `caused_wait_ns` as an estimator, in ns²; 0 if each of those waits was
            /// measured.
            #[serde(default, skip_serializing_if = "json::is_default", with = "json::variance")]
            pub caused_variance: f64,
            /// Times from finding the lock taken to owning it.
            #[serde(default, skip_serializing_if = "is_default")]
            pub wait: Durations,
            /// Times from owning the lock to releasing it.
            #[serde(default, skip_serializing_if = "is_default")]
            pub hold: Durations,
            /// The call stacks of the long waits, by estimated wait, longest first. Empty unless
            /// the engine records stacks (`Config::stacks`).
            #[serde(default, skip_serializing_if = "is_default")]
            pub callers: Vec<Stack>,
        }

        impl Point {
            /// A point at which nothing has happened.
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
                    $first: 0,
                    $($figure: 0,)+
                    caused_variance: 0.0,
                    wait: Durations::default(),
                    hold: Durations::default(),
                    callers: Vec::new(),
                }
            }
        }

        figures_of! {
            Point in "" { $first: $first_kind $first_help, $($figure: $kind $help,)+ }
        }
    };
}

// In file order: add new figures at the end. JSON leaves out all but the first if they are 0, so
// files of versions that do not know a figure can still be read.
point! {
    /// Exact in every mode.
    acquisitions: Counter "Successful, non-recursive acquisitions.",
    /// Exact in every mode.
    contentions: Counter "Acquisitions that found the lock taken and had to wait.",
    /// Exact in every mode.
    try_failures: Counter "Calls of try functions that found the lock taken.",
    /// Exact in every mode.
    timeouts: Counter "Timed acquires that gave up.",
    /// Exact in every mode.
    cancellations: Counter "Acquires of tasks that were dropped while they waited.",
    /// Not included in `wait`.
    #[serde(alias = "vain_wait_ns")] // Its name until 2026-11-28.
    abandoned_wait_ns: Counter "Time waited by acquires that gave up or were cancelled, no part of the waits.",
    blocked: Counter "How often others had to wait while this point held the lock.",
    /// An estimate if [`caused_variance`](Self::caused_variance) is not 0.
    caused_wait_ns: Counter "Time that others waited while this point held the lock.",
    /// The others are short waits: they ended while the thread looked again. Exact in every mode. 0
    /// if the snapshot was read from a file of before 2026-11-29, so all waits look short.
    long_waits: Counter "Contentions that parked the thread, and all of tasks.",
    /// Includes those that gave up. Exact in every mode.
    upgrade_waits: Counter "Waits of upgrades for the other readers to leave.",
    /// Only measured holds of readers are seen, and only by those that wait. 0 if none was seen.
    most_readers: Max "The most readers that a wait has seen inside at once.",
}

/// The key by which two records are of one acquisition point.
pub(crate) type Key<'a> = (&'a Lock, AcquireMode, &'a Site);

impl Point {
    /// How long other threads waited while this point held the lock.
    #[must_use]
    pub const fn caused_wait(&self) -> Duration {
        Duration::from_nanos(self.caused_wait_ns)
    }

    /// Standard error of [`caused_wait_ns`](Self::caused_wait_ns), in nanoseconds; 0 if that is
    /// exact.
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
        self.figures() == [0; Self::FIGURES.len()]
            && self.wait.is_empty()
            && self.hold.is_empty()
            && self.callers.is_empty()
    }

    /// Adds other records of the same point, and takes over their allocations.
    pub(crate) fn merge(&mut self, others: &mut [Self]) {
        for other in &mut *others {
            self.merge_figures(other);
            self.caused_variance = json::variance::sum(self.caused_variance, other.caused_variance);
            self.callers.append(&mut other.callers);
        }
        self.wait.merge(others.iter().map(|other| &other.wait));
        self.hold.merge(others.iter().map(|other| &other.hold));
    }

    /// Whether it has only counters, so that adding it to another costs nothing.
    pub(crate) fn is_small(&self) -> bool {
        let of = |durations: &Durations| durations.reservoir.len() + durations.recent.len();
        of(&self.wait) + of(&self.hold) + self.callers.len() == 0
    }
}

/// Sorts points and their reservoirs into a snapshot's order, and merges records of one point.
/// Works in place, since there may be a million.
pub(crate) fn normalize(points: &mut Vec<Point>) {
    // A stable sort, because sums of doubles depend on the order: records of one point add up in
    // the order of arrival.
    sort(points, |a, b| a.key().cmp(&b.key()));
    merge_alike(points);
    for point in &mut *points {
        point.wait.sort();
        point.hold.sort();
        stack::normalize(&mut point.callers);
    }
    let rank = |p: &Point| Reverse((p.wait.total_ns, p.contentions, p.acquisitions));
    // Stable again: ties stay in the order of the keys.
    sort(points, |a, b| rank(a).cmp(&rank(b)));
}

/// A stable sort that moves each point once and allocates no points.
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
    // Each swap moves one point to its final place.
    for at in 0..points.len() {
        while place[at] != at {
            let to = place[at];
            points.swap(at, to);
            place.swap(at, to);
        }
    }
}

/// Merges adjacent records of one point.
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
