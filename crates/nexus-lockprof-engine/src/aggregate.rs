//! Merges the shards into a snapshot.
//!
//! One collection: open the next one, walk all shards under an epoch pin, sum each point's
//! records, take in what the closed collection's reservoirs hold, subtract the last reset's sums.
//! Nothing of a shard is written, and no writer waits or is waited for.

use crate::archive::Archive;
use crate::core::Core;
use crate::event::Event;
use crate::identity::{PointKey, to_site};
use crate::monitor::{self, Heat};
use crate::record::{Kind, Reading, Record, SumReading, TallyReading};
use crate::shard::{Loss, Losses};
use crate::sync::Ordering::Relaxed;
use nexus_lockprof_snapshot as snapshot;
use snapshot::{
    AcquireMode, Durations, Lock, Overhead, Point, Sample, Samples, Site, Snapshot, SnapshotParts,
    TableStats,
};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

/// What collections remember from one to the next.
pub(crate) struct Aggregator {
    /// Names the engine in its snapshots. 53 bits: JSON readers keep them exactly.
    id: u64,
    points: Vec<PointState>,
    by_key: HashMap<PointKey, usize>,
    by_content: HashMap<(Lock, AcquireMode, Site), usize>,
    /// By shard, then by a record's ordinal.
    seen: HashMap<u64, Vec<Option<Seen>>>,
    started_ns: u64,
    lost_before: snapshot::Losses,
    /// At the last reset.
    overhead_before: Overhead,
    rng: fastrand::Rng,
}

/// What was last read of a record, and which point it belongs to.
#[derive(Clone, Copy)]
struct Seen {
    point: usize,
    reading: Reading,
    /// Whether the collection before the last one had read the same.
    settled: bool,
}

/// One point, all shards together.
struct PointState {
    lock: Lock,
    mode: AcquireMode,
    site: Site,
    /// Sums of this collection.
    now: Reading,
    /// Sums at the last reset.
    base: Reading,
    wait: Times,
    hold: Times,
    heat: Heat,
}

#[derive(Default)]
struct Times {
    archive: Archive,
    /// What the closed collection measured.
    interval: Vec<Sample>,
    interval_samples: u64,
}

impl Times {
    /// What the closed collection measured, to share.
    fn recent(&self) -> Samples {
        if self.interval.is_empty() {
            Samples::default()
        } else {
            self.interval.iter().copied().collect()
        }
    }
}

impl Aggregator {
    pub(crate) fn new(core: &Core) -> Self {
        let random = RandomState::new();
        Aggregator {
            id: random.hash_one(0) >> 11,
            points: Vec::new(),
            by_key: HashMap::new(),
            by_content: HashMap::new(),
            seen: HashMap::new(),
            started_ns: core.clock.started_ns(),
            lost_before: snapshot::Losses::default(),
            overhead_before: Overhead::default(),
            rng: fastrand::Rng::with_seed(random.hash_one(1)),
        }
    }

    /// Collects; what is hot goes to `events`.
    pub(crate) fn collect(&mut self, core: &Core, events: &mut Vec<Event>) -> Snapshot {
        let closed = core.eras.open_collection();
        self.merge(core, closed, events)
    }

