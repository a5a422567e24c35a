//! Room for new records, when a cap is reached.
//!
//! What early points and ended threads have is not kept from later ones. In this order: a new record within the caps; one of
//! those that ended threads left; one of this thread's own points at which nothing has happened for a while. What such
//! records have counted, the aggregator takes over, here and now if nobody is collecting. If there is no room all the same, the event
//! is counted at the [rest](PointKey::rest).
//!
//! A record must not go away while somebody has a pointer to it: a node of a guard that is alive, the hot
//! path's cache, an acquisition under way. The first are [pinned](crate::record::pending::Pool::pin_records), the second is told to forget, and
//! of the last a thread has one at a time: with more of them, from inside an allocator or a signal handler, nothing is taken away.
//! The hot path leaves no trace that it is between its look at the cache and its count. Only a signal handler can come in there, and a
//! record that its thread has just used is the last to go, and stays a record of its shard.

use crate::acquire::signal::Attempt;
use crate::core::Core;
use crate::identity::PointKey;
use crate::process::exclusive::try_lock;
use crate::record::loss::Loss;
use crate::record::owner::Owner;
use crate::record::shard::{Limits, Shard};
use crate::record::statistics::Record;
use crate::sync::Ordering::Relaxed;

/// Slots of a table that one search for idle records looks at.
const WINDOW: usize = 1024;
/// One in so many of a shard's records may leave at once: a new array is made for each such move.
const SHARE: u64 = 8;
/// Memory that must be there before records are taken over in a thread of the program's, since what the aggregator does with them
/// may allocate, and must not fail.
const SPARE_MEMORY: usize = 1 << 20;

impl Core {
    /// The record of `key`, or else that of its rest. The loss is counted when there is neither.
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

    /// The same, at no charge.
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

    /// A new record, for which room is made if need be.
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

    /// Takes records of points away at which nothing has happened lately. Whether there may be room now. The owner's call.
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
            let free = |record: &Record| {
                record.leave.pinned.load(Relaxed) != mark && !std::ptr::eq(record, in_use)
            };
            let most = (table.len() / SHARE).max(1) as usize;
            let forget = |record: &Record| {
                shard.hot.forget_one(record.key);
                true
            };
            let mut evicted = table.evict(owner, WINDOW, most, |record| {
                record.is_idle(owner) && free(record) && forget(record)
            });
            if evicted == 0 {
                // Nothing is known to be idle. What the hot path does not know was not used lately.
                evicted = table.evict(owner, WINDOW, most, |record| {
                    shard.hot.find_either(record.key).is_none() && free(record)
                });
            }
            if evicted == 0 {
                return false;
            }
        }
        // If somebody is collecting, he takes them over, or the next one does.
        self.take_over(shard);
        true
    }

    /// Takes over what has left the shard's table, if nobody is collecting just now.
    fn take_over(&self, shard: &Shard) {
        if let Some(mut aggregator) = try_lock(&self.aggregator)
            && has_memory()
        {
            aggregator
                .get_or_insert_with(|| self.new_aggregator())
                .take_over(self, shard);
        }
    }

    /// Takes over what ended threads have left. Whether it was done.
    fn take_leavings(&self) -> bool {
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
    // Or the compiler sees that nobody uses it, and takes it for granted.
    std::hint::black_box(&memory);
    there
}
