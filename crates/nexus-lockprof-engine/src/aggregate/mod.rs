//! Merges the shards into a snapshot.
//!
//! One collection: open the next one, walk all shards under an epoch pin, sum each point's
//! records, take in what the closed collection's reservoirs hold, subtract the last reset's sums.
//! Nothing of a shard is written, and no writer waits or is waited for.

mod account;
mod bound;
mod point;

use crate::core::Core;
use crate::event::Event;
use crate::identity::{PointKey, to_site};
use crate::monitor;
use crate::record::Reading;
use crate::stacks::Callers;
use crate::sync::Ordering::Relaxed;
use account::{Counting, add_losses, losses, overhead_since, subtract_losses};
use bound::Classes;
use nexus_lockprof_snapshot::{
    AcquireMode, Lock, Losses, Overhead, Point, Site, Snapshot, SnapshotParts, TableStats,
};
use point::PointState;
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
    classes: Classes,
    /// By shard, then by a record's ordinal.
    seen: HashMap<u64, Vec<Option<Seen>>>,
    callers: Callers,
    /// Whether the last collection was a glance: its interval goes on in the next one.
    goes_on: bool,
    /// Collections that were glances: snapshots do not count them.
    glances: u64,
    started_ns: u64,
    lost_before: Losses,
    counting: Counting,
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

impl Aggregator {
    pub(crate) fn new(core: &Core) -> Self {
        let random = RandomState::new();
        Aggregator {
            id: random.hash_one(0) >> 11,
            points: Vec::new(),
            by_key: HashMap::new(),
            by_content: HashMap::new(),
            classes: Classes::default(),
            seen: HashMap::new(),
            callers: Callers::default(),
            goes_on: false,
            glances: 0,
            started_ns: core.clock.started_ns(),
            lost_before: Losses::default(),
            counting: Counting::default(),
            overhead_before: Overhead::default(),
            rng: fastrand::Rng::with_seed(random.hash_one(1)),
        }
    }

    /// Collects; what is hot goes to `events`.
    pub(crate) fn collect(&mut self, core: &Core, events: &mut Vec<Event>) -> Snapshot {
        let closed = core.eras.open_collection();
        self.merge(core, closed, Some(events))
    }

    /// Collects without ending the interval: the next collection's is the one that this would have been, and nothing is
    /// compared to a threshold. It has the number that the next will have.
    pub(crate) fn glance(&mut self, core: &Core) -> Snapshot {
        let closed = core.eras.open_collection();
        let snapshot = self.merge(core, closed, None);
        self.glances += 1;
        snapshot.into_glance()
    }

    /// Merges the shards, after the collection `closed` was closed. Without `events` it is a glance.
    fn merge(&mut self, core: &Core, closed: u64, events: Option<&mut Vec<Event>>) -> Snapshot {
        let config = core.config();
        for point in &mut self.points {
            point.begin(self.goes_on);
        }
        self.goes_on = events.is_none();
        let mut table = TableStats {
            max_records: config.max_records as u64,
            shards: core.shard_count(),
            ..TableStats::default()
        };
        let mut lost = losses(&core.losses);
        let mut overhead = Overhead::default();
        let mut looked_up_ns = 0;
        // Owners that grow their tables meanwhile retire the old ones: the pin keeps them until the walk is over.
        let guard = crossbeam_epoch::pin();
        for shard in core.shards.iter() {
            table.records += shard.table.len();
            table.hash_size += shard.table.hash_size(&guard);
            table.collisions += shard.table.collisions();
            add_losses(&mut lost, losses(&shard.losses));
            overhead.budgeted_ns += shard.governor.spent_ns();
            looked_up_ns += shard.governor.looked_up_ns();
            overhead.threads_ns += shard.life.ns(|| core.clock.coarse_ns());
            let seen = self.seen.entry(shard.id).or_default();
            let points = &mut self.points;
            let (by_key, by_content) = (&mut self.by_key, &mut self.by_content);
            let classes = &mut self.classes;
            shard.table.for_each(&guard, |record| {
                if seen.len() <= record.ordinal() {
                    seen.resize(record.ordinal() + 1, None);
                }
                let last = &mut seen[record.ordinal()];
                // Most records of most threads are as they were. What is counted after a collection is opened and before its record is
                // read is in that reading, and its samples are the next collection's: after a change there is one more reading.
                if let Some(last) = last
                    && last.settled
                    && record.is_as(&last.reading)
                {
                    return;
                }
                if core.is_stuck(record) {
                    shard.hot.forget_one(record.key);
                }
                let before = last.map(|last| last.reading);
                let point = match last {
                    Some(last) => last.point,
                    None => point_of(record.key, points, by_key, by_content, classes),
                };
                let reading = points[point].take_in(record, before, closed);
                *last = Some(Seen {
                    point,
                    reading,
                    settled: before == Some(reading),
                });
            });
            self.callers.read(shard, |key| {
                point_of(key, points, by_key, by_content, classes)
            });
        }
        drop(guard);

        let resets = core.eras.resets();
        let elapsed_ns = core.clock.coarse_ns().saturating_sub(self.started_ns);
        let mut points: Vec<(usize, Point)> = Vec::new();
        let mut events = events;
        for (index, state) in self.points.iter_mut().enumerate() {
            state.end(config.archive, &mut self.rng);
            let mut point = state.point(resets);
            point.callers = self.callers.of(index);
            if let Some(events) = &mut events {
                monitor::judge(&point, state.offered(), &mut state.heat, &config, events);
            }
            if !point::is_blank(&point) {
                points.push((index, point));
            }
        }
        self.classes
            .bound(&mut self.points, &mut points, elapsed_ns);
        let points: Vec<Point> = points.into_iter().map(|(_, point)| point).collect();
        // Those before a reset too: what was booked then is subtracted below.
        let counted: u64 = self.points.iter().map(|point| point.now.acquisitions).sum();
        let each_ps = core.costs.counted_ps.load(Relaxed);
        overhead.counting_ns = looked_up_ns + self.counting.charge(counted, each_ps);
        overhead = overhead_since(overhead, self.overhead_before);
        table.acquisitions = points.iter().map(|point| point.acquisitions).sum();
        subtract_losses(&mut lost, &self.lost_before);
        table.rejected = lost.points_full;
        Snapshot::from_parts(SnapshotParts {
            engine: self.id,
            collection: closed - self.glances,
            resets,
            taken_unix_ns: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            elapsed_ns,
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
            point.reset();
        }
        self.callers.reset();
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
    classes: &mut Classes,
) -> usize {
    *by_key.entry(key).or_insert_with(|| {
        let lock = key.class().to_lock();
        let mode = AcquireMode::from(key.site().mode());
        let site = to_site(key.site().location());
        let class = classes.add(&lock, key.number());
        *by_content
            .entry((lock.clone(), mode, site.clone()))
            .or_insert_with(|| {
                points.push(PointState::new(lock, mode, site, class));
                points.len() - 1
            })
    })
}

#[cfg(test)]
#[cfg(not(lockprof_loom))]
mod coverage;
#[cfg(test)]
#[cfg(not(lockprof_loom))]
mod tests;
