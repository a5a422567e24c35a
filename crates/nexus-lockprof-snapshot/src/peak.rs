//! [`Peak`]: when threads waited most at a point.

use crate::{PastInterval, Point, Snapshot};

/// The part of the last intervals in which threads waited most at a point. See
/// [`Snapshot::peak`].
///
/// ```
/// use nexus_lockprof_snapshot::Peak;
///
/// let peak = Peak {
///     began_unix_ns: 1_763_878_803_000_000_000,
///     ended_unix_ns: 1_763_878_805_000_000_000,
///     wait_ns: 1_900_000_000,
///     all_ns: 2_000_000_000,
///     is_bound: false,
///     intervals: 2,
///     of_intervals: 60,
///     length_ns: 2_000_000_000,
///     of_length_ns: 60_000_000_000,
/// };
/// assert!(peak.is_short());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// Wall-clock time of its beginning, in nanoseconds since 1970.
    pub began_unix_ns: u64,
    /// Wall-clock time of its end, in nanoseconds since 1970.
    pub ended_unix_ns: u64,
    /// The time waited at the point in it, in nanoseconds.
    pub wait_ns: u64,
    /// The time waited at the point in all of the last intervals, in nanoseconds. If
    /// [`is_bound`](Self::is_bound), it may have been less.
    pub all_ns: u64,
    /// Whether the point was not among those that an interval lists, in at least one of them. Then
    /// [`all_ns`](Self::all_ns) has the most that it can have waited there.
    pub is_bound: bool,
    /// How many intervals it spans.
    pub intervals: usize,
    /// How many there are in all.
    pub of_intervals: usize,
    /// The length of the peak, in nanoseconds of the engine's clock.
    pub length_ns: u64,
    /// The length of all of the last intervals, in nanoseconds of the engine's clock.
    pub of_length_ns: u64,
}

impl Peak {
    /// Whether it is out of the ordinary: at least half of the waiting, in at most a quarter of at
    /// least four intervals.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.of_intervals >= 4
            && self.intervals * 4 <= self.of_intervals
            && self.length_ns <= self.of_length_ns / 4
            && self.wait_ns > 0
            && self.wait_ns >= self.all_ns / 2
    }
}

/// Whether threads waited more in one interval than `times` as much as in the other, for their
/// lengths. Each is the time waited, and the length.
fn waits_more(one: (u64, u64), other: (u64, u64), times: u128) -> bool {
    let rate = |(waited, _): (u64, u64), (_, length): (u64, u64)| {
        u128::from(waited).saturating_mul(u128::from(length.max(1)))
    };
    rate(one, other) > rate(other, one).saturating_mul(times)
}

impl Snapshot {
    /// When threads waited most at this point: the interval of the [history](Self::history) with
    /// the most waiting for its length, and its neighbours with at least half as much. `None` if
    /// the history has nothing about the point, or does not list it in an interval that may have
    /// had more. A wait counts when it ends.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// for point in snapshot.points() {
    ///     if let Some(peak) = snapshot.peak(point).filter(|peak| peak.is_short()) {
    ///         println!("{}: {} ns of {} ns", point.site, peak.wait_ns, peak.all_ns);
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn peak(&self, point: &Point) -> Option<Peak> {
        let history = self.history();
        let known = self.past_waits(point);
        let most = |past: &PastInterval| past.most_wait_ns(point);
        let waits: Vec<u64> = history.iter().map(most).collect();
        let lengths: Vec<u64> = history.iter().map(|past| past.length_ns).collect();
        let top = (1..waits.len()).fold(0, |top, at| {
            let is_more = waits_more((waits[at], lengths[at]), (waits[top], lengths[top]), 1);
            if is_more { at } else { top }
        });
        let most = *waits.get(top)?;
        if most == 0 || known[top].is_none() {
            return None;
        }
        // At least half as much.
        let is_part = |&at: &usize| {
            let is_much = !waits_more((most, lengths[top]), (waits[at], lengths[at]), 2);
            known[at].is_some() && is_much
        };
        let before = (0..top).rev().take_while(is_part).count();
        let after = (top + 1..waits.len()).take_while(is_part).count();
        let (first, last) = (top - before, top + after);
        let sum = |waits: &[u64]| {
            waits
                .iter()
                .fold(0, |sum: u64, wait| sum.saturating_add(*wait))
        };
        Some(Peak {
            began_unix_ns: history.get(first)?.began_unix_ns(),
            ended_unix_ns: history.get(last)?.ended_unix_ns,
            wait_ns: sum(&waits[first..=last]),
            all_ns: sum(&waits),
            is_bound: known.contains(&None),
            intervals: last - first + 1,
            of_intervals: waits.len(),
            length_ns: sum(&lengths[first..=last]),
            of_length_ns: sum(&lengths),
        })
    }

    /// The time waited at this point in each interval of the [history](Self::history), in
    /// nanoseconds, oldest first. `None` where the point may be among those that are not listed.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
    ///
    /// let point = Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("a.rs", 1, 1));
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// assert!(snapshot.past_waits(&point).is_empty());
    /// ```
    #[must_use]
    pub fn past_waits(&self, point: &Point) -> Vec<Option<u64>> {
        let history = self.history().iter();
        history.map(|past| past.wait_ns(point)).collect()
    }
}
