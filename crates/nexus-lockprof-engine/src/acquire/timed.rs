//! A timed acquisition in its usual form: of a point that the cache knows, not contended.
//!
//! Everything else about a timed acquisition is in `slow`; what is here is that path again with
//! nothing in it that this case does not need, since in `Exact` mode it is all there is.

use crate::acquire::engine_ref::OwnShard;
use crate::control::{Control, ModeKind};
use crate::core::Core;
use crate::record::hot::Hit;
use crate::record::owner::Owner;
use crate::record::pending::{Pending, PendingRef};
use crate::record::random::with_rng;
use crate::record::sampler::{EventRate, Schedule};
use crate::record::shard::Shard;
use crate::record::statistics::Record;
use crate::sync::{Ordering::Relaxed, bump};

/// Records that are reviewed each time that the governor balances its account.
const SWEEP: usize = 16;
/// Several times the largest spacing.
const STUCK_NS: u64 = 1_000_000_000;

/// A timed acquisition under way.
#[derive(Debug)]
pub struct TimedAcquire<'a> {
    core: &'a Core,
    shard: &'a Shard,
    hit: Hit<'a>,
    pending: &'a Pending,
    next: Option<Schedule>,
}

impl Core {
    /// Prepares to time the acquisition. Call it before the lock is tried. `None`: take the slow path.
    ///
    /// # Safety
    /// `own` and the hit are of this engine, and this thread has used no other profiled lock, and has not begun to exit, since it
    /// got it; nor does it until the acquisition is over.
    #[inline(always)]
    #[must_use]
    pub unsafe fn timed_acquire<'a>(
        &'a self,
        own: Option<OwnShard<'a>>,
        hit: Hit<'a>,
    ) -> Option<TimedAcquire<'a>> {
        let OwnShard(shard, _) = own?;
        let pending = shard.pool.take(hit.record)?;
        pending
            .hold_weight
            .store(hit.record.holds.weight(), Relaxed);
        // In `Exact` the schedule says "always", and stays.
        let next = is_sampled(hit.record).then(|| self.prepare_sampled(shard, hit.record, pending));
        Some(TimedAcquire {
            core: self,
            shard,
            hit,
            pending,
            next,
        })
    }

    /// Records the hold of a released acquisition whose end was noted, if that is all its pending reference has.
    /// `Err` gives the pending reference back: to be settled.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle). `own` is of this engine, and this thread has not begun to exit since it got it.
    #[inline(always)]
    pub unsafe fn settle_hold(
        &self,
        own: Option<OwnShard<'_>>,
        pending_ref: PendingRef,
    ) -> Result<(), PendingRef> {
        // SAFETY: the caller's.
        let (Some(pending), Some(OwnShard(shard, _))) = (unsafe { pending_ref.get() }, own) else {
            return Err(pending_ref);
        };
        let weight = pending.hold_weight.load(Relaxed);
        if pending.more.load(Relaxed) || !pending.is_of(shard.id) || weight == 0 {
            return Err(pending_ref);
        }
        let record = pending.record.load(Relaxed);
        // SAFETY: the record that the pending acquisition was taken for, of this very shard.
        let record = unsafe { &*record };
        let done = if is_sampled(record) {
            self.settle_sampled(shard, record, pending, weight)
        } else {
            self.settle_exact(shard, record, pending, weight)
        };
        if !done {
            return Err(pending_ref);
        }
        shard.pool.give_back(pending);
        Ok(())
    }

    /// `false` when the hold could not be added without allocating.
    #[inline(always)]
    fn settle_exact(&self, shard: &Shard, record: &Record, pending: &Pending, weight: u64) -> bool {
        let end = pending.hold_end.load(Relaxed);
        let ns = self.clock.nanos(pending.hold_start.load(Relaxed), end);
        // SAFETY: the shard of a `OwnShard` is one that this thread has the lease of.
        let owner = unsafe { Owner::assume() };
        let done = record.add_hold(&owner, ns, weight, self.open_collection(), &shard.rng);
        if done {
            shard.governor.charge(shard.governor.timed_ns(&self.costs));
        }
        done
    }

    /// The same, of an acquisition that was one of a sample.
    #[inline(never)]
    fn settle_sampled(
        &self,
        shard: &Shard,
        record: &Record,
        pending: &Pending,
        weight: u64,
    ) -> bool {
        let self_timing = pending.self_timing.load(Relaxed);
        let begin = (self_timing != 0).then(|| self.clock.raw());
        let done = self.settle_exact(shard, record, pending, weight);
        if done {
            self.note_rate(shard, record, pending, pending.hold_end.load(Relaxed));
        }
        if let Some(begin) = begin {
            self.learn(shard, self_timing, begin);
        }
        done
    }

    /// Draws the schedule that follows. One in some measures what all of them cost.
    #[inline(never)]
    fn prepare_sampled(&self, shard: &Shard, record: &Record, pending: &Pending) -> Schedule {
        let begin = shard.governor.is_self_timed().then(|| self.clock.raw());
        let number = record.acquisitions.load(Relaxed) + 1;
        pending.number.store(number, Relaxed);
        let next = self.next_hold(shard, record, number);
        let self_timing = begin.map_or(0, |begin| self.clock.raw().saturating_sub(begin));
        pending.self_timing.store(self_timing, Relaxed);
        next
    }

    /// What came before the lock took so many ticks, and what came after it has just ended.
    #[cold]
    fn learn(&self, shard: &Shard, before: u64, begin: u64) {
        let ns = self.clock.nanos(0, before) + self.clock.nanos(begin, self.clock.raw());
        let clock_ns = self.costs.clock_ns.load(Relaxed);
        shard.governor.learn(ns + clock_ns, &self.costs);
    }

    /// The schedule of a record's holds after `done` acquisitions.
    #[inline(never)]
    pub(crate) fn next_hold(&self, shard: &Shard, record: &Record, done: u64) -> Schedule {
        let least = shard.pool.least_mean(record);
        with_rng(&shard.rng, |rng| {
            let rate = &record.hold_rate;
            let price = (self.budget(), shard.governor.timed_ns(&self.costs));
            shard.governor.next(done, rate, least, price, rng)
        })
    }

    /// What the governor learns from a timed acquisition that ended at `end`, in ticks. The owner's call.
    #[inline(never)]
    pub(crate) fn note_rate(&self, shard: &Shard, record: &Record, pending: &Pending, end: u64) {
        let nanos = |start, end| self.clock.nanos(start, end);
        // A node keeps the number for this once: whoever has it next may not be one of a sample.
        let number = pending.number.load(Relaxed);
        pending.number.store(0, Relaxed);
        let start = pending.hold_start.load(Relaxed);
        record.hold_rate.note(number, start, nanos);
        self.steer(shard, end);
    }

    /// What the governor learns from a node that another thread has returned: the end of its hold, in ticks, or 0 if there is
    /// nothing to learn. The owner's call.
    pub(crate) fn take_back(&self, shard: &Shard, pending: &Pending) -> u64 {
        let number = pending.number.load(Relaxed);
        // SAFETY: null, or a record of this engine.
        let record = unsafe { pending.record.load(Relaxed).as_ref() };
        let Some(record) = record.filter(|record| number != 0 && is_sampled(record)) else {
            return 0;
        };
        pending.number.store(0, Relaxed);
        let nanos = |start, end| self.clock.nanos(start, end);
        record
            .hold_rate
            .note(number, pending.hold_start.load(Relaxed), nanos);
        // The other thread has booked its half.
        let timed_ns = shard.governor.timed_ns(&self.costs);
        shard.governor.charge(timed_ns / 2);
        pending.hold_end.load(Relaxed)
    }

    /// Lets the governor see what time it is. The owner's call.
    pub(crate) fn steer(&self, shard: &Shard, now: u64) {
        let budget = self.budget();
        if shard.governor.steer(now, &self.clock, budget, &self.costs) {
            // SAFETY: the owner's call.
            let owner = unsafe { Owner::assume() };
            shard
                .table
                .sweep(&owner, SWEEP, |record| self.review(shard, record, now));
        }
    }

    /// Whether a record has had events for a second, and none was measured: its thread is to look at its schedule again.
    /// Any thread's call.
    pub(crate) fn is_stuck(&self, record: &Record) -> bool {
        let stuck = |rate: &EventRate, events: u64| {
            let (events, last) = rate.since_last(events)?;
            (events > 0).then(|| self.clock.nanos(last, self.clock.raw()))
        };
        is_sampled(record)
            && stuck(&record.hold_rate, record.acquisitions.load(Relaxed))
                .is_some_and(|ns| ns > STUCK_NS)
    }

    /// Draws the schedules of a record anew if they are late. The owner's call.
    #[inline(never)]
    pub(crate) fn review(&self, shard: &Shard, record: &Record, now: u64) {
        if !is_sampled(record) {
            return;
        }
        let late = |rate: &EventRate, events: u64| {
            let (events, last) = rate.since_last(events)?;
            let ns = self.clock.nanos(last, now);
            (events > 0 && shard.governor.is_late(ns)).then(|| rate.replace(events, ns))
        };
        let done = record.acquisitions.load(Relaxed);
        if !record.holds.is_due(done) && late(&record.hold_rate, done).is_some() {
            // The next one is known not to be measured: draws from the one after it.
            record.holds.set(self.next_hold(shard, record, done + 1));
        }
        let done = record.contentions.load(Relaxed);
        if !record.waits.is_due(done) && late(&record.wait_rate, done).is_some() {
            record.waits.set(self.next_wait(shard, record, done + 1));
        }
    }
}

/// Whether a record was last scheduled by sample.
#[inline(always)]
pub(crate) fn is_sampled(record: &Record) -> bool {
    Control(record.control.load(Relaxed)).kind() == ModeKind::Sampled
}

impl TimedAcquire<'_> {
    /// The lock is owned: a few plain stores and a clock read.
    #[inline(always)]
    pub fn acquired(self) -> PendingRef {
        if let Some(next) = self.next {
            self.hit.record.holds.set(next);
        }
        bump(&self.hit.record.holds.measured, 1);
        // SAFETY: the caller's of `timed_acquire`.
        unsafe { self.hit.commit() };
        self.pending
            .hold_start
            .store(self.core.clock.raw(), Relaxed);
        PendingRef::new(self.pending)
    }

    /// The lock was found taken.
    #[inline(always)]
    pub fn abandoned(self) {
        self.pending.number.store(0, Relaxed);
        self.shard.pool.give_back(self.pending);
    }
}
