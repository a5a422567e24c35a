//! One point, summed over all shards: its sums, its samples, and what a snapshot shows of it.

use super::packed_reading::{Histograms, PackedReading};
use crate::collect::lifetime_sample::LifetimeSample;
use crate::collect::monitor::Heat;
use crate::collect::pullers::Batch;
use crate::record::growth::add;
use crate::record::histogram;
use crate::record::reading::Reading;
use crate::record::reservoir::BankReading;
use crate::record::statistics::Record;
use crate::record::tally::{Measure, TallyReading};
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Edge, EdgeEnd, Histogram, Lock, PastPoint, Point, Sample, Samples, Site,
};

/// Samples of a point's waits or holds that a collection gathers before it takes them in. With a
/// thousand threads, all of them would be hundreds of megabytes.
const UNFOLDED: usize = 1024;

/// An edge's waits, and their time in nanoseconds.
pub(super) type Sums = [u64; 2];

/// One point, summed over all shards.
pub(super) struct PointState {
    pub(super) lock: Lock,
    pub(super) mode: AcquireMode,
    pub(super) site: Site,
    /// Number of its records.
    pub(super) records: usize,
    /// The last collection in which, or before which, something was added.
    pub(super) touched: u64,
    /// The sums of this collection.
    pub(super) now: Reading,
    /// The sums at the last reset.
    base: Reading,
    wait: Times,
    hold: Times,
    /// The hold total of the last snapshot, if it was an estimate. See [`bound`](super::bound).
    pub(super) told_hold_ns: u64,
    pub(super) class: usize,
    pub(super) heat: Heat,
    /// The totals when the current interval of the history began.
    past: PastTotals,
    /// The longest wait that was measured since then.
    past_longest_ns: u64,
}

/// A point's figures in the history.
#[derive(Clone, Copy, Debug, Default)]
struct PastTotals {
    acquisitions: u64,
    contentions: u64,
    wait_ns: u64,
}

#[derive(Default)]
struct Times {
    archive: LifetimeSample,
    /// What was measured since the last reset.
    histogram: Histogram,
    /// What was measured in the interval, sorted by value up to `archived`.
    interval: Drawn,
    /// How many of the interval's samples an earlier collection has put into the archive.
    archived: usize,
    /// How many durations those were drawn from.
    archived_offered: u64,
    /// Samples for the next interval: taken over between two collections, or from a collection that
    /// is not closed yet.
    early: Drawn,
    /// The last result of `recent`, until something is added.
    made: Option<Samples>,
}

/// Samples within a bound.
#[derive(Default)]
struct Drawn {
    /// All of them. If they were too many, only those that are new.
    samples: Vec<Sample>,
    /// A sample of them, if they were too many.
    full: Option<LifetimeSample>,
    /// How many durations they were drawn from.
    offered: u64,
}

impl Drawn {
    fn clear(&mut self) {
        self.samples.clear();
        self.full = None;
        self.offered = 0;
    }

    fn append(&mut self, mut other: Drawn) {
        self.samples.append(&mut other.samples);
        if let Some(mut full) = other.full {
            self.samples.extend_from_slice(&full.samples());
        }
        self.offered += other.offered;
    }

    /// Keeps them within `size`.
    fn bound(&mut self, size: usize, rng: &mut fastrand::Rng) {
        if self.samples.len() > size || self.full.is_some() {
            let full = self.full.get_or_insert_default();
            full.extend(self.samples.drain(..), size, rng);
        }
    }
}

impl Times {
    fn begin(&mut self, goes_on: bool) {
        if !goes_on {
            self.interval.clear();
            self.made = None;
        }
        self.archived = self.interval.samples.len();
        self.archived_offered = self.interval.offered;
        self.interval.append(std::mem::take(&mut self.early));
    }

    /// Adds samples, to the interval or to `early`.
    fn take_in(&mut self, mut reading: BankReading, early: bool) {
        let drawn = if early {
            &mut self.early
        } else {
            &mut self.interval
        };
        drawn.offered += reading.offered;
        drawn.samples.append(&mut reading.samples);
    }

    /// Adds all of another point's times, between two collections. The interval's samples are
    /// already in the archive.
    fn absorb(&mut self, mut other: Times, size: usize, rng: &mut fastrand::Rng) {
        let all = other.archive.samples();
        self.archive.extend(all.iter().copied(), size, rng);
        self.histogram.merge(&other.histogram);
        self.early.append(other.early);
        self.early.bound(size, rng);
    }

