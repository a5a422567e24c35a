//! Settings of the profiler.

use nexus_lockprof_snapshot::{ProfilerMode, Stuck};
use std::collections::HashMap;
use std::time::Duration;

/// Sets what the profiler measures.
///
/// A snapshot's [`ProfilerMode`] has one more, for programs that were built without our locks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Nothing. Costs one predictable branch.
    Off,
    /// Counts: acquisitions, contentions, failed tries, timeouts, and which point blocked which.
    /// Acquisitions never read the clock.
    Counts,
    /// Counts, long waits, and a sample of short waits and holds. All long waits are timed, up to
    /// half of the budget.
    Sampled {
        /// Share of a thread's processor time that measuring may take: above 0, at most 1. 0.01 is
        /// 1 %.
        budget: f64,
    },
    /// Counts, every wait and every hold.
    Exact,
}

impl Mode {
    /// `Sampled` at 1 %.
    pub const DEFAULT: Mode = Mode::Sampled { budget: 0.01 };
}

impl Default for Mode {
    fn default() -> Self {
        Mode::DEFAULT
    }
}

impl From<Mode> for ProfilerMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Off => ProfilerMode::Off,
            Mode::Counts => ProfilerMode::Counts,
            Mode::Sampled { budget } => ProfilerMode::Sampled { budget },
            Mode::Exact => ProfilerMode::Exact,
        }
    }
}

/// Thresholds of one lock, or the default for all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thresholds {
    pub(crate) wait: Option<Duration>,
    pub(crate) hold: Option<Duration>,
}

/// Settings of an engine. All can be changed while it runs.
///
/// ```
/// use nexus_lockprof_engine::{Config, Engine, Mode};
/// use std::time::Duration;
///
/// let engine = Engine::new();
/// engine.configure(
///     Config::default()
///         .mode(Mode::Exact)
///         .hot_wait(Duration::from_millis(5))
///         .hot_hold_for("sessions", Duration::from_millis(1)),
/// )?;
/// # Ok::<(), nexus_lockprof_engine::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub(crate) mode: Mode,
    pub(crate) max_points: usize,
    pub(crate) max_records: usize,
    pub(crate) max_edges: usize,
    pub(crate) max_shards: usize,
    pub(crate) reservoir: usize,
    pub(crate) archive: usize,
    pub(crate) history: usize,
    pub(crate) stacks: bool,
    pub(crate) hot: Thresholds,
    pub(crate) hot_of: HashMap<String, Thresholds>,
    pub(crate) hot_min_samples: u64,
    pub(crate) hot_rearm: f64,
    /// `None`: never.
    pub(crate) stuck: Option<Duration>,
    pub(crate) slow: Option<Duration>,
    pub(crate) slow_rate: usize,
    /// Whether stderr gets the lines of slow events even if there are handlers.
    pub(crate) slow_lines: bool,
}

impl Default for Config {
    /// `Sampled` at 1 %; 4,096 points and edges for each thread, 65,536 records, as many edges, and
    /// 4,096 threads in all. Reservoirs of 186 durations for each point, thread and interval, and
    /// 768 for each point in the snapshot. No thresholds; nothing is slow. A wait is stuck after
    /// 10 s.
    fn default() -> Self {
        Config {
            mode: Mode::DEFAULT,
            max_points: MAX_POINTS,
            max_records: MAX_RECORDS,
            max_edges: MAX_EDGES,
            max_shards: 4096,
            reservoir: RESERVOIR,
            archive: ARCHIVE,
            history: HISTORY,
            stacks: false,
            hot: Thresholds::default(),
            hot_of: HashMap::new(),
            hot_min_samples: 16,
            hot_rearm: 0.8,
            stuck: Some(Stuck::AFTER),
            slow: None,
            slow_rate: 10,
            slow_lines: false,
        }
    }
}

impl Config {
    /// Sets what to measure.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Largest number of acquisition points that one thread may record. Events of more points count
    /// as lost (`points_full`).
    #[must_use]
    pub fn max_points(mut self, points: usize) -> Self {
        self.max_points = points;
        self
    }

    /// Largest number of records in all threads together, FreeBSD's `maxrecords`. Events of more
    /// count as lost (`points_full`).
    #[must_use]
    pub fn max_records(mut self, records: usize) -> Self {
        self.max_records = records;
        self
    }

