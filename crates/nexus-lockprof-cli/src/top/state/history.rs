//! Contention over the last intervals.

use super::Key;
use nexus_lockprof_snapshot::{Point, Snapshot};
use std::collections::{HashMap, VecDeque};

/// What waited in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Beat {
    /// Threads that were waiting, on average.
    pub(crate) threads: f32,
    /// Contended acquisitions a second.
    pub(crate) contentions: f32,
}

/// Beats of all points together and of each, oldest first, as long as there is anything but rest in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    overall: VecDeque<Beat>,
    points: HashMap<Key, VecDeque<Beat>>,
}

impl History {
    /// Intervals that are remembered.
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
        for beats in self.points.values_mut() {
            append(beats, Beat::default());
        }
        let before = self.overall.len().min(Self::LENGTH - 1);
        for point in interval.points() {
            let beat = beat(point, ns);
            if beat == Beat::default() {
                continue;
            }
            // One that was not here until now was at rest.
            let beats = self.points.entry(Key::of(point));
            let beats = beats.or_insert_with(|| vec![Beat::default(); before + 1].into());
            if let Some(last) = beats.back_mut() {
                *last = beat;
            }
        }
        self.points
            .retain(|_, beats| beats.iter().any(|&beat| beat != Beat::default()));
        append(&mut self.overall, of(sum.0, sum.1, ns));
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.overall.clear();
        self.points.clear();
    }

    /// The beats of all points together.
    pub(crate) fn overall(&self) -> impl DoubleEndedIterator<Item = Beat> + '_ {
        self.overall.iter().copied()
    }

    /// The beats of a point; none if it was always at rest.
    pub(crate) fn of(&self, key: &Key) -> impl DoubleEndedIterator<Item = Beat> + '_ {
        self.points.get(key).into_iter().flatten().copied()
    }

    /// How much a point has waited in all of it, for sorting.
    pub(crate) fn weight(&self, key: &Key) -> f64 {
        let sum = |beat: Beat| f64::from(beat.threads);
        self.of(key).map(sum).sum()
    }
}

fn append(beats: &mut VecDeque<Beat>, beat: Beat) {
    beats.push_back(beat);
    if beats.len() > History::LENGTH {
        beats.pop_front();
    }
}

fn beat(point: &Point, ns: u64) -> Beat {
    of(point.wait.total_ns, point.contentions, ns)
}

fn of(wait_ns: u64, contentions: u64, ns: u64) -> Beat {
    Beat {
        threads: (wait_ns as f64 / ns as f64) as f32,
        contentions: (contentions as f64 * 1e9 / ns as f64) as f32,
    }
}