    /// Also calls `fresh` with what is new, and how many durations that was drawn from.
    fn end(
        &mut self,
        size: usize,
        rng: &mut fastrand::Rng,
        fresh: impl FnOnce(&[Sample], u64, &mut fastrand::Rng),
    ) {
        let Some(new @ [_, ..]) = self.interval.samples.get_mut(self.archived..) else {
            return;
        };
        // All that is sorted below consists of two sorted parts then, which is cheap.
        new.sort_unstable_by(Sample::order);
        let new = &*new;
        fresh(new, self.interval.offered - self.archived_offered, rng);
        self.made = None;
        self.archive.extend(new.iter().copied(), size, rng);
        self.interval.bound(size, rng);
        // The order of snapshots. Most samples are already in it.
        self.interval.samples.sort_by(Sample::order);
        self.archived = self.interval.samples.len();
        self.archived_offered = self.interval.offered;
    }

    /// Whether many samples wait for [`end`](Self::end).
    fn is_full(&self) -> bool {
        self.interval.samples.len() - self.archived >= UNFOLDED
    }

    /// The samples of the interval, to share.
    fn recent(&mut self) -> Samples {
        let interval = &mut self.interval;
        let make = || match &mut interval.full {
            Some(full) => full.samples(),
            None => interval.samples.iter().copied().collect(),
        };
        self.made.get_or_insert_with(make).clone()
    }
}

/// How many samples of a point to keep, and the generator that chooses them.
pub(super) struct Bound<'a> {
    pub(super) size: usize,
    pub(super) rng: &'a mut fastrand::Rng,
}

impl PointState {
    /// `class` is an index from [`Classes`](super::bound::Classes).
    pub(super) fn new(lock: Lock, mode: AcquireMode, site: Site, class: usize) -> Self {
        PointState {
            lock,
            mode,
            site,
            records: 0,
            touched: 0,
            now: Reading::default(),
            base: Reading::default(),
            wait: Times::default(),
            hold: Times::default(),
            told_hold_ns: 0,
            class,
            heat: Heat::default(),
            past: PastTotals::default(),
            past_longest_ns: 0,
        }
    }

    /// Call it before a collection's records are added. `goes_on`: they belong to the interval that
    /// has already begun.
    pub(super) fn begin(&mut self, goes_on: bool) {
        self.wait.begin(goes_on);
        self.hold.begin(goes_on);
    }

    /// Whether it is time to call [`end`](Self::end), though there may be more records.
    pub(super) fn is_full(&self) -> bool {
        self.wait.is_full() || self.hold.is_full()
    }

