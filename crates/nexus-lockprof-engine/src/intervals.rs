//! [`Intervals`]: consistent intervals of one puller.

use crate::collect::pullers::Pull;
use crate::engine::Engine;
use crate::process::exclusive::lock;
use nexus_lockprof_snapshot::Snapshot;

/// The intervals of one puller. See [`Engine::intervals`].
///
/// It stops when it is dropped.
#[derive(Debug)]
pub struct Intervals {
    engine: Engine,
    id: u64,
}

impl Engine {
    /// A series of intervals that no other reader disturbs.
    ///
    /// Each [`pull`](Intervals::pull) returns what happened since the one before. The first returns
    /// everything since the engine's start or last reset. All intervals of a series add up to the
    /// cumulative counts, exactly, whoever else takes snapshots, ticks or pulls meanwhile.
    ///
    /// # Memory
    ///
    /// Each series keeps the counts of all points, some 700 bytes a point, and at most 65,536
    /// samples, which is 1.5 MB (some lists may have room for twice as many). Any number of series
    /// has exact counts. But at most 8 keep samples. A ninth has no percentiles: its intervals are
    /// not [complete](nexus_lockprof_snapshot::Snapshot::is_complete), and each counts as lost
    /// (`interval_samples`). It gets the place of one that has been dropped, or not pulled for two
    /// minutes.
    ///
    /// ```
    /// use nexus_lockprof_engine::Engine;
    ///
    /// let engine = Engine::new();
    /// let mut intervals = engine.intervals();
    /// let first = intervals.pull();
    /// assert_eq!(first.base_collection(), None);
    /// let second = intervals.pull();
    /// assert_eq!(second.base_collection(), Some(first.collection()));
    /// assert!(second.is_complete());
    /// ```
    #[must_use]
    pub fn intervals(&self) -> Intervals {
        let core = self.state();
        let mut aggregator = lock(&core.aggregator);
        let aggregator = aggregator.get_or_insert_with(|| core.new_aggregator());
        Intervals {
            engine: self.clone(),
            id: aggregator.register(),
        }
    }
}

impl Intervals {
    /// What happened since the last call, or at first since the engine's start or last reset.
    ///
    /// It ends the interval of nobody else: it compares no thresholds and calls no handlers.
    ///
    /// - **Counts** are exact. An interval with a [reset](Engine::reset) in it has what happened
    ///   before and after.
    /// - **Percentiles** ([`quantile`](nexus_lockprof_snapshot::Durations::quantile)) are those of
    ///   the interval.
    /// - **Maxima** are exact if the longest so far was in the interval. Otherwise it is the
    ///   longest of the interval's samples, which is a lower bound.
    ///
    /// ```
    /// use nexus_lockprof_engine::Engine;
    ///
    /// let engine = Engine::new();
    /// let mut intervals = engine.intervals();
    /// let interval = intervals.pull();
    /// for point in interval.points() {
    ///     println!("{}: {:?} ns", point.site, point.wait.quantile(0.95));
    /// }
    /// ```
    #[must_use]
    pub fn pull(&mut self) -> Snapshot {
        self.get(Pull::Interval)
    }

    /// Everything since the engine's start or last reset, with the samples of this series'
    /// interval as [`recent`](nexus_lockprof_snapshot::Durations::recent). Ends the interval, as
    /// [`pull`](Self::pull) does.
    ///
    /// It is for who shows both: [`Snapshot::since`] of two such snapshots in a row is the interval
    /// between them, with its own percentiles.
    ///
    /// ```
    /// use nexus_lockprof_engine::Engine;
    ///
    /// let engine = Engine::new();
    /// let mut intervals = engine.intervals();
    /// let (earlier, later) = (intervals.snapshot(), intervals.snapshot());
    /// assert!(later.since(&earlier)?.is_complete());
    /// # Ok::<(), nexus_lockprof_snapshot::SinceError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&mut self) -> Snapshot {
        self.get(Pull::Whole)
    }

    fn get(&mut self, what: Pull) -> Snapshot {
        let core = self.engine.state();
        core.control_or_configure();
        core.forget_parent();
        core.let_others_run();
        let mut aggregator = lock(&core.aggregator);
        let aggregator = aggregator.get_or_insert_with(|| core.new_aggregator());
        aggregator.pull(core, self.id, what)
    }
}

impl Drop for Intervals {
    fn drop(&mut self) {
        let core = self.engine.state();
        if let Some(aggregator) = lock(&core.aggregator).as_mut() {
            aggregator.deregister(self.id);
        }
    }
}