    /// Merges the shards, after the collection `closed` was closed.
    fn merge(&mut self, core: &Core, closed: u64, events: &mut Vec<Event>) -> Snapshot {
        let config = core.config();
        for point in &mut self.points {
            for times in [&mut point.wait, &mut point.hold] {
                times.interval.clear();
                times.interval_samples = 0;
            }
        }
        let mut table = TableStats {
            max_records: config.max_records as u64,
            shards: core.shard_count(),
            ..TableStats::default()
        };
        let mut lost = losses(&core.losses);
        let mut overhead = Overhead::default();
        // Owners that grow their tables meanwhile retire the old ones: the pin keeps them until the walk is over.
        let guard = crossbeam_epoch::pin();
        for shard in &core.shards {
            table.records += shard.table.len();
            table.hash_size += shard.table.hash_size(&guard);
            table.collisions += shard.table.collisions();
            add_losses(&mut lost, losses(&shard.losses));
            overhead.budgeted_ns += shard.governor.spent_ns();
            overhead.threads_ns += shard.life.ns(|| core.clock.coarse_ns());
            let seen = self.seen.entry(shard.id).or_default();
            let points = &mut self.points;
            let (by_key, by_content) = (&mut self.by_key, &mut self.by_content);
            shard.table.for_each(&guard, |record| {
                let Some(last) = seen.get(record.ordinal).copied().flatten() else {
                    let point = point_of(record.key, points, by_key, by_content);
                    if seen.len() <= record.ordinal {
                        seen.resize(record.ordinal + 1, None);
                    }
                    let reading = points[point].take_in(record, None, closed);
                    seen[record.ordinal] = Some(Seen {
                        point,
                        reading,
                        settled: false,
                    });
                    return;
                };
                // Most records of most threads. What is counted after a collection is opened and before its record is
                // read is in that reading, and its samples are the next collection's: after a change there is one more reading.
                if last.settled && record.is_as(&last.reading) {
                    return;
                }
                let point = last.point;
                let reading = points[point].take_in(record, Some(last.reading), closed);
                seen[record.ordinal] = Some(Seen {
                    point,
                    reading,
                    settled: reading == last.reading,
                });
            });
        }
        drop(guard);

        let resets = core.eras.resets();
        let mut points = Vec::new();
        for state in &mut self.points {
            let mut point = Point::new(state.lock.clone(), state.mode, state.site.clone());
            for times in [&mut state.wait, &mut state.hold] {
                times.archive.extend(
                    times.interval.iter().copied(),
                    config.archive,
                    &mut self.rng,
                );
                if times.interval.len() > config.archive {
                    let mut recent = Archive::default();
                    recent.extend(times.interval.drain(..), config.archive, &mut self.rng);
                    times.interval = recent.samples().to_vec();
                }
                // Quantiles are of what is in order.
                times
                    .interval
                    .sort_unstable_by_key(|sample| sample.value_ns);
            }
            state.fill(&mut point, resets);
            let samples = [state.wait.interval_samples, state.hold.interval_samples];
            monitor::judge(&point, samples, &mut state.heat, &config, events);
            if !is_blank(&point) {
                points.push(point);
            }
        }
        // Those before a reset too: what was booked then is subtracted below.
        let counted: u64 = self.points.iter().map(|point| point.now.acquisitions).sum();
        overhead.counting_ns = counted_ns(counted, core.costs.counted_ps.load(Relaxed));
        overhead = overhead_since(overhead, self.overhead_before);
        table.acquisitions = points.iter().map(|point| point.acquisitions).sum();
        subtract_losses(&mut lost, &self.lost_before);
        table.rejected = lost.points_full;
        Snapshot::from_parts(SnapshotParts {
            engine: self.id,
            collection: closed,
            resets,
            taken_unix_ns: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            elapsed_ns: core.clock.coarse_ns().saturating_sub(self.started_ns),
            pid: std::process::id(),
            mode: config.mode.into(),
            points,
            table,
            losses: lost,
            overhead,
        })
    }

    /// Makes `last`, the collection just made, the baseline of those that follow.
    pub(crate) fn reset(&mut self, core: &Core, last: &Snapshot) {
        for point in &mut self.points {
            point.base = point.now;
            point.wait.archive = Archive::default();
            point.hold.archive = Archive::default();
        }
        add_losses(&mut self.lost_before, *last.losses());
        let overhead = last.overhead();
        self.overhead_before.budgeted_ns += overhead.budgeted_ns;
        self.overhead_before.counting_ns += overhead.counting_ns;
        self.overhead_before.threads_ns += overhead.threads_ns;
        self.started_ns += last.elapsed_ns();
        core.eras.count_reset();
    }
}

