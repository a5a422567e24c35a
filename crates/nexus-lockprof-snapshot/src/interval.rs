//! [`IntervalStart`]: where the interval of one puller begins.

use crate::figure::FigureKind;
use crate::head::Head;
use crate::{
    Durations, Losses, Overhead, Point, Sample, Samples, SinceError, Snapshot, TableStats,
    instance, past, threads,
};

/// The most samples that are kept of the part of an interval before a reset: of a point's waits or
/// holds, and of all together. More are thinned.
const MOST_SAMPLES: usize = 1024;
const MOST_OF_ALL: usize = 1 << 16;

/// Where the interval of one puller begins, for code that collects.
///
/// Users get intervals from the engine. Like [`Snapshot::since`] it subtracts counts, so the
/// intervals of one puller add up to the cumulative counts exactly. Unlike it, each interval has
/// samples of its own, and a reset ends none.
///
/// ```
/// use nexus_lockprof_snapshot::{IntervalStart, Snapshot, SnapshotParts};
///
/// let taken = |collection| {
///     Snapshot::from_parts(SnapshotParts { collection, ..SnapshotParts::default() })
/// };
/// let mut start = IntervalStart::default();
/// let first = start.advance(&taken(3), true, |_| Default::default())?;
/// assert_eq!(first.base_collection(), None);
/// let second = start.advance(&taken(9), true, |_| Default::default())?;
/// assert_eq!(second.base_collection(), Some(3));
/// assert!(second.is_complete());
/// # Ok::<(), nexus_lockprof_snapshot::SinceError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct IntervalStart {
    /// The cumulative snapshot at which the interval begins, without samples. `None`: it begins at
    /// the engine's start or last reset.
    earlier: Option<Snapshot>,
    /// What happened in the interval before the last reset.
    before_reset: Option<Snapshot>,
}

/// What a puller has collected of a point's waits or holds in its interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntervalSamples {
    /// A weighted sample of them, in any order.
    pub samples: Samples,
    /// The longest, in nanoseconds.
    pub longest_ns: u64,
}