    /// Call it after all of them, and at any time before. Archives keep `size` samples. `fresh`
    /// gets what is new.
    pub(super) fn end(
        &mut self,
        size: usize,
        rng: &mut fastrand::Rng,
        mut fresh: impl FnMut(Batch<'_>, &mut fastrand::Rng),
    ) {
        let longest_ns = &mut self.past_longest_ns;
        self.wait.end(size, rng, |samples, offered, rng| {
            let longest = samples.iter().map(|sample| sample.value_ns).max();
            *longest_ns = longest.unwrap_or(0).max(*longest_ns);
            let kind = Measure::Wait;
            fresh(
                Batch {
                    kind,
                    samples,
                    offered,
                },
                rng,
            );
        });
        self.hold.end(size, rng, |samples, offered, rng| {
            let kind = Measure::Hold;
            fresh(
                Batch {
                    kind,
                    samples,
                    offered,
                },
                rng,
            );
        });
    }

    fn totals(&self) -> PastTotals {
        PastTotals {
            acquisitions: self.now.acquisitions,
            contentions: self.now.contentions,
            wait_ns: self.now.wait.sum.total_ns,
        }
    }

    /// What has happened since the last call or reset, if anybody has waited.
    pub(super) fn take_past(&mut self) -> Option<PastPoint> {
        let now = self.totals();
        let before = std::mem::replace(&mut self.past, now);
        let longest_ns = std::mem::take(&mut self.past_longest_ns);
        let [contentions, wait_ns] = [
            now.contentions.saturating_sub(before.contentions),
            now.wait_ns.saturating_sub(before.wait_ns),
        ];
        (contentions > 0 || wait_ns > 0).then(|| PastPoint {
            acquisitions: now.acquisitions.saturating_sub(before.acquisitions),
            contentions,
            wait_ns,
            wait_max_ns: longest_ns,
            ..PastPoint::new(self.lock.clone(), self.mode, self.site.clone())
        })
    }

    /// How many waits and holds were measured in the interval.
    pub(super) fn offered(&self) -> [u64; 2] {
        [self.wait.interval.offered, self.hold.interval.offered]
    }

    /// Makes the current sums the baseline of what follows.
    pub(super) fn reset(&mut self) {
        self.base = self.now;
        self.past = self.totals();
        self.past_longest_ns = 0;
        self.told_hold_ns = 0;
        for times in [&mut self.wait, &mut self.hold] {
            times.archive = LifetimeSample::default();
            times.histogram = Histogram::default();
        }
    }

    /// Adds what a record has counted since the reading `before`, which is `packed`. Returns the
    /// new reading. If the owner was writing at every attempt, that is the old one and nothing is
    /// packed: the next reading has what the owner has added. `histograms` are room for its
    /// histograms.
    pub(super) fn take_in(
        &mut self,
        record: &Record,
        before: Reading,
        packed: Option<&PackedReading>,
        histograms: &mut Histograms,
    ) -> (Reading, Option<PackedReading>) {
        let Some(reading) = record.read_whole(histograms) else {
            return (before, None);
        };
        let now = PackedReading::new(&reading, histograms);
        add(&mut self.now, &reading, &before);
        for (kind, times) in [&mut self.wait, &mut self.hold].into_iter().enumerate() {
            if let Some(weights) = &mut histograms[kind] {
                let last = packed.into_iter().flat_map(|packed| packed.buckets(kind));
                histogram::add_growth(weights, last, &mut times.histogram);
            }
        }
        (reading, Some(now))
    }

    /// Adds the samples of a record and a collection that is closed: to the interval, or to the
    /// next one if they come `early`.
    pub(super) fn take_in_samples(
        &mut self,
        record: &Record,
        reading: &Reading,
        collection: u64,
        early: bool,
    ) {
        for (kind, times, max_ns) in [
            (Measure::Wait, &mut self.wait, reading.wait.max_ns),
            (Measure::Hold, &mut self.hold, reading.hold.max_ns),
        ] {
            if let Some(reading) = record.reservoir(kind).read(collection, max_ns) {
                times.take_in(reading, early);
            }
        }
    }

    /// The same for the last time, when nobody writes the record any more. Samples of `collections`
    /// are new. Those of `closed` belong to the interval that is being merged.
    pub(super) fn take_over(
        &mut self,
        record: &Record,
        (before, packed): (Reading, Option<&PackedReading>),
        collections: std::ops::RangeInclusive<u64>,
        closed: Option<u64>,
        bound: &mut Bound<'_>,
    ) -> Reading {
        self.touched = *collections.end();
        let (reading, _) = self.take_in(record, before, packed, &mut [None; 2]);
        for collection in collections {
            let early = Some(collection) != closed;
            self.take_in_samples(record, &reading, collection, early);
        }
        for times in [&mut self.wait, &mut self.hold] {
            times.early.bound(bound.size, bound.rng);
        }
        reading
    }

    /// Adds all of another point, which is then gone. The sum of counters that grow keeps growing.
    pub(super) fn absorb(&mut self, other: PointState, bound: &mut Bound<'_>) {
        add(&mut self.now, &other.now, &Reading::default());
        add(&mut self.base, &other.base, &Reading::default());
        self.wait.absorb(other.wait, bound.size, bound.rng);
        self.hold.absorb(other.hold, bound.size, bound.rng);
        self.told_hold_ns = self.told_hold_ns.saturating_add(other.told_hold_ns);
        self.past.acquisitions += other.past.acquisitions;
        self.past.contentions += other.past.contentions;
        self.past.wait_ns = self.past.wait_ns.saturating_add(other.past.wait_ns);
        self.past_longest_ns = self.past_longest_ns.max(other.past_longest_ns);
        self.touched = self.touched.max(other.touched);
    }

    /// Adds an edge's waits, and those of its baseline, as waits without an edge.
    pub(super) fn add_without_edge(&mut self, now: Sums, base: Sums) {
        for (sums, [waits, ns]) in [(&mut self.now, now), (&mut self.base, base)] {
            sums.blocked = sums.blocked.saturating_add(waits);
            sums.caused.total_ns = sums.caused.total_ns.saturating_add(ns);
        }
    }

    /// Waits for this point since the last reset that no edge has.
    pub(super) fn without_edge(&self) -> Sums {
        let (now, base) = (&self.now, &self.base);
        [
            now.blocked.saturating_sub(base.blocked),
            now.caused.total_ns.saturating_sub(base.caused.total_ns),
        ]
    }

    /// An edge to this point from points that are not known.
    pub(super) fn edge_from_unknown(&self, waits: u64, waited_ns: u64) -> Edge {
        Edge {
            waiting: None,
            holding: EdgeEnd {
                lock: self.lock.clone(),
                mode: self.mode,
                site: self.site.clone(),
            },
            waits,
            waited_ns,
        }
    }

    /// What has happened at the point since the last reset, including the waits that `edges` have.
    /// `resets` is the number of resets.
    pub(super) fn point(&mut self, resets: u64, edges: Sums) -> Point {
        let mut point = Point::new(self.lock.clone(), self.mode, self.site.clone());
        let (now, base) = (&self.now, &self.base);
        point.acquisitions = now.acquisitions.saturating_sub(base.acquisitions);
        point.contentions = now.contentions.saturating_sub(base.contentions);
        now.cold.since(&base.cold).tell(&mut point);
        point.most_readers = now.most_readers.since(resets);
        let [waits, ns] = self.without_edge();
        point.blocked = edges[0].saturating_add(waits);
        point.caused_wait_ns = edges[1].saturating_add(ns);
        if now.caused.reset_generation == resets {
            point.caused_variance = now.caused.variance;
        }
        point.wait = durations(&now.wait, &base.wait, &mut self.wait, resets);
        point.hold = durations(&now.hold, &base.hold, &mut self.hold, resets);
        // Any hold may be one that is not measured.
        point.hold.longest_sampled_ns = point.hold.max_ns;
        // There are three kinds of acquisitions, and of contentions. Timed ones are measured when
        // they end. Others are represented by timed ones, and the rest by none. What is still being
        // timed is not reported yet.
        for (durations, events, timed, unmeasured) in [
            (
                &mut point.hold,
                point.acquisitions,
                now.timed_holds.saturating_sub(base.timed_holds),
                now.unmeasured_holds.saturating_sub(base.unmeasured_holds)
                    + now.overdue_holds.saturating_sub(base.overdue_holds),
            ),
            (
                &mut point.wait,
                point.contentions,
                now.timed_waits.saturating_sub(base.timed_waits),
                now.unmeasured_waits.saturating_sub(base.unmeasured_waits)
                    + now.overdue_waits.saturating_sub(base.overdue_waits),
            ),
        ] {
            let represented = events.saturating_sub(timed).saturating_sub(unmeasured);
            durations.events = durations.samples + represented;
            durations.unmeasured = unmeasured;
            if durations.samples == 0 {
                // No sample stands for them.
                durations.unmeasured += represented;
                durations.events = 0;
            } else if represented == 0 {
                durations.longest_sampled_ns = 0;
            } else if durations.longest_sampled_ns == 0 {
                // No sample that stands for others was seen yet, so this assumes that all are
                // average.
                durations.longest_sampled_ns = durations.total_ns / durations.events;
            }
        }
        point
    }
}

fn durations(now: &TallyReading, base: &TallyReading, times: &mut Times, resets: u64) -> Durations {
    let current = now.sum.reset_generation == resets;
    Durations {
        samples: now.samples.saturating_sub(base.samples),
        total_ns: now.sum.total_ns.saturating_sub(base.sum.total_ns),
        total_variance: if current { now.sum.variance } else { 0.0 },
        max_ns: if current { now.max_ns } else { 0 },
        longest_sampled_ns: if current {
            now.sum.longest_sampled_ns
        } else {
            0
        },
        reservoir: times.archive.samples(),
        recent: times.recent(),
        histogram: times.histogram.clone(),
        // The caller fills these in from the point's counts.
        ..Durations::default()
    }
}

/// Whether the point has nothing to report since the last reset.
pub(super) fn is_blank(point: &Point) -> bool {
    point.figures() == [0; Point::FIGURES.len()]
        && point.wait.samples == 0
        && point.hold.samples == 0
}