/// The point that a record belongs to. One line of source may be at several addresses: points are
/// told apart by content, and the key only saves making it.
fn point_of(
    key: PointKey,
    points: &mut Vec<PointState>,
    by_key: &mut HashMap<PointKey, usize>,
    by_content: &mut HashMap<(Lock, AcquireMode, Site), usize>,
) -> usize {
    *by_key.entry(key).or_insert_with(|| {
        let lock = key.class().to_lock();
        let mode = AcquireMode::from(key.site().mode());
        let site = to_site(key.site().location());
        *by_content
            .entry((lock.clone(), mode, site.clone()))
            .or_insert_with(|| {
                points.push(PointState {
                    lock,
                    mode,
                    site,
                    now: Reading::default(),
                    base: Reading::default(),
                    wait: Times::default(),
                    hold: Times::default(),
                    heat: Heat::default(),
                });
                points.len() - 1
            })
    })
}

impl PointState {
    /// Adds what has happened at a record since it was read `last`; what it has come to.
    fn take_in(&mut self, record: &Record, last: Option<Reading>, closed: u64) -> Reading {
        let reading = record.read_or(last);
        add(&mut self.now, &reading, &last.unwrap_or_default());
        for (kind, times, max_ns) in [
            (Kind::Wait, &mut self.wait, reading.wait.max_ns),
            (Kind::Hold, &mut self.hold, reading.hold.max_ns),
        ] {
            let Some(drawn) = record.reservoir(kind).read(closed) else {
                continue;
            };
            times.interval_samples += drawn.offered;
            times
                .interval
                .extend(drawn.kept.iter().map(|(packed, share)| Sample {
                    // Samples are rounded up, but never beyond what was measured.
                    value_ns: packed.value_ns().min(max_ns.max(1)),
                    weight: packed.weight() as f64 * share,
                }));
        }
        reading
    }

    fn fill(&mut self, point: &mut Point, resets: u64) {
        let (now, base) = (&self.now, &self.base);
        point.acquisitions = now.acquisitions.saturating_sub(base.acquisitions);
        point.contentions = now.contentions.saturating_sub(base.contentions);
        point.try_failures = now.try_failures.saturating_sub(base.try_failures);
        point.timeouts = now.timeouts.saturating_sub(base.timeouts);
        point.blocked = now.blocked.saturating_sub(base.blocked);
        point.caused_wait_ns = now.caused.total_ns.saturating_sub(base.caused.total_ns);
        if now.caused.stretch == resets {
            point.caused_variance = now.caused.variance;
        }
        point.wait = durations(&now.wait, &base.wait, &mut self.wait, resets);
        point.hold = durations(&now.hold, &base.hold, &mut self.hold, resets);
        // Three kinds of acquisitions, and of contentions: timed (and measured when they are over), represented by timed ones, and
        // neither. What is being timed just now is not told yet.
        for (durations, events, timed, unmeasured) in [
            (
                &mut point.hold,
                point.acquisitions,
                now.timed_holds.saturating_sub(base.timed_holds),
                now.unmeasured_holds.saturating_sub(base.unmeasured_holds),
            ),
            (
                &mut point.wait,
                point.contentions,
                now.timed_waits.saturating_sub(base.timed_waits),
                now.unmeasured_waits.saturating_sub(base.unmeasured_waits),
            ),
        ] {
            let represented = events.saturating_sub(timed).saturating_sub(unmeasured);
            durations.events = durations.samples + represented;
            durations.unmeasured = unmeasured;
        }
    }
}

fn durations(now: &TallyReading, base: &TallyReading, times: &mut Times, resets: u64) -> Durations {
    let current = now.sum.stretch == resets;
    Durations {
        samples: now.samples.saturating_sub(base.samples),
        total_ns: now.sum.total_ns.saturating_sub(base.sum.total_ns),
        total_variance: if current { now.sum.variance } else { 0.0 },
        max_ns: if current { now.max_ns } else { 0 },
        reservoir: times.archive.samples().into(),
        recent: times.recent(),
        // The caller's: they follow from the point's counts.
        ..Durations::default()
    }
}

