//! What each puller has of the points, between its pulls.
//!
//! A collection closes the reservoirs' banks, whoever it is for. So its fresh samples are added to
//! the interval of every puller. Counts need nothing: a puller subtracts those of its last pull.
//!
//! # Memory
//!
//! A puller keeps the counts of all points, without samples, and at most [`MOST`] samples. At most
//! [`SAMPLED`] keep samples. Another one gets the place of whoever has not pulled for
//! [`RESTED_NS`], and before that it has counts alone: if each took the place of another, none
//! would have the samples of a whole interval.

use crate::collect::lifetime_sample::LifetimeSample;
use crate::record::tally::Measure;
use nexus_lockprof_snapshot::{IntervalSamples, IntervalStart, Point, Sample, Snapshot};
use std::collections::HashMap;

/// Number of pullers that keep samples.
pub(crate) const SAMPLED: usize = 8;
/// A puller that has not pulled for this long gives its place to one that has none.
pub(crate) const RESTED_NS: u64 = 120_000_000_000;
/// The most samples of one puller.
const MOST: usize = 1 << 16;
/// The most samples of a point's waits or holds, and the fewest when there are many points.
const SIZE: usize = 256;
const LEAST_SIZE: usize = 32;

/// All pullers.
#[derive(Default)]
pub(crate) struct Pullers {
    pullers: Vec<Puller>,
    next: u64,
}

/// One puller.
struct Puller {
    id: u64,
    start: IntervalStart,
    /// When it pulled last, in nanoseconds of the engine's coarse clock.
    pulled_ns: u64,
    /// `None` before its first pull, and while it has no place.
    pending: Option<Pending>,
    /// Whether all samples of its interval are there, or were before a reset.
    complete: bool,
}

/// The samples of one interval, by the points' indices.
pub(crate) struct Pending {
    by_point: HashMap<usize, [Own; 2]>,
    /// The most samples of a point's waits or holds.
    size: usize,
    /// Number of samples.
    len: usize,
    complete: bool,
}

/// What was measured of a point's waits or holds.
#[derive(Default)]
struct Own {
    sample: LifetimeSample,
    /// How many durations there were.
    offered: u64,
    longest_ns: u64,
}

/// What a puller wants.
#[derive(Clone, Copy)]
pub(crate) enum Pull {
    /// What happened since its last pull.
    Interval,
    /// All, with samples of that interval.
    Whole,
}

/// A collection's fresh batch of one point's waits or holds.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub(crate) kind: Measure,
    pub(crate) samples: &'a [Sample],
    /// How many durations they were drawn from.
    pub(crate) offered: u64,
}

impl Default for Pending {
    fn default() -> Self {
        Pending {
            by_point: HashMap::new(),
            size: SIZE,
            len: 0,
            complete: true,
        }
    }
}

impl Pending {
    /// Adds a batch. Returns how many durations it stands for, if there was no room for it.
    pub(crate) fn add(&mut self, point: usize, batch: Batch<'_>, rng: &mut fastrand::Rng) -> u64 {
        if self.len >= MOST && self.size > LEAST_SIZE {
            self.shrink(rng);
        }
        let is_full = self.len >= MOST;
        let own = &mut self.by_point.entry(point).or_default()[batch.kind as usize];
        if is_full && own.sample.len() < self.size {
            self.complete = false;
            return batch.offered;
        }
        self.len -= own.sample.len();
        own.sample
            .extend(batch.samples.iter().copied(), self.size, rng);
        self.len += own.sample.len();
        own.offered += batch.offered;
        let longest = batch.samples.iter().map(|sample| sample.value_ns).max();
        own.longest_ns = own.longest_ns.max(longest.unwrap_or(0));
        0
    }

    /// How many durations its samples stand for.
    fn offered(&self) -> u64 {
        let own = self.by_point.values().flatten();
        own.map(|own| own.offered).sum()
    }

