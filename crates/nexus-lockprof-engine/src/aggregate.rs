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
use crate::record::{Kind, Reading, Record, TallyReading};
use crate::shard::{Loss, Losses, Shard};
use nexus_lockprof_snapshot as snapshot;
use snapshot::{
    AcquireMode, Durations, Lock, Point, Sample, Site, Snapshot, SnapshotParts, TableStats,
};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

/// What collections remember from one to the next.
pub(crate) struct Aggregator {
    /// Names the engine in its snapshots. 53 bits: JSON readers keep them exactly.
    id: u64,
    points: Vec<PointState>,
    by_address: HashMap<(usize, u64), usize>,
    by_content: HashMap<(Lock, AcquireMode, Site), usize>,
    /// By shard, then by a record's ordinal.
    seen: HashMap<u64, Vec<Option<Seen>>>,
    started_ns: u64,
    lost_before: snapshot::Losses,
    rng: fastrand::Rng,
}

/// What was last read of a record, and which point it belongs to.
#[derive(Clone, Copy)]
struct Seen {
    point: usize,
    reading: Reading,
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

impl Aggregator {
    pub(crate) fn new(core: &Core) -> Self {
        let random = RandomState::new();
        Aggregator {
            id: random.hash_one(0) >> 11,
            points: Vec::new(),
            by_address: HashMap::new(),
            by_content: HashMap::new(),
            seen: HashMap::new(),
            started_ns: core.clock.started_ns(),
            lost_before: snapshot::Losses::default(),
            rng: fastrand::Rng::with_seed(random.hash_one(1)),
        }
    }

    /// Collects; what is hot goes to `events`.
    pub(crate) fn collect(&mut self, core: &Core, events: &mut Vec<Event>) -> Snapshot {
        let config = core.config();
        let closed = core.eras.open_collection();
        for point in &mut self.points {
            point.now = Reading::default();
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
        // Owners that grow their tables meanwhile retire the old ones: the pin keeps them until the walk is over.
        let guard = crossbeam_epoch::pin();
        for shard in &core.shards {
            table.records += shard.table.len();
            table.hash_size += shard.table.hash_size(&guard);
            table.collisions += shard.table.collisions();
            add_losses(&mut lost, losses(&shard.losses));
            shard
                .table
                .for_each(&guard, |record| self.take_in(shard, record, closed));
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
                    times.interval = recent.samples();
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
        self.started_ns += last.elapsed_ns();
        core.eras.count_reset();
    }

    fn take_in(&mut self, shard: &Shard, record: &Record, closed: u64) {
        let seen = self.seen.entry(shard.id).or_default();
        if seen.len() <= record.ordinal {
            seen.resize(record.ordinal + 1, None);
        }
        let before = seen[record.ordinal];
        let point = match before {
            Some(seen) => seen.point,
            None => point_of(
                record.key,
                &mut self.points,
                &mut self.by_address,
                &mut self.by_content,
            ),
        };
        let reading = record.read_or(before.map(|seen| seen.reading));
        seen[record.ordinal] = Some(Seen { point, reading });
        let state = &mut self.points[point];
        add(&mut state.now, &reading);
        for (kind, times) in [(Kind::Wait, &mut state.wait), (Kind::Hold, &mut state.hold)] {
            let Some(drawn) = record.reservoir(kind).and_then(|r| r.read(closed)) else {
                continue;
            };
            times.interval_samples += drawn.offered;
            // Each kept duration stands for as many of the offered ones.
            let share = drawn.offered as f64 / drawn.kept.len() as f64;
            times
                .interval
                .extend(drawn.kept.iter().map(|packed| Sample {
                    value_ns: packed.value_ns(),
                    weight: packed.weight() as f64 * share,
                }));
        }
    }
}

/// The point that a record belongs to. One line of source may be at several addresses: points are
/// told apart by content, and the address only saves making it.
fn point_of(
    key: PointKey,
    points: &mut Vec<PointState>,
    by_address: &mut HashMap<(usize, u64), usize>,
    by_content: &mut HashMap<(Lock, AcquireMode, Site), usize>,
) -> usize {
    *by_address
        .entry((key.site.to_published(), key.class.ident()))
        .or_insert_with(|| {
            let lock = key.class.to_lock();
            let mode = AcquireMode::from(key.site.mode());
            let site = to_site(key.site.location());
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
    fn fill(&self, point: &mut Point, resets: u64) {
        let (now, base) = (&self.now, &self.base);
        point.acquisitions = now.acquisitions.saturating_sub(base.acquisitions);
        point.contentions = now.contentions.saturating_sub(base.contentions);
        point.try_failures = now.try_failures.saturating_sub(base.try_failures);
        point.timeouts = now.timeouts.saturating_sub(base.timeouts);
        point.blocked = now.blocked.saturating_sub(base.blocked);
        point.caused_wait_ns = now.caused_wait_ns.saturating_sub(base.caused_wait_ns);
        point.wait = durations(&now.wait, &base.wait, &self.wait, resets);
        point.hold = durations(&now.hold, &base.hold, &self.hold, resets);
        // Three kinds of acquisitions: timed (and measured when they are over), represented by timed ones, and
        // neither. What is being timed just now is not told yet.
        point.hold.unmeasured = now.unmeasured.saturating_sub(base.unmeasured);
        let represented = point
            .acquisitions
            .saturating_sub(now.timed.saturating_sub(base.timed))
            .saturating_sub(point.hold.unmeasured);
        point.hold.events = point.hold.samples + represented;
        // Waits are timed, all of them or none.
        point.wait.events = point.wait.samples;
        point.wait.unmeasured = point.contentions.saturating_sub(point.wait.samples);
    }
}

fn durations(now: &TallyReading, base: &TallyReading, times: &Times, resets: u64) -> Durations {
    let current = now.stretch == resets;
    Durations {
        samples: now.samples.saturating_sub(base.samples),
        total_ns: now.total_ns.saturating_sub(base.total_ns),
        total_variance: if current { now.variance } else { 0.0 },
        max_ns: if current { now.max_ns } else { 0 },
        reservoir: times.archive.samples(),
        recent: times.interval.clone(),
        // The caller's: they follow from the point's counts.
        ..Durations::default()
    }
}

fn add(sum: &mut Reading, reading: &Reading) {
    for (sum, more) in [
        (&mut sum.acquisitions, reading.acquisitions),
        (&mut sum.timed, reading.timed),
        (&mut sum.unmeasured, reading.unmeasured),
        (&mut sum.contentions, reading.contentions),
        (&mut sum.try_failures, reading.try_failures),
        (&mut sum.timeouts, reading.timeouts),
        (&mut sum.blocked, reading.blocked),
        (&mut sum.caused_wait_ns, reading.caused_wait_ns),
        (&mut sum.wait.samples, reading.wait.samples),
        (&mut sum.wait.total_ns, reading.wait.total_ns),
        (&mut sum.hold.samples, reading.hold.samples),
        (&mut sum.hold.total_ns, reading.hold.total_ns),
    ] {
        *sum = sum.saturating_add(more);
    }
    for (sum, reading) in [
        (&mut sum.wait, &reading.wait),
        (&mut sum.hold, &reading.hold),
    ] {
        // Only what is of the same stretch between resets goes together: the newest stretch wins.
        if reading.stretch > sum.stretch {
            sum.stretch = reading.stretch;
            (sum.max_ns, sum.variance) = (reading.max_ns, reading.variance);
        } else if reading.stretch == sum.stretch {
            sum.max_ns = sum.max_ns.max(reading.max_ns);
            sum.variance += reading.variance;
        }
    }
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