    /// Largest number of edges in all threads together. One thread has at most as many as
    /// [points](Self::max_points). An edge is a pair of points, of which one waited while the other
    /// held the lock. It takes 72 bytes in the thread and 200 where snapshots are made.
    ///
    /// A wait for whose edge there is no room counts at an edge that names only the holder, and as
    /// lost (`edges`).
    ///
    /// ```
    /// use nexus_lockprof_engine::{Config, Engine};
    ///
    /// let engine = Engine::new();
    /// engine.configure(Config::default().max_edges(1_000))?;
    /// # Ok::<(), nexus_lockprof_engine::ConfigError>(())
    /// ```
    #[must_use]
    pub fn max_edges(mut self, edges: usize) -> Self {
        self.max_edges = edges;
        self
    }

    /// Largest number of living threads that may have statistics. Events of more threads count as
    /// lost (`shards_full`).
    #[must_use]
    pub fn max_shards(mut self, shards: usize) -> Self {
        self.max_shards = shards;
        self
    }

    /// Number of durations that a thread keeps for a point in an interval, separately for wait and
    /// hold. Each takes 4 bytes in each of two banks. From 32 up, two thirds of them are from the
    /// longest tenth. Takes effect for points that have none yet.
    #[must_use]
    pub fn reservoir(mut self, durations: usize) -> Self {
        self.reservoir = durations;
        self
    }

    /// Number of durations that snapshots keep for a point, separately for wait and hold. A third
    /// of them come from all durations, the rest from the longest.
    #[must_use]
    pub fn archive(mut self, durations: usize) -> Self {
        self.archive = durations;
        self
    }

    /// Number of past intervals that snapshots have, for [`Snapshot::history`]: one for each tick,
    /// 60 by default. 0 keeps none.
    ///
    /// Of each interval, the 64 points at which threads waited longest are kept, with 112 bytes
    /// each, and a sum of the others. 60 intervals take at most 0.44 MB.
    ///
    /// [`Snapshot::history`]: nexus_lockprof_snapshot::Snapshot::history
    ///
    /// ```
    /// use nexus_lockprof_engine::{Config, Engine};
    ///
    /// let engine = Engine::new();
    /// engine.configure(Config::default().history(600))?;
    /// # Ok::<(), nexus_lockprof_engine::ConfigError>(())
    /// ```
    #[must_use]
    pub fn history(mut self, intervals: usize) -> Self {
        self.history = intervals;
        self
    }

    /// Whether to capture the call stacks of a sample of the long waits, for [`Point::callers`].
    /// Off by default.
    ///
    /// A capture takes some ten microseconds, in which the thread would wait anyway. In each
    /// thread, a point's first 8 long waits are captured, then one in 8. A thread keeps 256 stacks,
    /// and more count as lost (`stacks`). Needs the feature `stacks`. Without the feature, stderr
    /// says that the setting has no effect.
    ///
    /// [`Point::callers`]: nexus_lockprof_snapshot::Point::callers
    ///
    /// ```
    /// use nexus_lockprof_engine::{Config, Engine};
    ///
    /// let engine = Engine::new();
    /// engine.configure(Config::default().stacks(true))?;
    /// # Ok::<(), nexus_lockprof_engine::ConfigError>(())
    /// ```
    #[must_use]
    pub fn stacks(mut self, on: bool) -> Self {
        self.stacks = on;
        self
    }

    /// Reports points whose 95th percentile of waits in an interval exceeds this threshold.
    #[must_use]
    pub fn hot_wait(mut self, threshold: Duration) -> Self {
        self.hot.wait = Some(threshold);
        self
    }

    /// Reports points whose 95th percentile of holds in an interval exceeds this threshold.
    #[must_use]
    pub fn hot_hold(mut self, threshold: Duration) -> Self {
        self.hot.hold = Some(threshold);
        self
    }

    /// Sets the wait threshold of locks with this name, instead of [`hot_wait`](Self::hot_wait).
    #[must_use]
    pub fn hot_wait_for(mut self, lock: impl Into<String>, threshold: Duration) -> Self {
        self.hot_of.entry(lock.into()).or_default().wait = Some(threshold);
        self
    }

    /// Sets the hold threshold of locks with this name, instead of [`hot_hold`](Self::hot_hold).
    #[must_use]
    pub fn hot_hold_for(mut self, lock: impl Into<String>, threshold: Duration) -> Self {
        self.hot_of.entry(lock.into()).or_default().hold = Some(threshold);
        self
    }