    /// Halves the most samples of each point.
    fn shrink(&mut self, rng: &mut fastrand::Rng) {
        self.size /= 2;
        self.len = 0;
        for own in self.by_point.values_mut().flatten() {
            own.sample.extend([], self.size, rng);
            self.len += own.sample.len();
        }
    }

    /// The points at these indices have joined others. Returns how many durations found no room
    /// there.
    pub(crate) fn follow(&mut self, moved: &HashMap<usize, usize>, rng: &mut fastrand::Rng) -> u64 {
        let mut lost = 0;
        for (point, into) in moved {
            let Some(own) = self.by_point.remove(point) else {
                continue;
            };
            for (mut own, kind) in own.into_iter().zip([Measure::Wait, Measure::Hold]) {
                self.len -= own.sample.len();
                let batch = Batch {
                    kind,
                    samples: &own.sample.samples(),
                    offered: own.offered,
                };
                lost += self.add(*into, batch, rng);
            }
        }
        lost
    }

    /// What there is of a point's waits and holds, and how many durations each was drawn from.
    pub(crate) fn take(&mut self, point: usize) -> [(IntervalSamples, u64); 2] {
        let own = self.by_point.remove(&point).unwrap_or_default();
        own.map(|mut own| {
            self.len -= own.sample.len();
            let samples = IntervalSamples {
                samples: own.sample.samples(),
                longest_ns: own.longest_ns,
            };
            (samples, own.offered)
        })
    }
}

impl Pullers {
    /// A new puller, whose interval begins at the start or the last reset.
    pub(crate) fn register(&mut self) -> u64 {
        self.next += 1;
        self.pullers.push(Puller {
            id: self.next,
            start: IntervalStart::default(),
            pulled_ns: 0,
            pending: None,
            complete: true,
        });
        self.next
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.pullers.retain(|puller| puller.id != id);
    }

    /// Adds a batch to each interval. Returns how many durations found no room, over all of them.
    pub(crate) fn add(&mut self, point: usize, batch: Batch<'_>, rng: &mut fastrand::Rng) -> u64 {
        let pending = self.pending();
        pending.map(|pending| pending.add(point, batch, rng)).sum()
    }

    /// The points at these indices have joined others. Returns how many durations found no room
    /// there.
    pub(crate) fn follow(&mut self, moved: &HashMap<usize, usize>, rng: &mut fastrand::Rng) -> u64 {
        if moved.is_empty() {
            return 0;
        }
        let pending = self.pending();
        pending.map(|pending| pending.follow(moved, rng)).sum()
    }

    fn pending(&mut self) -> impl Iterator<Item = &mut Pending> {
        let pullers = self.pullers.iter_mut();
        pullers.filter_map(|puller| puller.pending.as_mut())
    }

    /// Ends the puller's interval at `now`, and returns it, or all with its samples. `index_of`
    /// returns the index of a point. The number says how many durations intervals lost the samples
    /// of, at least 1 for each that has none. `now_ns` is the time of the engine's coarse clock.
    pub(crate) fn pull(
        &mut self,
        id: u64,
        (now, now_ns): (&Snapshot, u64),
        what: Pull,
        index_of: impl Fn(&Point) -> Option<usize>,
    ) -> (Snapshot, u64) {
        let Some(place) = self.pullers.iter().position(|puller| puller.id == id) else {
            return (now.clone(), 0);
        };
        let (has_room, mut lost) = self.make_room(place, now_ns);
        let puller = &mut self.pullers[place];
        puller.pulled_ns = now_ns;
        let pending = std::mem::replace(&mut puller.pending, has_room.then(Pending::default));
        let offered = pending.as_ref().map_or(0, Pending::offered);
        let mut samples = Collected::of(pending, &index_of);
        samples.complete &= puller.complete;
        let mut failed = false;
        let interval = samples.end(now, |now, complete, of| match what {
            Pull::Interval => match puller.start.advance(now, complete, of) {
                Ok(interval) => interval,
                Err(_) => {
                    failed = true;
                    puller.start.nothing(now)
                }
            },
            Pull::Whole => puller.start.whole(now, complete, of),
        });
        // The next interval is this one, too, but its samples are gone.
        puller.complete = !failed;
        if failed {
            lost += offered.max(1);
        }
        (interval, lost)
    }

