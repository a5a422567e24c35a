//! A collection: the walk over all shards, and the resulting snapshot.

use super::Aggregator;
use super::fold::Fold;
use super::point::{self, Bound};
use super::visit::Visit;
use crate::collect::monitor;
use crate::collect::pullers::Pending;
use crate::core::Core;
use crate::event::Event;
use crate::record::loss::Loss;
use crate::sync::Ordering::Relaxed;
use nexus_lockprof_snapshot::{Overhead, Point, Snapshot, SnapshotParts, TableStats, Text};
use std::time::{Duration, SystemTime};

impl Aggregator {
    /// Collects, and adds events for what is hot to `events`.
    pub(crate) fn collect(&mut self, core: &Core, events: &mut Vec<Event>) -> Snapshot {
        let closed = core.collections.open_next();
        self.merge(core, Some(closed), Some(events), false)
    }

    /// The same, and ends the monitor's interval and one of the history. From the first tick on,
    /// nothing else does.
    pub(crate) fn tick(&mut self, core: &Core, events: &mut Vec<Event>) -> Snapshot {
        let closed = core.collections.open_next();
        self.merge(core, Some(closed), Some(events), true)
    }

    /// Collects without ending the interval. The next collection covers the same interval as
    /// without this call, and has the same number as this one. Compares nothing with a threshold.
    pub(crate) fn peek(&mut self, core: &Core) -> Snapshot {
        let closed = core.collections.open_next();
        let snapshot = self.merge(core, Some(closed), None, false);
        self.peeks += 1;
        snapshot.into_peek()
    }

    /// A peek that closes no collection, if the last one was a peek less than `most` ago. Its
    /// counts are those of now, and its samples those of that peek. No reservoir is read, so none
    /// of the open collection's samples is merged anywhere: they wait for its end.
    ///
    /// If the last collection ended an interval, the samples since then are of another one. Then
    /// this is a [`peek`](Self::peek).
    pub(crate) fn light_peek(&mut self, core: &Core, most: Duration) -> Snapshot {
        let most_ns = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let now_ns = core.clock.coarse_ns();
        match now_ns.checked_sub(self.collected_ns) {
            Some(behind_ns) if self.goes_on && behind_ns < most_ns => {
                let snapshot = self.merge(core, None, None, false);
                // Never 0, which says that the samples are of now, too.
                snapshot.into_light_peek(behind_ns.max(1))
            }
            _ => self.peek(core),
        }
    }