/// Adds to a point's sums what a record's reading has grown by since the `last` one.
fn add(sum: &mut Reading, reading: &Reading, last: &Reading) {
    for (sum, now, before) in [
        (
            &mut sum.acquisitions,
            reading.acquisitions,
            last.acquisitions,
        ),
        (&mut sum.contentions, reading.contentions, last.contentions),
        (&mut sum.timed_holds, reading.timed_holds, last.timed_holds),
        (&mut sum.timed_waits, reading.timed_waits, last.timed_waits),
        (
            &mut sum.unmeasured_holds,
            reading.unmeasured_holds,
            last.unmeasured_holds,
        ),
        (
            &mut sum.unmeasured_waits,
            reading.unmeasured_waits,
            last.unmeasured_waits,
        ),
        (
            &mut sum.try_failures,
            reading.try_failures,
            last.try_failures,
        ),
        (&mut sum.timeouts, reading.timeouts, last.timeouts),
        (&mut sum.blocked, reading.blocked, last.blocked),
        (
            &mut sum.wait.samples,
            reading.wait.samples,
            last.wait.samples,
        ),
        (
            &mut sum.hold.samples,
            reading.hold.samples,
            last.hold.samples,
        ),
    ] {
        *sum = sum.saturating_add(now.saturating_sub(before));
    }
    for (sum, reading, last) in [
        (&mut sum.wait, &reading.wait, &last.wait),
        (&mut sum.hold, &reading.hold, &last.hold),
    ] {
        match add_sum(&mut sum.sum, &reading.sum, &last.sum) {
            Ordering::Greater => sum.max_ns = reading.max_ns,
            Ordering::Equal => sum.max_ns = sum.max_ns.max(reading.max_ns),
            Ordering::Less => {}
        }
    }
    add_sum(&mut sum.caused, &reading.caused, &last.caused);
}

/// Adds total and variance. Of the variance only what is of the same stretch between resets goes together, and the
/// newest stretch wins: how the reading's is to the sum's.
fn add_sum(sum: &mut SumReading, reading: &SumReading, last: &SumReading) -> Ordering {
    let grown = reading.total_ns.saturating_sub(last.total_ns);
    sum.total_ns = sum.total_ns.saturating_add(grown);
    let order = reading.stretch.cmp(&sum.stretch);
    match order {
        Ordering::Greater => {
            sum.stretch = reading.stretch;
            sum.variance = reading.variance;
        }
        Ordering::Equal if last.stretch == reading.stretch => {
            sum.variance += (reading.variance - last.variance).max(0.0);
        }
        Ordering::Equal => sum.variance += reading.variance,
        Ordering::Less => {}
    }
    order
}

fn is_blank(point: &Point) -> bool {
    point.acquisitions == 0
        && point.contentions == 0
        && point.try_failures == 0
        && point.timeouts == 0
        && point.blocked == 0
        && point.wait.samples == 0
        && point.hold.samples == 0
}

fn counted_ns(acquisitions: u64, each_ps: u64) -> u64 {
    acquisitions.saturating_mul(each_ps) / 1_000
}

fn overhead_since(now: Overhead, before: Overhead) -> Overhead {
    Overhead {
        budgeted_ns: now.budgeted_ns.saturating_sub(before.budgeted_ns),
        counting_ns: now.counting_ns.saturating_sub(before.counting_ns),
        threads_ns: now.threads_ns.saturating_sub(before.threads_ns),
    }
}

fn losses(losses: &Losses) -> snapshot::Losses {
    snapshot::Losses {
        points_full: losses.get(Loss::PointsFull),
        shards_full: losses.get(Loss::ShardsFull),
        reentrant: losses.get(Loss::Reentrant),
        thread_exit: losses.get(Loss::ThreadExit),
        memory: losses.get(Loss::Memory),
        guards: losses.get(Loss::Guards),
    }
}