    /// The engine is about to be reset, after the snapshot `last`.
    pub(crate) fn reset(&mut self, last: &Snapshot, index_of: impl Fn(&Point) -> Option<usize>) {
        for puller in &mut self.pullers {
            if puller.start.is_first() {
                continue;
            }
            let pending = puller.pending.take();
            let is_sampled = pending.is_some();
            let mut samples = Collected::of(pending, &index_of);
            samples.complete &= puller.complete;
            samples.end(last, |last, complete, of| {
                puller.start.reset(last, complete, of)
            });
            puller.pending = is_sampled.then(Pending::default);
        }
    }

    /// All begin again at the next reset: this process was forked, and the counts so far are not
    /// its own.
    pub(crate) fn begin_again(&mut self) {
        for puller in &mut self.pullers {
            puller.start = IntervalStart::default();
            puller.pending = None;
            puller.complete = true;
        }
    }

    /// Makes room for the samples of one puller, if it has none, and another one has rested: that
    /// one loses its own. Returns whether there is room, and how many durations are lost: those of
    /// the other one, or 1 for the interval that will have no samples.
    fn make_room(&mut self, place: usize, now_ns: u64) -> (bool, u64) {
        if self.pullers[place].pending.is_some() || self.pending().count() < SAMPLED {
            return (true, 0);
        }
        let has_rested = |puller: &&mut Puller| {
            puller.pending.is_some() && now_ns.saturating_sub(puller.pulled_ns) >= RESTED_NS
        };
        let rested = self.pullers.iter_mut().filter(has_rested);
        let Some(oldest) = rested.min_by_key(|puller| puller.pulled_ns) else {
            return (false, 1);
        };
        let lost = oldest.pending.take();
        (true, lost.map_or(0, |pending| pending.offered().max(1)))
    }
}

/// The samples of an interval that ends.
struct Collected<I> {
    by_point: HashMap<usize, [IntervalSamples; 2]>,
    index_of: I,
    complete: bool,
}

impl<I: Fn(&Point) -> Option<usize>> Collected<I> {
    fn of(pending: Option<Pending>, index_of: I) -> Self {
        let complete = pending.as_ref().is_some_and(|pending| pending.complete);
        let mut by_point = HashMap::new();
        if let Some(mut pending) = pending {
            let points: Vec<usize> = pending.by_point.keys().copied().collect();
            by_point = points
                .into_iter()
                .map(|point| (point, pending.take(point).map(|(samples, _)| samples)))
                .collect();
        }
        Collected {
            by_point,
            index_of,
            complete,
        }
    }

    fn end<T>(
        &self,
        at: &Snapshot,
        end: impl FnOnce(&Snapshot, bool, &dyn Fn(&Point) -> [IntervalSamples; 2]) -> T,
    ) -> T {
        end(at, self.complete, &|point| {
            let index = (self.index_of)(point);
            let own = index.and_then(|index| self.by_point.get(&index));
            own.cloned().unwrap_or_default()
        })
    }
}

/// Samples that are as many as there is room for, of points from `first` on.
#[cfg(test)]
pub(crate) fn full(first: usize) -> Pending {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut pending = Pending::default();
    let samples = [Sample::exact(5); LEAST_SIZE];
    let batch = Batch {
        kind: Measure::Hold,
        samples: &samples,
        offered: 40,
    };
    for point in first.. {
        if pending.add(point, batch, &mut rng) > 0 {
            break;
        }
    }
    pending
}

#[cfg(test)]
mod tests;
