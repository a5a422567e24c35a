//! The last intervals, in bounded memory: when a point was hot.
//!
//! Each tick ends one. An engine that was never ticked ends one at any other collection that comes
//! at least a second later. Of each interval, the [`POINTS`] at which threads waited longest are
//! kept, and the others as one sum.
//!
//! # Memory
//!
//! With the default of 60 intervals, at most 60 times 65 points of 112 bytes: 0.44 MB. A point
//! itself has 32 bytes more.

use nexus_lockprof_snapshot::{AcquireMode, Lock, PastInterval, PastPoint, Site};
use std::cmp::Reverse;
use std::collections::VecDeque;

/// Number of points of an interval that are kept.
pub(crate) const POINTS: usize = 64;
/// The shortest interval of an engine without ticks, in nanoseconds.
const LEAST_NS: u64 = 1_000_000_000;

/// The last intervals.
#[derive(Debug, Default)]
pub(crate) struct History {
    intervals: VecDeque<PastInterval>,
    /// The beginning of the interval that is not over, on the engine's clock.
    began_ns: u64,
    /// Whether there was a tick.
    ticks: bool,
}

impl History {
    pub(crate) fn new(started_ns: u64) -> Self {
        History {
            began_ns: started_ns,
            ..History::default()
        }
    }

    /// Whether an interval ends with this collection.
    pub(crate) fn is_due(&mut self, now_ns: u64, tick: bool) -> bool {
        self.ticks |= tick;
        let length_ns = now_ns.saturating_sub(self.began_ns);
        if tick {
            length_ns > 0
        } else {
            !self.ticks && length_ns >= LEAST_NS
        }
    }

    /// Adds the interval that ends now, and keeps the last `most`. `points` are those at which
    /// threads waited in it.
    pub(crate) fn add(
        &mut self,
        now_ns: u64,
        ended_unix_ns: u64,
        mut points: Vec<PastPoint>,
        most: usize,
    ) {
        let length_ns = now_ns.saturating_sub(self.began_ns);
        self.began_ns = now_ns;
        points.sort_by_key(|point| Reverse((point.wait_ns, point.contentions)));
        if points.len() > POINTS {
            let none = PastPoint::new(Lock::rest(), AcquireMode::Exclusive, Site::rest());
            let rest = points.drain(POINTS..).fold(none, |mut sum, point| {
                sum.merge_figures(&point);
                sum
            });
            points.push(rest);
        }
        self.intervals.push_back(PastInterval {
            ended_unix_ns,
            length_ns,
            points: points.into(),
        });
        self.intervals
            .drain(..self.intervals.len().saturating_sub(most));
    }

    /// Until the next tick, other collections end intervals, as before the first one.
    pub(crate) fn forget_ticks(&mut self) {
        self.ticks = false;
    }

    /// Forgets them: the engine was reset.
    pub(crate) fn reset(&mut self, now_ns: u64) {
        self.intervals.clear();
        self.began_ns = now_ns;
    }

    /// All of them, oldest first. Copies share the points.
    pub(crate) fn all(&self) -> Vec<PastInterval> {
        self.intervals.iter().cloned().collect()
    }
}