    /// Merges the shards, after the collection `closed` was closed. If none was, the samples are
    /// those of the last one. Without `events` it is a peek.
    pub(super) fn merge(
        &mut self,
        core: &Core,
        closed: Option<u64>,
        events: Option<&mut Vec<Event>>,
        tick: bool,
    ) -> Snapshot {
        let config = core.config();
        // Starts with points that were not in the last snapshot.
        self.push_out(core);
        if closed.is_some() {
            for (_, point) in self.points.iter_mut() {
                point.begin(self.goes_on);
            }
            self.goes_on = events.is_none();
            self.collected_ns = core.clock.coarse_ns();
        }
        let collection = closed.unwrap_or_else(|| core.collections.collection());
        let mut table = TableStats {
            max_records: config.max_records as u64,
            shards: core.shard_count(),
            ..TableStats::default()
        };
        let mut lost = core.losses.read();
        let mut overhead = Overhead::default();
        let mut looked_up_ns = 0;
        // Comes before the walk, which does not meet what ended threads have left since.
        self.take_leavings(core, closed);
        for shard in core.shards.iter() {
            self.take_evicted(shard, core, closed);
        }
        // Owners that grow their tables meanwhile retire the old ones, which the pin keeps until
        // the walk is over.
        let guard = crossbeam_epoch::pin();
        let mut monitor = self.monitored.take();
        let (mut without_room, mut histograms) = (0, [None; 2]);
        for shard in core.shards.iter() {
            table.records += shard.table.len();
            table.hash_size += shard.table.hash_size(&guard);
            table.collisions += shard.table.collisions();
            lost.merge_figures(&shard.losses.read());
            overhead.budgeted_ns += shard.governor.spent_ns();
            looked_up_ns += shard.governor.looked_up_ns();
            overhead.threads_ns += shard.time_in_use.ns(|| core.clock.coarse_ns());
            let mut visit = Visit {
                core,
                seen: &mut self.seen,
                points: &mut self.points,
                threads: &mut self.threads,
                fold: Fold {
                    config: &config,
                    rng: &mut self.rng,
                    pullers: &mut self.pullers,
                    monitor: monitor.as_mut(),
                    without_room: &mut without_room,
                },
                closed,
                collection,
                histograms: &mut histograms,
            };
            (shard.table).for_each(&guard, |record| visit.record(shard, record));
            let points = &mut self.points;
            self.callers.read(shard, |key| points.of(key));
            self.take_edges(shard, collection);
            // After the shard was read: a thread that has just taken it gets nothing of the last.
            self.threads.note_thread(shard);
            self.instances.read(shard);
        }
        drop(guard);

        let resets = core.collections.resets();
        let (lock_order, potential_deadlocks) = self.order.collect(core.order_readings());
        lost.order = lost.order.saturating_add(self.order.unsearched());
        lost = lost.minus(&self.lost_before);
        let elapsed_ns = core.clock.coarse_ns().saturating_sub(self.started_ns);
        let mut points: Vec<(usize, Point)> = Vec::new();
        let mut edges = self.edges.edges(&mut self.points);
        let into = self.edges.sums_into_points(self.points.places());
        let mut events = events;
        let judges = tick || monitor.is_none();
        let now_ns = core.clock.coarse_ns();
        let taken_unix_ns = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let ends_past = closed.is_some() && self.history.is_due(now_ns, tick);
        let mut past = Vec::new();
        for (index, state) in self.points.iter_mut() {
            if closed.is_some() {
                let mut fold = Fold {
                    config: &config,
                    rng: &mut self.rng,
                    pullers: &mut self.pullers,
                    monitor: monitor.as_mut(),
                    without_room: &mut without_room,
                };
                fold.take_in(index, state);
            }
            if ends_past {
                past.extend(state.take_past());
            }
            let without_edge = state.without_edge();
            if without_edge != [0; 2] {
                let [waits, waited_ns] = without_edge;
                lost.edges = lost.edges.saturating_add(waits);
                edges.push(state.edge_from_unknown(waits, waited_ns));
            }
            let mut point = state.point(resets, into.get(index).copied().unwrap_or_default());
            point.callers = self.callers.of(index);
            if let Some(events) = &mut events
                && judges
            {
                let interval = match &mut monitor {
                    None => monitor::Interval::of(&point, state.offered()),
                    Some(monitor) => monitor::Interval::taken(monitor.take(index)),
                };
                monitor::judge(&point, interval, &mut state.heat, &config, events);
            }
            if !point::is_blank(&point) {
                points.push((index, point));
            }
        }
        core.losses.count_all(Loss::IntervalSamples, without_room);
        lost.interval_samples = lost.interval_samples.saturating_add(without_room);
        self.monitored = match tick {
            true => Some(Pending::default()),
            false => monitor,
        };
        if ends_past {
            self.history
                .add(now_ns, taken_unix_ns, past, config.history);
        }
        let (states, classes) = self.points.parts();
        classes.bound(states, &mut points, elapsed_ns);
        let points: Vec<Point> = points.into_iter().map(|(_, point)| point).collect();
        let (instances, unlisted_most_ns) = self.instances.found(resets, &points);
        // Includes acquisitions before a reset. What was charged then is subtracted below.
        let all = self.points.iter_mut();
        let counted: u64 = all.map(|(_, point)| point.now.acquisitions).sum();
        let each_ps = core.costs.counted_ps.load(Relaxed);
        overhead.counting_ns = looked_up_ns + self.counting.charge(counted, each_ps);
        // A thread that ends, or this one, may be preempted after it has read the clock. Then the
        // last snapshot reported more.
        self.threads_ns = self.threads_ns.max(overhead.threads_ns);
        overhead.threads_ns = self.threads_ns;
        overhead = overhead.minus(&self.overhead_before);
        table.acquisitions = points.iter().map(|point| point.acquisitions).sum();
        table.rejected = lost.points_full;
        let (waits, found) = self.watch.find(core);
        if let Some(events) = &mut events {
            self.watch.tell(&waits, &found, &config, events);
        }
        if let Some(events) = events {
            self.order.tell(&potential_deadlocks, events);
        }
        Snapshot::from_parts(SnapshotParts {
            engine: self.id,
            collection: collection - self.peeks,
            resets,
            taken_unix_ns,
            elapsed_ns,
            pid: std::process::id(),
            program: self.program.get_or_insert_with(program).clone(),
            profiler_mode: config.mode.into(),
            points,
            edges,
            table,
            losses: lost,
            overhead,
            waiters: waits.into_iter().map(|wait| wait.waiter).collect(),
            threads: self.threads.rows(resets),
            instances,
            unlisted_most_ns,
            deadlocks: found.into_iter().map(|found| found.deadlock).collect(),
            history: self.history.all(),
            lock_order,
            potential_deadlocks,
        })
    }

    /// Makes `last`, the collection just made, the baseline of those that follow.
    pub(crate) fn reset(&mut self, core: &Core, last: &Snapshot) {
        self.pullers
            .reset(last, |point| self.points.index_of(point));
        self.history.reset(core.clock.coarse_ns());
        for (_, point) in self.points.iter_mut() {
            point.reset();
        }
        self.callers.reset();
        self.edges.reset();
        self.threads.reset();
        let mut bound = Bound {
            size: core.config().archive,
            rng: &mut self.rng,
        };
        let moved = self.points.push_out_blank(&mut bound, &mut self.callers);
        self.follow(core, &moved);
        self.lost_before.merge_figures(last.losses());
        self.overhead_before.merge_figures(last.overhead());
        self.started_ns += last.elapsed_ns();
        core.collections.count_reset();
    }
}

/// This process's program: the name of its file.
fn program() -> Option<Text> {
    let path = std::env::current_exe().ok()?;
    let name = path.file_name()?.to_string_lossy();
    // Linux adds this if the file was replaced while the program runs.
    Some(name.strip_suffix(" (deleted)").unwrap_or(&name).into())
}