impl IntervalStart {
    /// Whether the interval begins at the engine's start or last reset, so that it needs no samples
    /// of its own.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.earlier.is_none()
    }

    /// Ends the interval at the cumulative snapshot `now`, and begins the next one there.
    ///
    /// `samples` returns what was collected of a point's waits and holds in the interval. If they
    /// do not cover all of it, `complete` is `false`.
    ///
    /// # Errors
    /// [`SinceError`] if `now` does not follow the snapshots before it. Then the interval goes on,
    /// so the next one makes up for it: see [`nothing`](Self::nothing).
    pub fn advance(
        &mut self,
        now: &Snapshot,
        complete: bool,
        samples: impl Fn(&Point) -> [IntervalSamples; 2],
    ) -> Result<Snapshot, SinceError> {
        let interval = match &mut self.earlier {
            None => cumulative(now),
            Some(earlier) => {
                // A forked child goes on with a copy of its parent's counts.
                earlier.head.pid = now.head.pid;
                let mut interval = between(now, earlier, &samples)?;
                interval.head.incomplete |= !complete;
                match self.before_reset.take() {
                    None => interval,
                    Some(before) => join(unthinned(before), interval),
                }
            }
        };
        self.begin(now);
        Ok(interval)
    }

    /// An interval without anything in it, up to `now`, which is not
    /// [complete](Snapshot::is_complete). It is for who must show one after an error of
    /// [`advance`](Self::advance).
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{IntervalStart, Snapshot, SnapshotParts};
    ///
    /// let taken = |collection| {
    ///     Snapshot::from_parts(SnapshotParts { collection, ..SnapshotParts::default() })
    /// };
    /// let mut start = IntervalStart::default();
    /// start.advance(&taken(3), true, |_| Default::default())?;
    /// assert!(start.advance(&taken(2), true, |_| Default::default()).is_err());
    /// let nothing = start.nothing(&taken(2));
    /// assert!(nothing.points().is_empty() && !nothing.is_complete());
    /// # Ok::<(), nexus_lockprof_snapshot::SinceError>(())
    /// ```
    #[must_use]
    pub fn nothing(&self, now: &Snapshot) -> Snapshot {
        let base = self.earlier.as_ref().map(|earlier| earlier.collection());
        let head = Head {
            base: Some(base.unwrap_or_default()),
            incomplete: true,
            ..new_head(now)
        };
        Snapshot::new(head, Vec::new(), Vec::new())
    }

    /// Number of samples that are kept for the interval: those from before the last reset. They are
    /// at most 65,536, or one of each point's waits and holds if that is more.
    ///
    /// ```
    /// assert_eq!(nexus_lockprof_snapshot::IntervalStart::default().samples(), 0);
    /// ```
    #[must_use]
    pub fn samples(&self) -> usize {
        let before = self.before_reset.iter().chain(&self.earlier);
        let points = before.flat_map(|snapshot| &snapshot.points);
        let lists = points.flat_map(|point| [&point.wait, &point.hold]);
        lists.map(|of| of.reservoir.len() + of.recent.len()).sum()
    }

    /// The next interval begins at `now`.
    fn begin(&mut self, now: &Snapshot) {
        let before_ns = self.earlier.as_ref().map_or(0, Snapshot::elapsed_ns);
        let mut now = without_samples(now);
        // The clock was set back. The time up to here is told already.
        now.head.elapsed_ns = now.head.elapsed_ns.max(before_ns);
        self.earlier = Some(now);
    }

    /// The same, but returns all since the engine's start or last reset, with the interval's
    /// samples as [`recent`](Durations::recent). [`Snapshot::since`] of two such snapshots in a row
    /// is an interval with its own percentiles.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{IntervalStart, Snapshot, SnapshotParts};
    ///
    /// let taken = |collection| {
    ///     let taken_unix_ns = collection * 1_000;
    ///     Snapshot::from_parts(SnapshotParts { collection, taken_unix_ns, ..SnapshotParts::default() })
    /// };
    /// let mut start = IntervalStart::default();
    /// let first = start.whole(&taken(3), true, |_| Default::default());
    /// let second = start.whole(&taken(9), true, |_| Default::default());
    /// assert_eq!(second.base_collection(), None);
    /// assert!(second.since(&first)?.is_complete());
    /// # Ok::<(), nexus_lockprof_snapshot::SinceError>(())
    /// ```
    pub fn whole(
        &mut self,
        now: &Snapshot,
        complete: bool,
        samples: impl Fn(&Point) -> [IntervalSamples; 2],
    ) -> Snapshot {
        let before_reset = self.before_reset.take();
        let whole = match &self.earlier {
            Some(earlier) if before_reset.is_none() => {
                let mut whole = with_samples(now, &samples);
                whole.head.peek = true;
                whole.head.pulled_unix_ns = match complete {
                    true => earlier.head.taken_unix_ns,
                    false => 0,
                };
                whole
            }
            _ => cumulative(now),
        };
        self.begin(now);
        whole
    }

    /// The engine is reset after the cumulative snapshot `last`. The interval goes on: it will
    /// include what happened before the reset.
    pub fn reset(
        &mut self,
        last: &Snapshot,
        complete: bool,
        samples: impl Fn(&Point) -> [IntervalSamples; 2],
    ) {
        if self.is_first() {
            // It begins at the last reset.
            return;
        }
        let mut interval = match self.advance(last, complete, samples) {
            Ok(interval) => interval,
            Err(_) => {
                let nothing = self.nothing(last);
                match self.before_reset.take() {
                    None => nothing,
                    Some(before) => join(before, nothing),
                }
            }
        };
        thin(&mut interval);
        self.before_reset = Some(interval);
        let head = Head {
            resets: last.head.resets + 1,
            ..new_head(last)
        };
        self.earlier = Some(Snapshot::new(head, Vec::new(), Vec::new()));
    }
}

/// The head of a cumulative snapshot in which nothing has happened yet.
fn new_head(like: &Snapshot) -> Head {
    Head {
        elapsed_ns: 0,
        table: TableStats::default(),
        losses: Losses::default(),
        overhead: Overhead::default(),
        threads: Vec::new(),
        instances: Vec::new(),
        unlisted_most_ns: 0,
        program: None,
        waiters: Vec::new(),
        deadlocks: Vec::new(),
        history: Vec::new(),
        ..like.head.clone()
    }
}

/// All since the start or the last reset, as an interval.
fn cumulative(now: &Snapshot) -> Snapshot {
    let mut interval = now.clone();
    for point in &mut interval.points {
        for durations in [&mut point.wait, &mut point.hold] {
            durations.recent = durations.reservoir.clone();
        }
    }
    interval
}

/// The snapshot with a puller's samples.
fn with_samples(now: &Snapshot, samples: &impl Fn(&Point) -> [IntervalSamples; 2]) -> Snapshot {
    let mut now = now.clone();
    for point in &mut now.points {
        let [wait, hold] = samples(point);
        for (durations, own) in [(&mut point.wait, wait), (&mut point.hold, hold)] {
            durations.recent = own.samples;
            durations.recent.sort();
        }
    }
    now
}

