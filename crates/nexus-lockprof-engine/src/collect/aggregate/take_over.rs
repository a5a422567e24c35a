//! Records that nobody writes any more: what they have counted becomes the points', and they are free.

use super::Aggregator;
use super::point::Bound;
use crate::core::Core;
use crate::identity;
use crate::record::owner::Owner;
use crate::record::shard::Shard;
use crate::record::statistics::Record;
use crate::sync::Ordering::Relaxed;

impl Aggregator {
    /// Between two collections: takes over what has left a shard's table. In a thread of the program's.
    pub(crate) fn take_over(&mut self, core: &Core, shard: &Shard) {
        self.take_evicted(shard, core, None);
        self.push_out(core);
    }

    /// Takes over what has left a shard's table, and gives the records back to the shard. `closed` is the collection that is being
    /// merged, if one is.
    pub(super) fn take_evicted(&mut self, shard: &Shard, core: &Core, closed: Option<u64>) {
        for record in shard.table.take_evicted() {
            self.take_over_one(&record, core, closed);
            shard.table.give_spare(record);
        }
    }

    /// Takes over the records of shards that no thread has. Those stay that guards have been measured for which are alive.
    pub(crate) fn take_leavings(&mut self, core: &Core, closed: Option<u64>) {
        if !core.has_leavings() {
            return;
        }
        // Before the shards are looked at: whoever ends after it is of the next time.
        core.see_exits();
        for shard in core.shards.iter() {
            if shard.table.len() == 0 || !shard.lease.try_take_over() {
                continue;
            }
            if shard.is_whole() {
                self.empty(shard, core, closed);
            } else {
                // What its thread was stopped in, by a fork, is never finished: it is read, and not changed.
                shard.lease.release();
            }
        }
    }

    /// Empties a shard, whose lease this thread has taken, and gives that back.
    fn empty(&mut self, shard: &Shard, core: &Core, closed: Option<u64>) {
        // SAFETY: the lease was taken.
        let owner = unsafe { Owner::assume() };
        // What they would teach the thread that is gone is of no use.
        shard
            .pool
            .collect_returned(|pending| pending.number.store(0, Relaxed));
        let mark = shard.pool.pin_records();
        let is_pinned = |record: &Record| record.leave.pinned.load(Relaxed) == mark;
        self.take_evicted(shard, core, closed);
        let before = shard.table.held();
        let chain = shard.table.empty(&owner, is_pinned);
        let freed = before - shard.table.held();
        shard.hot.forget();
        // From here on they are this function's alone.
        shard.lease.release();
        for record in chain.into_iter().flatten() {
            self.take_over_one(&record, core, closed);
        }
        core.limits().give_back(freed);
    }

    fn take_over_one(&mut self, record: &Record, core: &Core, closed: Option<u64>) {
        let open = core.collections.collection();
        let last = self.seen.take(record);
        let point = match last {
            Some(last) => last.point,
            None => {
                let point = self.points.of(record.key);
                self.points.add_record(point);
                point
            }
        };
        // There are samples of two collections at most.
        let first = last.map_or(0, |last| last.sampled + 1).max(open - 1);
        let mut bound = Bound {
            size: core.config().archive,
            rng: &mut self.rng,
        };
        if let Some(state) = self.points.get(point) {
            let last = last.map(|last| last.reading);
            state.take_over(record, last, first..=open, closed, &mut bound);
        }
        self.points.forget_record(point, record.key);
        identity::release(record.key);
    }

    /// Keeps the points that have no records within the bound.
    pub(super) fn push_out(&mut self, core: &Core) {
        let config = core.config();
        let mut bound = Bound {
            size: config.archive,
            rng: &mut self.rng,
        };
        self.points
            .push_out(config.max_records, &mut bound, &mut self.callers);
    }
}
