//! The profiler's own state: [`ProfilerMode`], [`TableStats`], [`Losses`], and its cost:
//! [`Overhead`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::figure::figures;
use crate::json::{self, is_default};
use crate::number;

/// The profiler's mode: how much it measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ProfilerMode {
    /// Nothing.
    #[default]
    Off,
    /// Only the waits of a program that was built without our locks. It counts only acquisitions
    /// that waited; the number of all acquisitions and the hold times are unknown.
    Waits,
    /// Counts only, no clock.
    Counts,
    /// Counts, every long wait, and a sample of the short waits and of the holds.
    Sampled {
        /// Share of a thread's time that may go into measuring, 0.01 for 1 %.
        #[serde(with = "json::budget")]
        budget: f64,
    },
    /// Everything.
    Exact,
}

impl ProfilerMode {
    /// The mode's name, as the JSON form and `LOCKPROF` spell it: `off`, `waits`, `counts`,
    /// `sampled` or `exact`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Waits => "waits",
            Self::Counts => "counts",
            Self::Sampled { .. } => "sampled",
            Self::Exact => "exact",
        }
    }

    /// The mode of this name that a program can be set to, with `budget` if it is `sampled`. `None`
    /// for another name, and for `waits`.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::ProfilerMode;
    ///
    /// assert_eq!(ProfilerMode::setting("exact", 0.01), Some(ProfilerMode::Exact));
    /// assert_eq!(ProfilerMode::setting("waits", 0.01), None);
    /// ```
    #[must_use]
    pub fn setting(name: &str, budget: f64) -> Option<Self> {
        let modes = [
            Self::Off,
            Self::Counts,
            Self::Sampled { budget },
            Self::Exact,
        ];
        modes.into_iter().find(|mode| mode.as_str() == name)
    }

    /// Parses a budget such as `1%` or `0.01`: a share above 0 and at most 1. `None` for anything
    /// else.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::ProfilerMode;
    ///
    /// assert_eq!(ProfilerMode::parse_budget("2%"), Some(0.02));
    /// assert_eq!(ProfilerMode::parse_budget("0.02"), Some(0.02));
    /// assert_eq!(ProfilerMode::parse_budget("2"), None);
    /// ```
    #[must_use]
    pub fn parse_budget(text: &str) -> Option<f64> {
        let text = text.trim();
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.trim_end().parse::<f64>().ok()? / 100.0,
            None => text.parse().ok()?,
        };
        (share > 0.0 && share <= 1.0).then_some(share)
    }
}

/// The name, and the budget in percent if there is one.
///
/// ```
/// use nexus_lockprof_snapshot::ProfilerMode;
///
/// assert_eq!(ProfilerMode::Exact.to_string(), "exact");
/// assert_eq!(ProfilerMode::Sampled { budget: 0.01 }.to_string(), "sampled (budget 1%)");
/// ```
impl fmt::Display for ProfilerMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        if let Self::Sampled { budget } = self {
            // Through f32, so that 0.07 * 100 shows as 7 and not as 7.000000000000001.
            // And + 0, so that -0 shows as 0.
            write!(f, " (budget {}%)", (budget * 100.0) as f32 + 0.0)?;
        }
        Ok(())
    }
}

// A figure that is added needs `#[serde(default)]`: older files do not have it.
figures! {
    /// The figures of LOCK_PROFILING(9)'s `debug.lock.prof` controls.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct TableStats in "" {
        acquisitions: Counter "Acquisitions recorded, all points together.",
        records: Gauge "Point records in use, over all shards.",
        max_records: Gauge "The most records there may be.",
        rejected: Counter "Events that found no room for a record.",
        hash_size: Gauge "Slots of the hash tables, over all shards.",
        collisions: Gauge "Records that did not get their home slot.",
        shards: Gauge "Shards there are: the most threads that were alive at one time.",
    }
}

figures! {
    /// The cost of the profiler itself, by its own account, over the time that the snapshot
    /// covers.
    ///
    /// Each thread counts what it does for the profiler. The start of the process measures the cost
    /// of each such step.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Overhead;
    ///
    /// let overhead = Overhead { budgeted_ns: 7_500, counting_ns: 300, threads_ns: 1_000_000 };
    /// assert_eq!(overhead.share(), Some(0.0075));
    /// assert_eq!(overhead.counting_share(), Some(0.0003));
    /// assert_eq!(Overhead::default().share(), None);
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Overhead in "overhead." {
        budgeted_ns: Counter "Time spent on clock reads, samples and the slow path: what the budget of mode `Sampled` limits.",
        /// Both are a fixed cost of acquisitions, outside the budget. Counting is 0 if the
        /// processor hides it behind the lock.
        counting_ns: Counter "Time spent on counting and on look-ups.",
        threads_ns: Counter "Time that threads lived since their first profiled acquisition, all threads together.",
    }
}