    /// Removes all thresholds.
    #[must_use]
    pub fn clear_hot(mut self) -> Self {
        self.hot = Thresholds::default();
        self.hot_of.clear();
        self
    }

    /// Smallest number of measured durations in an interval for which to compare a percentile. At
    /// least 1; 16 by default.
    #[must_use]
    pub fn hot_min_samples(mut self, samples: u64) -> Self {
        self.hot_min_samples = samples;
        self
    }

    /// Share of the threshold for reporting a point again. Its percentile must first be at or below
    /// that share in some interval. More than 0, at most 1; 0.8 by default.
    #[must_use]
    pub fn hot_rearm(mut self, share: f64) -> Self {
        self.hot_rearm = share;
        self
    }

    /// Reports waits that last at least this long, once each, by [`Event::Stuck`]. 10 s by default;
    /// 0 switches it off. A wait for a lock whose holder has exited is reported after 1 s.
    ///
    /// The waits are looked at whenever a snapshot is taken, and by the reporter.
    ///
    /// [`Event::Stuck`]: crate::Event::Stuck
    ///
    /// ```
    /// use nexus_lockprof_engine::{Config, Engine};
    /// use std::time::Duration;
    ///
    /// let engine = Engine::new();
    /// engine.configure(Config::default().stuck(Duration::from_secs(30)))?;
    /// # Ok::<(), nexus_lockprof_engine::ConfigError>(())
    /// ```
    #[must_use]
    pub fn stuck(mut self, after: Duration) -> Self {
        self.stuck = (!after.is_zero()).then_some(after);
        self
    }

    /// Reports each wait and each measured hold that takes at least so long, by the event
    /// [`Slow`](crate::Event::Slow). Off by default.
    ///
    /// Handlers get the event; without a handler, stderr gets its line. For the global engine, a
    /// thread of the profiler does that within a tenth of a second. It starts when a second thread
    /// uses a lock, or when there is a handler. Before that, the program's thread writes the line
    /// after its release. Events of other engines wait for the next snapshot, tick or reset.
    ///
    /// Waits are reported in every mode but `Off`, together with the holder. A hold that is not
    /// measured raises no event: none is in mode `Counts`, and most of a busy point are not in mode
    /// `Sampled`. But a thread that has to wait long for such a hold reports its wait.
    ///
    /// ```
    /// use nexus_lockprof_engine::{Config, Engine};
    /// use std::time::Duration;
    ///
    /// let engine = Engine::new();
    /// engine.configure(Config::default().slow(Duration::from_millis(100)))?;
    /// # Ok::<(), nexus_lockprof_engine::ConfigError>(())
    /// ```
    #[must_use]
    pub fn slow(mut self, threshold: Duration) -> Self {
        self.slow = Some(threshold);
        self
    }

    /// The same, and stderr gets the lines even if there are handlers.
    pub(crate) fn report_slow(mut self, threshold: Duration) -> Self {
        self.slow_lines = true;
        self.slow(threshold)
    }

    /// Reports no slow waits and holds any more.
    #[must_use]
    pub fn clear_slow(mut self) -> Self {
        self.slow = None;
        self.slow_lines = false;
        self
    }

    /// Largest number of slow events in a second, at least 1; 10 by default. More count as lost
    /// (`slow_events`), and the next event says how many there were.
    #[must_use]
    pub fn slow_rate(mut self, events: usize) -> Self {
        self.slow_rate = events;
        self
    }

    pub(crate) fn slow_ns(&self) -> Option<u64> {
        let threshold = self.slow?;
        // The largest value stands for "off".
        Some(u64::try_from(threshold.as_nanos()).map_or(u64::MAX - 1, |ns| ns.min(u64::MAX - 1)))
    }

    pub(crate) fn thresholds(&self, lock: &str) -> Thresholds {
        let own = self.hot_of.get(lock).copied().unwrap_or_default();
        Thresholds {
            wait: own.wait.or(self.hot.wait),
            hold: own.hold.or(self.hot.hold),
        }
    }

