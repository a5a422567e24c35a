//! Room for new records when a cap is reached.
//!
//! Early points and ended threads must not keep room from later ones. A new record comes from the
//! first of these that has room: the caps, the records that ended threads left, and this thread's
//! own points that have been idle for a while. The aggregator takes over the counts of a record
//! that leaves, at once if nobody is collecting. If there is still no room, the event is counted at
//! the [rest](PointKey::rest).
//!
//! A record must not go away while anything points to it: a node of a living guard, the hot path's
//! cache, or an acquisition in progress. Records of living guards are
//! [pinned](crate::record::pool::Pool::pin_records). The cache is told to forget the record. A
//! thread has one acquisition in progress at a time. If it has more, from inside an allocator or a
//! signal handler, no record is taken away.
//!
//! The hot path leaves no trace between its look at the cache and its count. Only a signal handler
//! can come in between. The record that its thread has just used is the last to go, and it stays a
//! record of its shard.

use crate::acquire::signal::Attempt;
use crate::core::Core;
use crate::identity::PointKey;
use crate::process::exclusive::try_lock;
use crate::record::loss::Loss;
use crate::record::owner::Owner;
use crate::record::shard::{Limits, Shard};
use crate::record::statistics::Record;
use crate::sync::Ordering::Relaxed;

/// Slots of a table that one search for idle records checks.
const WINDOW: usize = 1024;
/// One in this many of a shard's records may leave at once. Each such removal makes a new array.
const SHARE: u64 = 8;
/// Memory that must be free before one of the program's threads takes records over. The
/// aggregator's work on them may allocate and must not fail.
const SPARE_MEMORY: usize = 1 << 20;

impl Core {
    /// The record of `key`, or else the record of its rest. Counts a loss if there is neither.
    pub(crate) fn record<'a>(
        &self,
        shard: &'a Shard,
        owner: &Owner,
        key: PointKey,
        attempt: Attempt,
    ) -> Option<&'a Record> {
        shard
            .governor
            .charge_look_up(self.costs.looked_up_ns.load(Relaxed));
        self.record_or_rest(shard, owner, key, attempt)
    }

    /// The same, without charging the cost to the governor.
    pub(crate) fn record_or_rest<'a>(
        &self,
        shard: &'a Shard,
        owner: &Owner,
        key: PointKey,
        attempt: Attempt,
    ) -> Option<&'a Record> {
        if let Some(record) = shard.table.find(owner, key) {
            return Some(record);
        }
        if !attempt.may_allocate() {
            shard.losses.count_as_owner(Loss::Reentrant);
            shard.want(key);
            return None;
        }
        self.new_record(shard, owner, key)
            .map_err(|cause| shard.losses.count_as_owner(cause))
            .ok()
    }

    #[cold]
    fn new_record<'a>(
        &self,
        shard: &'a Shard,
        owner: &Owner,
        key: PointKey,
    ) -> Result<&'a Record, Loss> {
        let limits = self.limits();
        let mut result = self.new_record_within(shard, owner, key, &limits);
        for rest in key.rest() {
            if result.is_ok() {
                break;
            }
            result = match shard.table.find(owner, rest) {
                Some(record) => Ok(record),
                None => shard.insert(owner, rest, &limits),
            };
        }
        result
    }

    /// A new record. Makes room for it if necessary.
    fn new_record_within<'a>(
        &self,
        shard: &'a Shard,
        owner: &Owner,
        key: PointKey,
        limits: &Limits<'_>,
    ) -> Result<&'a Record, Loss> {
        let full = |result: &Result<_, Loss>| matches!(result, Err(Loss::PointsFull));
        let mut result = shard.insert(owner, key, limits);
        if full(&result) && self.has_leavings() && self.take_leavings() {
            result = shard.insert(owner, key, limits);
        }
        if full(&result) && self.evict_idle(shard, owner) {
            result = shard.insert(owner, key, limits);
        }
        result
    }

    /// Takes away records of points that were idle lately. Returns whether there may be room now.
    /// Only the owner calls this.
    fn evict_idle(&self, shard: &Shard, owner: &Owner) -> bool {
        let Some(in_use) = shard.in_use() else {
            return false;
        };
        let table = &shard.table;
        if !table.has_evicted() {
            shard.pool.collect_returned(|pending| {
                self.take_back(shard, pending);
            });
            let mark = shard.pool.pin_records();
            // A point that others wait for is in use, too.
            shard.edges.for_each_busy(owner, |edge| {
                if let Some(record) = table.find(owner, edge.holding()) {
                    record.leave.pin(mark);
                }
            });
            let free =
                |record: &Record| !record.leave.is_pinned(mark) && !std::ptr::eq(record, in_use);
            let most = (table.len() / SHARE).max(1) as usize;
            let forget = |record: &Record| {
                shard.hot.forget_one(record);
                true
            };
            let mut evicted = table.evict(owner, WINDOW, most, |record| {
                record.is_idle(owner) && free(record) && forget(record)
            });
            if evicted == 0 {
                // No record is known to be idle. A record that the hot path's cache does not know
                // was not used lately.
                evicted = table.evict(owner, WINDOW, most, |record| {
                    shard.hot.find(record.key).is_none() && free(record)
                });
            }
            if evicted == 0 {
                return false;
            }
            let is_gone = |key| table.find(owner, key).is_none();
            shard.edges.evict(owner, |edge| {
                is_gone(edge.waiting()) || is_gone(edge.holding())
            });
        }
        // If another thread is collecting, it or the next collection takes them over.
        self.take_over(shard);
        true
    }

    /// Takes over what has left the shard's table, if nobody is collecting now.
    pub(super) fn take_over(&self, shard: &Shard) {
        if let Some(mut aggregator) = try_lock(&self.aggregator)
            && has_memory()
        {
            aggregator
                .get_or_insert_with(|| self.new_aggregator())
                .take_over(self, shard);
        }
    }

    /// Takes over what ended threads have left. Returns whether it did.
    pub(super) fn take_leavings(&self) -> bool {
        let Some(mut aggregator) = try_lock(&self.aggregator) else {
            return false;
        };
        if !has_memory() {
            return false;
        }
        aggregator
            .get_or_insert_with(|| self.new_aggregator())
            .take_leavings(self, None);
        true
    }
}

fn has_memory() -> bool {
    let mut memory = Vec::<u8>::new();
    let there = memory.try_reserve_exact(SPARE_MEMORY).is_ok();
    // Otherwise the compiler could see that the memory is unused and assume that it was there.
    std::hint::black_box(&memory);
    there
}