impl Overhead {
    /// The share of the threads' time that was spent under the budget, 0.01 for 1 %; `None` if no
    /// thread has lived yet.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.of_threads(self.budgeted_ns)
    }

    /// The share of the threads' time that counting took.
    #[must_use]
    pub fn counting_share(&self) -> Option<f64> {
        self.of_threads(self.counting_ns)
    }

    fn of_threads(&self, ns: u64) -> Option<f64> {
        (self.threads_ns > 0).then(|| ns as f64 / self.threads_ns as f64)
    }
}

/// Defines [`Loss`] and [`Losses`], given the causes.
macro_rules! losses {
    ($($(#[$more:meta])* $field:ident $cause:ident $help:literal,)+) => {
        /// Why an event is not recorded: the causes that [`Losses`] counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Loss {
            $(#[doc = $help] $cause,)+
        }

        figures! {
            /// Events that were not recorded, by cause.
            ///
            /// They cover the same time as the rest of the snapshot:
            /// [`Snapshot::since`](crate::Snapshot::since) subtracts them.
            ///
            /// Displays as the sum and the causes that occurred, most frequent first.
            ///
            /// ```
            /// use nexus_lockprof_snapshot::Losses;
            ///
            /// let losses = Losses { points_full: 10, reentrant: 2, ..Losses::default() };
            /// assert_eq!(losses.to_string(), "12 events: points_full 10, reentrant 2");
            /// assert_eq!(Losses::default().to_string(), "0 events");
            /// ```
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(default)]
            pub struct Losses in "losses." {
                $($(#[$more])* $field: Counter $help,)+
            }
        }
    };
}

losses! {
    points_full PointsFull "The table of points was full (`Config::max_points`, `max_records`).",
    shards_full ShardsFull "There were more threads than `Config::max_shards`.",
    /// Either the thread was inside the profiler already (a profiled lock in an allocator or a
    /// signal handler). Or it tried a lock and might be in a signal handler, where the profiler
    /// must not allocate.
    reentrant Reentrant "The thread was inside the profiler already, or might be in a signal handler.",
    thread_exit ThreadExit "The thread's local storage was gone: a lock was used late in a thread's exit.",
    memory Memory "Memory for a record or a reservoir could not be had.",
    guards Guards "Too many measured guards were alive at once to measure one more hold or wait.",
    /// The waits themselves were recorded.
    #[serde(skip_serializing_if = "is_default")]
    stacks Stacks "A call stack could not be read, or the thread's table of them was full.",
    /// The waits themselves were recorded. Of their edges only the holding point is known.
    #[serde(skip_serializing_if = "is_default")]
    edges Edges "The table of edges was full (`Config::max_edges`).",
    /// The waits and holds themselves were recorded.
    #[serde(skip_serializing_if = "is_default")]
    slow_events SlowEvents "A `lock.slow` event was dropped (`Config::slow_rate`).",
    /// The waits themselves were recorded.
    #[serde(skip_serializing_if = "is_default")]
    tasks Tasks "A waiting task was not shown among the waiters: more than 16,384 tasks waited.",
    /// The counts of its intervals are exact nevertheless.
    #[serde(skip_serializing_if = "is_default")]
    interval_samples IntervalSamples "A puller's interval lost samples: more than 8 pullers, or too many points.",
    /// The acquisitions themselves were recorded.
    #[serde(skip_serializing_if = "is_default")]
    order Order "Acquisitions of nested locks were not seen: too many pairs of classes, or more than 8 measured locks of one thread.",
}

impl Losses {
    /// Every cause and its count, including those that did not occur. The names are the field
    /// names.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Losses;
    ///
    /// let losses = Losses { memory: 3, ..Losses::default() };
    /// let seen: Vec<_> = losses.iter().filter(|&(_, count)| count > 0).collect();
    /// assert_eq!(seen, [("memory", 3)]);
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, u64)> + use<> {
        let names = Self::FIGURES.into_iter().map(|figure| figure.name);
        names.zip(self.figures())
    }

    /// The sum over all causes; saturates at [`u64::MAX`].
    #[must_use]
    pub fn total(&self) -> u64 {
        number::sum(self.iter().map(|(_, count)| count))
    }

    /// Returns whether nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().all(|(_, count)| count == 0)
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        write!(f, "{total} event{}", if total == 1 { "" } else { "s" })?;
        let mut causes: Vec<_> = self.iter().filter(|&(_, count)| count > 0).collect();
        causes.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        for (i, (cause, count)) in causes.into_iter().enumerate() {
            write!(f, "{} {cause} {count}", if i == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}