    /// Checks the settings, as [`Engine::configure`](crate::Engine::configure) does.
    ///
    /// # Errors
    /// [`ConfigError`] names the first invalid setting.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let share = |name, value: f64| {
            if value > 0.0 && value <= 1.0 {
                Ok(())
            } else {
                Err(ConfigError::Share { name, value })
            }
        };
        if let Mode::Sampled { budget } = self.mode {
            share("budget", budget)?;
        }
        share("hot_rearm", self.hot_rearm)?;
        for (name, value, most) in [
            ("max_points", self.max_points, MOST_RECORDS),
            ("max_records", self.max_records, MOST_RECORDS),
            ("max_edges", self.max_edges, MOST_RECORDS),
            ("max_shards", self.max_shards, MOST_RECORDS),
            ("reservoir", self.reservoir, MOST_SAMPLES),
            ("archive", self.archive, MOST_SAMPLES),
            ("slow_rate", self.slow_rate, MOST_SLOW),
        ] {
            if value == 0 || value > most {
                return Err(ConfigError::Range { name, value, most });
            }
        }
        if self.history > MOST_HISTORY {
            return Err(ConfigError::Range {
                name: "history",
                value: self.history,
                most: MOST_HISTORY,
            });
        }
        if self.slow == Some(Duration::ZERO) {
            return Err(ConfigError::Zero { name: "slow" });
        }
        if self.hot_min_samples == 0 {
            return Err(ConfigError::Range {
                name: "hot_min_samples",
                value: 0,
                most: usize::MAX,
            });
        }
        Ok(())
    }
}

pub(crate) const MAX_POINTS: usize = 4096;
pub(crate) const MAX_RECORDS: usize = 65_536;
pub(crate) const MAX_EDGES: usize = 65_536;
pub(crate) const RESERVOIR: usize = 186;

/// A third of it is uniform, the rest is for the tail.
pub(crate) const ARCHIVE: usize = 768;

/// Number of past intervals.
pub(crate) const HISTORY: usize = 60;

const MOST_RECORDS: usize = 1 << 24;
const MOST_HISTORY: usize = 1 << 12;
const MOST_SAMPLES: usize = 1 << 16;
const MOST_SLOW: usize = 1_000_000;

/// An invalid setting. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is nothing to measure.
    #[error("the program was built without the feature `profile`")]
    NoLocks,
    /// A share that is not above 0 and at most 1.
    #[error("{name} is {value}, not a share: more than 0 and at most 1 (1 % is 0.01)")]
    Share {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A time that is 0.
    #[error("{name} is 0 s, which every duration reaches")]
    Zero {
        /// The setting.
        name: &'static str,
    },
    /// A number that is 0 or too large.
    #[error("{name} is {value}, not between 1 and {most}")]
    Range {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: usize,
        /// The largest allowed.
        most: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_named() {
        for (config, message) in [
            (
                Config::default().mode(Mode::Sampled { budget: 0.0 }),
                "budget is 0, not a share: more than 0 and at most 1 (1 % is 0.01)",
            ),
            (
                Config::default().mode(Mode::Sampled { budget: f64::NAN }),
                "budget is NaN, not a share: more than 0 and at most 1 (1 % is 0.01)",
            ),
            (
                Config::default().hot_rearm(1.5),
                "hot_rearm is 1.5, not a share: more than 0 and at most 1 (1 % is 0.01)",
            ),
            (
                Config::default().reservoir(0),
                "reservoir is 0, not between 1 and 65536",
            ),
            (
                Config::default().slow(Duration::ZERO),
                "slow is 0 s, which every duration reaches",
            ),
            (
                Config::default().slow_rate(0),
                "slow_rate is 0, not between 1 and 1000000",
            ),
            (
                Config::default().max_points(1 << 30),
                "max_points is 1073741824, not between 1 and 16777216",
            ),
        ] {
            assert_eq!(config.validate().unwrap_err().to_string(), message);
        }
        assert_eq!(Config::default().validate(), Ok(()));
    }

    #[test]
    fn a_lock_s_own_threshold_goes_before_the_general_one() {
        let ms = Duration::from_millis;
        let config = Config::default()
            .hot_wait(ms(5))
            .hot_hold(ms(6))
            .hot_wait_for("db", ms(1));
        let of = |lock| {
            let t = config.thresholds(lock);
            (t.wait, t.hold)
        };
        assert_eq!(of("db"), (Some(ms(1)), Some(ms(6))));
        assert_eq!(of("other"), (Some(ms(5)), Some(ms(6))));
    }
}