fn between(
    now: &Snapshot,
    earlier: &Snapshot,
    samples: &impl Fn(&Point) -> [IntervalSamples; 2],
) -> Result<Snapshot, SinceError> {
    let mut now = with_samples(now, samples);
    // The engine's clock may be set back in tests. No time has passed then.
    now.head.elapsed_ns = now.head.elapsed_ns.max(earlier.head.elapsed_ns);
    let mut interval = now.since(earlier)?;
    interval.head.peek = false;
    interval.head.pulled_unix_ns = earlier.head.taken_unix_ns.max(1);
    for point in &mut interval.points {
        let [wait, hold] = samples(point);
        for (durations, own) in [(&mut point.wait, wait), (&mut point.hold, hold)] {
            if durations.samples > 0 {
                durations.max_ns = durations.max_ns.max(own.longest_ns);
            }
        }
    }
    Ok(interval)
}

/// Both parts of an interval, between which there was a reset.
fn join(mut before: Snapshot, mut after: Snapshot) -> Snapshot {
    let head = &mut after.head;
    head.elapsed_ns = head.elapsed_ns.saturating_add(before.head.elapsed_ns);
    head.base = before.head.base;
    head.incomplete |= before.head.incomplete;
    let counts = before.head.table.figures();
    for ((into, from), figure) in (head.table.figures_mut().into_iter())
        .zip(counts)
        .zip(TableStats::FIGURES)
    {
        if figure.kind == FigureKind::Counter {
            *into = into.saturating_add(from);
        }
    }
    head.losses.merge_figures(&before.head.losses);
    head.overhead.merge_figures(&before.head.overhead);
    head.threads = threads::join(&before.head.threads, &head.threads);
    head.instances = instance::join(
        (&before.head.instances, before.head.unlisted_most_ns),
        (&head.instances, head.unlisted_most_ns),
    );
    head.unlisted_most_ns = (head.unlisted_most_ns).saturating_add(before.head.unlisted_most_ns);
    // Records of one point are merged.
    before.points.append(&mut after.points);
    before.edges.append(&mut after.edges);
    Snapshot::new(after.head, before.points, before.edges)
}

/// What the next interval is compared with.
fn without_samples(now: &Snapshot) -> Snapshot {
    let without = |durations: &Durations| Durations {
        reservoir: Samples::default(),
        recent: Samples::default(),
        histogram: durations.histogram.clone(),
        ..*durations
    };
    let points = now.points.iter().map(|point| Point {
        lock: point.lock.clone(),
        site: point.site.clone(),
        wait: without(&point.wait),
        hold: without(&point.hold),
        callers: point.callers.clone(),
        ..*point
    });
    Snapshot {
        head: Head {
            program: None,
            waiters: Vec::new(),
            deadlocks: Vec::new(),
            history: past::last(&now.head.history),
            ..now.head.clone()
        },
        points: points.collect(),
        edges: now.edges.clone(),
    }
}

/// Keeps only the puller's own samples, and a bounded number of them. Any number of resets may be
/// in one interval.
fn thin(interval: &mut Snapshot) {
    let points = interval.points.iter_mut();
    let mut lists: Vec<&mut Durations> = points
        .flat_map(|point| [&mut point.wait, &mut point.hold])
        .collect();
    for durations in &mut lists {
        durations.reservoir = Samples::default();
    }
    let mut size = MOST_SAMPLES;
    loop {
        for durations in &mut lists {
            while durations.recent.len() > size {
                durations.recent = halved(&durations.recent);
            }
        }
        let all: usize = lists.iter().map(|durations| durations.recent.len()).sum();
        if all <= MOST_OF_ALL || size == 1 {
            return;
        }
        size /= 2;
    }
}

/// The samples of the part before a reset, for both uses.
fn unthinned(mut before: Snapshot) -> Snapshot {
    for point in &mut before.points {
        for durations in [&mut point.wait, &mut point.hold] {
            durations.reservoir = durations.recent.clone();
        }
    }
    before
}

/// Half of the samples: the longer one of each pair of neighbours stands for both. A quantile moves
/// up by at most one rank of the given samples, and the longest stays.
fn halved(samples: &[Sample]) -> Samples {
    let pairs = samples.rchunks(2).rev();
    pairs
        .filter_map(|pair| {
            let weight = pair.iter().map(|sample| sample.weight).sum();
            pair.last().map(|last| Sample { weight, ..*last })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halved_samples_keep_the_weight_and_the_longest() {
        let samples: Vec<Sample> = [1, 2, 3, 4, 5].map(Sample::exact).to_vec();
        let half = halved(&samples);
        let expected = [(1, 1.0), (3, 2.0), (5, 2.0)];
        assert_eq!(
            *half,
            expected.map(|(value_ns, weight)| Sample { value_ns, weight })
        );
    }
}
