//! Estimates the gain from a change to a lock: [`Snapshot::what_if`].

mod model;

use serde::Serialize;

use crate::{AcquireMode, Durations, Lock, Point, Site, Snapshot, TimeShare};

use model::{Demand, Fit, MOST_THREADS, Threads};

/// Into how many locks [`Change::Split`] splits one.
const WAYS: u32 = 4;
/// The most places with a change of their own.
const MOST_PLACES: usize = 3;
/// A place with a smaller share of the lock's time is not worth a change.
const WORTH_CHANGING: f64 = 0.01;
/// The share of the acquisitions that are at places with measured holds, at least.
const KNOWN: f64 = 0.99;

/// A change to a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// The holds at one place take half as long. The other half of the work is done without the
    /// lock.
    HalveHold,
    /// The lock becomes several, and the acquisitions spread evenly over them.
    Split {
        /// How many.
        ways: u32,
    },
    /// One place acquires the lock shared, because its holds only read.
    Share,
}

/// The expected gain from a change to a lock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// The change.
    #[serde(flatten)]
    pub change: Change,
    /// The place that is changed; `None` if it is the lock.
    pub site: Option<Site>,
    /// How that place acquires the lock now.
    pub mode: Option<AcquireMode>,
    /// How many more acquisitions there would be, as a share of those now: 0.38 is 38 % more.
    pub gain: f64,
    /// The least of the gains over all plausible numbers of threads.
    pub gain_low: f64,
    /// The greatest of them.
    pub gain_high: f64,
}

/// The expected gains from changes to a lock, by a queueing model that has the measured
/// throughput. Made by [`Snapshot::what_if`].
///
/// `docs/explanation/what-if.md` has the model, its limits, and how it compares with programs that
/// were changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhatIf {
    /// The lock class.
    pub lock: Lock,
    /// How many threads are assumed to use it: the most that were alive at one time.
    pub threads: u64,
    /// Acquisitions a second, as measured.
    pub per_second: f64,
    /// The mean hold, in nanoseconds.
    pub hold_ns: f64,
    /// The mean time of a thread from a release to the next acquire, in nanoseconds.
    pub between_ns: f64,
    /// The time to hand the lock over to a waiting thread, in nanoseconds, as far as the waits
    /// tell.
    pub handover_ns: f64,
    /// The changes, the greatest gain first.
    pub expected: Vec<Expected>,
}

/// One point of the lock.
struct Place<'a> {
    point: &'a Point,
    /// Of all acquisitions.
    share: f64,
    hold_ns: f64,
    /// The mean of the squares, in ns².
    square: f64,
}

impl<'a> Place<'a> {
    fn new(point: &'a Point, acquisitions: f64) -> Option<Self> {
        let hold_ns = point.hold.total_ns as f64 / point.hold.events as f64;
        // Also false for NaN.
        (point.hold.samples > 0 && hold_ns >= 0.0).then(|| Self {
            point,
            share: point.acquisitions as f64 / acquisitions,
            hold_ns,
            square: hold_ns * hold_ns * (1.0 + variation(&point.hold)),
        })
    }

    fn is_shared(&self) -> bool {
        self.point.mode == AcquireMode::Shared
    }
}