fn add_losses(sum: &mut snapshot::Losses, more: snapshot::Losses) {
    sum.points_full += more.points_full;
    sum.shards_full += more.shards_full;
    sum.reentrant += more.reentrant;
    sum.thread_exit += more.thread_exit;
    sum.memory += more.memory;
    sum.guards += more.guards;
}

fn subtract_losses(sum: &mut snapshot::Losses, less: &snapshot::Losses) {
    sum.points_full = sum.points_full.saturating_sub(less.points_full);
    sum.shards_full = sum.shards_full.saturating_sub(less.shards_full);
    sum.reentrant = sum.reentrant.saturating_sub(less.reentrant);
    sum.thread_exit = sum.thread_exit.saturating_sub(less.thread_exit);
    sum.memory = sum.memory.saturating_sub(less.memory);
    sum.guards = sum.guards.saturating_sub(less.guards);
}

#[cfg(test)]
#[cfg(not(lockprof_loom))]
mod tests {
    use super::*;
    use crate::class::number_of;
    use crate::clock::ManualClock;
    use crate::identity::{HoldMode, SiteKey};
    use crate::record::{Delta, Measured, Owner};
    use crate::shard::Shard;
    use crate::thread;
    use std::panic::Location;

    /// A timed acquisition, and its hold of `ns`.
    fn hold(core: &Core, shard: &Shard, record: &Record, ns: u64) {
        // SAFETY: the tests have their shard from `thread::shard`, in this thread.
        let owner = unsafe { Owner::assume() };
        record.count(false);
        let hold = Measured {
            kind: Kind::Hold,
            ns,
            weight: 1,
        };
        let delta = Delta {
            hold: Some(hold),
            ..Delta::default()
        };
        assert_eq!(record.add(&owner, &delta, core.era(), &shard.rng), 0);
    }

    fn values(samples: &[Sample]) -> Vec<u64> {
        samples.iter().map(|sample| sample.value_ns).collect()
    }

    /// A core whose one record has been used, and read twice since.
    fn with_quiet_record(test: impl FnOnce(&Core, &mut Aggregator, &dyn Fn(u64))) {
        let core = Core::local(Some(&ManualClock::new()));
        let shard = thread::shard(&core).unwrap();
        // SAFETY: it is this thread's shard.
        let owner = unsafe { Owner::assume() };
        let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
        let key = PointKey::new(site, number_of("quiet").unwrap());
        let record = shard.record(&owner, key, &core.limits()).unwrap();
        let mut aggregator = Aggregator::new(&core);
        let hold = |ns| hold(&core, shard, record, ns);
        hold(100);
        for _ in 0..3 {
            let _ = aggregator.collect(&core, &mut Vec::new());
        }
        test(&core, &mut aggregator, &hold);
    }

    #[test]
    fn what_is_recorded_before_its_record_is_read_is_a_sample_of_the_next_collection() {
        with_quiet_record(|core, aggregator, hold| {
            let mut events = Vec::new();
            let closed = core.eras.open_collection();
            hold(200);
            let snapshot = aggregator.merge(core, closed, &mut events);
            let point = &snapshot.points()[0].hold;
            assert_eq!((point.samples, point.total_ns), (2, 300));
            assert_eq!(values(&point.reservoir), [100]);
            // Nothing has happened at the record since, but its reservoir has something.
            let snapshot = aggregator.collect(core, &mut events);
            let point = &snapshot.points()[0].hold;
            assert_eq!((point.samples, point.total_ns), (2, 300));
            assert_eq!(values(&point.reservoir), [100, 200]);
            assert_eq!(values(&point.recent), [200]);
            // Once.
            let snapshot = aggregator.collect(core, &mut events);
            let point = &snapshot.points()[0].hold;
            assert_eq!(values(&point.reservoir), [100, 200]);
            assert_eq!(values(&point.recent), [0; 0]);
        });
    }
}
