//! Records that nobody writes any more: their points get the counts, and the records become free.

use super::Aggregator;
use super::packed_reading::PackedReading;
use super::point::Bound;
use crate::core::Core;
use crate::identity;
use crate::record::owner::Owner;
use crate::record::shard::Shard;
use crate::record::statistics::Record;
use crate::sync::Ordering::Relaxed;

impl Aggregator {
    /// Takes over what has left a shard's table, between two collections. Runs in one of the
    /// program's threads.
    pub(crate) fn take_over(&mut self, core: &Core, shard: &Shard) {
        self.take_evicted(shard, core, None);
        self.take_edges(shard, core.collections.collection());
        self.push_out(core);
    }

    /// Reads a shard's edges, and takes over those that are leaving. The collection `closed` is
    /// being merged, or is open.
    pub(super) fn take_edges(&mut self, shard: &Shard, closed: u64) {
        let (edges, points) = (&mut self.edges, &mut self.points);
        shard.edges.for_each(|edge, leaves| {
            if leaves {
                edges.take_over(edge, points, closed);
            } else {
                edges.read(edge, points, closed);
            }
        });
    }

    /// Takes over what has left a shard's table, and gives the records back to the shard. `closed`
    /// is the collection that is being merged, if any.
    pub(super) fn take_evicted(&mut self, shard: &Shard, core: &Core, closed: Option<u64>) {
        for record in shard.table.take_evicted() {
            self.take_over_one(shard, &record, core, closed);
            shard.table.give_spare(record);
        }
    }

    /// Takes over the records of shards that no thread has. Records that living guards use stay.
    pub(crate) fn take_leavings(&mut self, core: &Core, closed: Option<u64>) {
        if !core.has_leavings() {
            return;
        }
        // Comes before the look at the shards: a thread that ends later is left for the next time.
        core.see_exits();
        for shard in core.shards.iter() {
            if shard.table.len() == 0 || !shard.lease.try_take_over() {
                continue;
            }
            if shard.is_whole() {
                self.empty(shard, core, closed);
            } else {
                // A fork stopped the shard's thread in the middle of a change, which will never
                // finish. The shard is read but not changed.
                shard.lease.release();
            }
        }
    }

    /// Empties a shard and gives its lease back. This thread has taken the lease.
    fn empty(&mut self, shard: &Shard, core: &Core, closed: Option<u64>) {
        // SAFETY: this thread has taken the lease.
        let owner = unsafe { Owner::assume() };
        // What they measured would only help the governor of the thread that is gone.
        shard
            .pool
            .collect_returned(|pending| pending.number.store(0, Relaxed));
        let mark = shard.pool.pin_records();
        let is_pinned = |record: &Record| record.leave.is_pinned(mark);
        self.take_evicted(shard, core, closed);
        let before = shard.table.held();
        let chain = shard.table.empty(&owner, is_pinned);
        let freed = before - shard.table.held();
        shard.hot.forget();
        let edges = shard.edges.empty(&owner, &core.edge_limits());
        // From here on, only this function has the records.
        shard.lease.release();
        let now = closed.unwrap_or_else(|| core.collections.collection());
        edges.for_each(|edge| self.edges.take_over(edge, &mut self.points, now));
        drop(edges);
        for record in chain.into_iter().flatten() {
            self.take_over_one(shard, &record, core, closed);
        }
        core.limits().give_back(freed);
    }

    fn take_over_one(&mut self, shard: &Shard, record: &Record, core: &Core, closed: Option<u64>) {
        let open = core.collections.collection();
        let last = self.seen.take(record);
        let point = match &last {
            Some(last) => last.point,
            None => {
                let point = self.points.of(record.key);
                self.points.add_record(point);
                point
            }
        };
        // There are samples of two collections at most.
        let first = last.as_ref().map_or(0, |last| last.sampled + 1);
        let first = first.max(open - 1);
        let mut bound = Bound {
            size: core.config().archive,
            rng: &mut self.rng,
        };
        if let Some(state) = self.points.get(point) {
            let packed = last.as_ref().map(|last| &last.packed);
            let before = packed.map(PackedReading::reading).unwrap_or_default();
            let last = (before, packed);
            let reading = state.take_over(record, last, first..=open, closed, &mut bound);
            self.threads.add(shard, &reading, &before);
        }
        self.points.forget_record(point, record.key);
        identity::release(record.key);
    }

    /// Keeps the numbers of points without records, and of edges that no shard has, within their
    /// bounds.
    pub(super) fn push_out(&mut self, core: &Core) {
        let config = core.config();
        let mut bound = Bound {
            size: config.archive,
            rng: &mut self.rng,
        };
        let moved = self
            .points
            .push_out(config.max_records, &mut bound, &mut self.callers);
        self.edges.follow(&moved);
        self.follow(core, &moved);
        self.edges.push_out(config.max_edges, &mut self.points);
    }
}
