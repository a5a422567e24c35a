//! Contention over the last intervals.

use super::key::Key;
use nexus_lockprof_snapshot::{Point, Snapshot};
use std::collections::{HashMap, VecDeque};

/// The contention of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TrendSample {
    /// The average number of waiting threads.
    pub(crate) threads: f32,
    /// Contentions per second.
    pub(crate) contentions: f32,
}

/// The samples of all points together and of each point, oldest first. A point without contention
/// has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    overall: VecDeque<TrendSample>,
    points: HashMap<Key, VecDeque<TrendSample>>,
}

impl History {
    /// The number of intervals to keep.
    pub(crate) const LENGTH: usize = 240;

    /// Adds an interval.
    pub(crate) fn push(&mut self, interval: &Snapshot) {
        let ns = interval.elapsed_ns();
        if ns == 0 {
            return;
        }
        let sum = interval
            .points()
            .iter()
            .fold((0_u64, 0_u64), |(wait, contentions), point| {
                (
                    wait.saturating_add(point.wait.total_ns),
                    contentions.saturating_add(point.contentions),
                )
            });
        for samples in self.points.values_mut() {
            append(samples, TrendSample::default());
        }
        let before = self.overall.len().min(Self::LENGTH - 1);
        for point in interval.points() {
            let sample = sample(point, ns);
            if sample == TrendSample::default() {
                continue;
            }
            // A new point had no contention before.
            let samples = self.points.entry(Key::of(point));
            let samples =
                samples.or_insert_with(|| vec![TrendSample::default(); before + 1].into());
            if let Some(last) = samples.back_mut() {
                *last = sample;
            }
        }
        self.points.retain(|_, samples| {
            samples
                .iter()
                .any(|&sample| sample != TrendSample::default())
        });
        append(&mut self.overall, of(sum.0, sum.1, ns));
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.overall.clear();
        self.points.clear();
    }

    /// The samples of all points together.
    pub(crate) fn overall(&self) -> impl DoubleEndedIterator<Item = TrendSample> + '_ {
        self.overall.iter().copied()
    }

    /// The samples of a point; none if it never had contention.
    pub(crate) fn of(&self, key: &Key) -> impl DoubleEndedIterator<Item = TrendSample> + '_ {
        self.points.get(key).into_iter().flatten().copied()
    }

    /// How much a point waited over all intervals, for sorting.
    pub(crate) fn weight(&self, key: &Key) -> f64 {
        let sum = |sample: TrendSample| f64::from(sample.threads);
        self.of(key).map(sum).sum()
    }
}

fn append(samples: &mut VecDeque<TrendSample>, sample: TrendSample) {
    samples.push_back(sample);
    if samples.len() > History::LENGTH {
        samples.pop_front();
    }
}

fn sample(point: &Point, ns: u64) -> TrendSample {
    of(point.wait.total_ns, point.contentions, ns)
}

fn of(wait_ns: u64, contentions: u64, ns: u64) -> TrendSample {
    TrendSample {
        threads: (wait_ns as f64 / ns as f64) as f32,
        contentions: (contentions as f64 * 1e9 / ns as f64) as f32,
    }
}
