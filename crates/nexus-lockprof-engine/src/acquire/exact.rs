//! A timed acquisition in `Exact` mode, by a thread that holds nothing else.
//!
//! It does what [`timed`](crate::acquire::timed) does, in as few instructions as possible: its node
//! is the pool's [sole](crate::record::sole) one, and its hold is [usual](crate::record::tally), so
//! it needs plain additions only. Whatever is different goes back to `timed`.

use crate::acquire::engine_ref::OwnShard;
use crate::acquire::timed::is_exact;
use crate::clock::Counter;
use crate::core::Core;
use crate::record::hot::Hit;
use crate::record::owner::Owner;
use crate::record::pending::PendingRef;
use crate::record::pool::Pool;
use crate::record::shard::Shard;
use crate::record::sole::Sole;
use crate::record::wait_log::LockRef;
use crate::sync::{Ordering::Relaxed, bump};
use std::mem::offset_of;
use std::ptr::{from_ref, null};

/// Where a shard has its sole node, in bytes.
const SOLE: usize = offset_of!(Shard, pool) + offset_of!(Pool, sole) + Sole::NODE;

/// A timed acquisition in progress that is of the usual kind in `Exact` mode.
#[derive(Debug)]
pub struct ExactAcquire<'a> {
    core: &'a Core,
    /// Known when this is made, so that the clock read needs no branch.
    counter: Option<Counter>,
    sole: &'a Sole,
    hit: Hit<'a>,
}

impl Core {
    /// Prepares to time the acquisition. Call it before trying the lock. `Err` gives the hit back:
    /// the acquisition is another kind of timed one, or the clock is another one. `BY_COUNTER`: the
    /// clock is the processor's counter. Otherwise it is read by a call, for which the compiler
    /// saves registers.
    ///
    /// # Safety
    /// `own` and the hit belong to this engine. Since it got the hit, this thread has used no other
    /// profiled lock and has not begun to exit. It does neither until the acquisition is over.
    #[inline(always)]
    pub unsafe fn exact_acquire<'a, const BY_COUNTER: bool>(
        &'a self,
        own: Option<&OwnShard<'a>>,
        hit: Hit<'a>,
        lock: LockRef,
    ) -> Result<ExactAcquire<'a>, Hit<'a>> {
        let counter = self.clock.processor_counter();
        if counter.is_some() != BY_COUNTER {
            return Err(hit);
        }
        match own {
            Some(OwnShard(shard, _)) if shard.pool.is_unused() && is_exact(hit.record) => {
                let sole = &shard.pool.sole;
                sole.take(hit.record, lock.address());
                Ok(ExactAcquire {
                    core: self,
                    counter,
                    sole,
                    hit,
                })
            }
            _ => Err(hit),
        }
    }

    /// Records what the pending reference of a released acquisition has measured. Call it after the
    /// release, with the hold's end noted.
    ///
    /// # Safety
    /// The same as for [`settle`](Self::settle). `own` belongs to this engine, and this thread has
    /// not begun to exit since it got it.
    #[inline(always)]
    pub unsafe fn settle_hold(&self, own: Option<OwnShard<'_>>, pending_ref: PendingRef) {
        if !self.settle_usual(own.as_ref(), &pending_ref) {
            // SAFETY: the caller guarantees it.
            unsafe { self.settle_unusual(own, pending_ref) };
        }
    }

    /// Adds a usual hold, and gives the sole node back. `false` if it is something else.
    #[inline(always)]
    fn settle_usual(&self, own: Option<&OwnShard<'_>>, pending_ref: &PendingRef) -> bool {
        // One compare says that there is a shard, and that the node is its sole one.
        let shard = own.map_or(null(), |OwnShard(shard, _)| from_ref::<Shard>(shard));
        if !pending_ref.is_at(shard.wrapping_byte_add(SOLE).cast()) {
            return false;
        }
        // SAFETY: no node has the address `SOLE`, which it would have without a shard.
        let shard = unsafe { &*shard };
        let Some(pending) = shard.pool.sole.with_only_a_hold() else {
            return false;
        };
        // SAFETY: the record for which the node was taken, in this shard.
        let record = unsafe { &*pending.record.load(Relaxed) };
        let ns = self.hold_ns(pending);
        if self.slow.is_slow(ns) {
            return false;
        }
        // SAFETY: an `OwnShard` has a shard of which this thread has the lease.
        let owner = unsafe { Owner::assume() };
        let Some(hold) = record.usual_hold(&owner, ns, self.collections.word()) else {
            return false;
        };
        record.add_usual_hold(hold);
        shard.governor.charge_usual();
        shard.pool.sole.give_back_hold();
        true
    }
}

impl ExactAcquire<'_> {
    /// The word for the lock to publish once it is acquired.
    #[inline(always)]
    #[must_use]
    pub fn published(&self) -> usize {
        self.hit.published()
    }

    /// The thread owns the lock now. Does a few plain stores and one clock read.
    #[inline(always)]
    pub fn acquired(self) -> PendingRef {
        bump(&self.hit.record.holds.measured, 1);
        // SAFETY: the caller of `exact_acquire` guarantees that this thread has used no other
        // profiled lock and has not begun to exit since it got the hit.
        unsafe { self.hit.commit() };
        let node = self.sole.node();
        let now = match self.counter {
            Some(counter) => counter.raw(),
            None => self.core.clock.raw(),
        };
        node.hold_start.store(now, Relaxed);
        PendingRef::new(node)
    }

    /// The lock was taken.
    #[inline(always)]
    pub fn abandoned(self) {
        self.sole.give_back_hold();
    }
}

#[cfg(test)]
mod tests;