/// The squared coefficient of variation of a sample.
fn variation(times: &Durations) -> f64 {
    let (mut weight, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for sample in times.reservoir.iter() {
        let ns = sample.value_ns as f64;
        weight += sample.weight;
        sum += sample.weight * ns;
        squares += sample.weight * ns * ns;
    }
    match sum > 0.0 {
        true => (squares * weight / (sum * sum) - 1.0).max(0.0),
        false => 0.0,
    }
}

/// The demand of all places, of which that at the index is changed. And how much of a round, in
/// nanoseconds, is done without the lock instead.
fn demand(places: &[Place<'_>], change: Option<(Change, Option<usize>)>) -> (Demand, f64) {
    let mut moved_ns = 0.0;
    let mut demand = Demand {
        ways: 1.0,
        ..Demand::default()
    };
    let (mut writes, mut squares) = (0.0, 0.0);
    for (index, place) in places.iter().enumerate() {
        let (mut hold_ns, mut square, mut is_shared) =
            (place.hold_ns, place.square, place.is_shared());
        match change {
            Some((Change::HalveHold, at)) if at == Some(index) => {
                (hold_ns, square) = (hold_ns / 2.0, square / 4.0);
                moved_ns = place.share * hold_ns;
            }
            Some((Change::Share, at)) if at == Some(index) => is_shared = true,
            Some((Change::Split { ways }, _)) => demand.ways = f64::from(ways),
            _ => {}
        }
        if is_shared {
            demand.reads += place.share;
            demand.read_ns += place.share * hold_ns;
        } else {
            writes += place.share;
            demand.write_ns += place.share * hold_ns;
            squares += place.share * square;
        }
    }
    if demand.reads > 0.0 {
        demand.read_ns /= demand.reads;
    }
    if writes > 0.0 {
        demand.write_ns /= writes;
        squares /= writes;
        demand.variation = match demand.write_ns > 0.0 {
            true => squares / (demand.write_ns * demand.write_ns) - 1.0,
            false => 0.0,
        };
    }
    demand.reads /= demand.reads + writes;
    (demand, moved_ns)
}

impl Snapshot {
    /// Estimates the gain from changes to the locks of the class `lock`: half the hold at each
    /// place that matters, the lock split in 4, and shared holds in place of exclusive ones.
    ///
    /// `None` if too little is known: the waits or holds were not measured, the class has several
    /// locks, nobody waits, or the snapshot was merged from several.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Change, Durations, Lock, Point, Site, Snapshot, SnapshotParts, TableStats};
    ///
    /// // Four threads do nothing but hold it for 1 ms, one after the other, for a second.
    /// let of = |total_ns| Durations { samples: 1_000, events: 1_000, total_ns, ..Durations::default() };
    /// let lock = Lock::Named("sessions".into());
    /// let snapshot = Snapshot::from_parts(SnapshotParts {
    ///     elapsed_ns: 1_000_000_000,
    ///     table: TableStats { shards: 4, ..TableStats::default() },
    ///     points: vec![Point {
    ///         acquisitions: 1_000,
    ///         contentions: 1_000,
    ///         wait: of(3_000_000_000),
    ///         hold: of(1_000_000_000),
    ///         ..Point::new(lock.clone(), AcquireMode::Exclusive, Site::new("src/http.rs", 88, 31))
    ///     }],
    ///     ..SnapshotParts::default()
    /// });
    /// let what_if = snapshot.what_if(&lock).ok_or("too little is known")?;
    /// let half = what_if.expected.iter().find(|expected| expected.change == Change::HalveHold);
    /// let gain = half.map_or(0.0, |half| half.gain);
    /// assert!((gain - 1.0).abs() < 0.01, "twice as many acquisitions, not {gain}");
    /// # Ok::<(), &'static str>(())
    /// ```
    #[must_use]
    pub fn what_if(&self, lock: &Lock) -> Option<WhatIf> {
        let elapsed_ns = self.elapsed_ns() as f64;
        let of_lock = self.points.iter().filter(|point| point.lock == *lock);
        let points = of_lock.filter(|point| point.acquisitions > 0);
        let acquisitions: f64 = points.clone().map(|point| point.acquisitions as f64).sum();
        if self.merged() != 1 || lock.is_rest() || elapsed_ns <= 0.0 || acquisitions <= 0.0 {
            return None;
        }
        let of_time = self.utilisation_of(lock)?;
        let waited = of_time.waited?;
        // Surely, not by the error of an estimate.
        let has_several = |held: TimeShare| held.share - 2.0 * held.share_error > 1.0;
        let places: Vec<Place<'_>> = points
            .filter_map(|point| Place::new(point, acquisitions))
            .collect();
        let known: f64 = places.iter().map(|place| place.share).sum();
        let (now, _) = demand(&places, None);
        let rounds = acquisitions / elapsed_ns;
        let is_known = !waited.is_partial && waited.total_ns > 0 && known >= KNOWN;
        if !is_known || of_time.held.is_some_and(has_several) {
            return None;
        }
        let hold_ns = (1.0 - now.reads) * now.write_ns + now.reads * now.read_ns;
        let stay_ns = hold_ns + waited.total_ns as f64 / acquisitions;
        // Little's law: so many threads are at the lock on average, so there are more than that.
        let fewest = (rounds * stay_ns - 0.01).ceil().max(2.0) as u64;
        if fewest > MOST_THREADS {
            return None;
        }
        let most = self.table().shards.clamp(fewest, MOST_THREADS);
        let of = |count: u64| Threads {
            count,
            between_ns: (count as f64 / rounds - stay_ns).max(0.0),
        };
        let fit = |count| (of(count), now.fit(of(count), rounds));
        let ([few, all], changes) = ([fewest, most].map(fit), changes(&places));
        let gain = |(threads, fit): (Threads, Fit), change| {
            let before = now.with(fit).throughput(threads);
            let (then, moved_ns) = demand(&places, Some(change));
            let threads = Threads {
                between_ns: threads.between_ns + moved_ns * fit.hold_factor,
                ..threads
            };
            then.with(fit).throughput(threads) / before - 1.0
        };
        let expect = |change: (Change, Option<usize>)| {
            let [few, all] = [few, all].map(|model| gain(model, change));
            let point = change.1.and_then(|index| places.get(index));
            Expected {
                change: change.0,
                site: point.map(|place| place.point.site.clone()),
                mode: point.map(|place| place.point.mode),
                gain: all,
                gain_low: all.min(few),
                gain_high: all.max(few),
            }
        };
        let mut expected: Vec<Expected> = changes.into_iter().map(expect).collect();
        expected.sort_by(|a, b| b.gain.total_cmp(&a.gain));
        let (threads, fit) = all;
        Some(WhatIf {
            lock: lock.clone(),
            threads: threads.count,
            per_second: rounds * 1e9,
            hold_ns,
            between_ns: threads.between_ns,
            handover_ns: fit.handover_ns,
            expected,
        })
    }
}

/// The changes that are worth a thought, and the index of the place of each.
fn changes(places: &[Place<'_>]) -> Vec<(Change, Option<usize>)> {
    let time = |index: usize| places.get(index).map_or(0.0, |p| p.share * p.hold_ns);
    let all: f64 = (0..places.len()).map(time).sum();
    let mut by_time: Vec<usize> = (0..places.len()).collect();
    by_time.sort_by(|a, b| time(*b).total_cmp(&time(*a)));
    by_time.retain(|index| time(*index) >= WORTH_CHANGING * all);
    by_time.truncate(MOST_PLACES);
    let mut changes = vec![(Change::Split { ways: WAYS }, None)];
    for index in by_time {
        changes.push((Change::HalveHold, Some(index)));
        if places.get(index).is_some_and(|place| !place.is_shared()) {
            changes.push((Change::Share, Some(index)));
        }
    }
    changes
}
