//! A timed acquisition in its usual form: the cache knows the point, and there is no contention.
//!
//! All other timed acquisitions take the path in `slow`. This module repeats that path without
//! anything that the usual case does not need. In `Exact` mode, a thread that holds nothing else
//! takes the shorter one in `exact`.

use crate::acquire::engine_ref::OwnShard;
use crate::acquire::nesting::count_known;
use crate::control::{Control, ModeKind};
use crate::core::Core;
use crate::record::hot::Hit;
use crate::record::loss::Loss;
use crate::record::owner::Owner;
use crate::record::pending::{Pending, PendingRef};
use crate::record::random::with_rng;
use crate::record::sampler::{EventRate, Schedule};
use crate::record::shard::Shard;
use crate::record::statistics::{self, Record};
use crate::record::wait_log::LockRef;
use crate::sync::{Ordering::Relaxed, bump};

/// Records to review each time the governor balances its account.
const SWEEP: usize = 16;
/// A record is stuck after this time, which is several times the largest spacing.
const STUCK_NS: u64 = 1_000_000_000;

/// A timed acquisition in progress.
#[derive(Debug)]
pub struct TimedAcquire<'a> {
    core: &'a Core,
    shard: &'a Shard,
    hit: Hit<'a>,
    pending: &'a Pending,
    next: Option<Schedule>,
    /// Whether it was counted how it nests in others.
    is_counted: bool,
}

/// Who holds a lock between its acquisition and its release.
#[derive(Clone, Copy, Debug)]
pub enum HeldBy {
    /// The thread that acquires it, which holds no other lock that is known.
    Thread(LockRef),
    /// The thread that acquires it, which holds others.
    NestingThread {
        /// The lock.
        lock: LockRef,
        /// Whether it waits if necessary.
        waits: bool,
    },
    /// A task, which may go on in another thread.
    Task,
}

impl Core {
    /// Prepares to time the acquisition. Call it before trying the lock. `None`: take the slow
    /// path. If the lock is then taken, that follows too, unless the acquisition does not wait.
    ///
    /// # Safety
    /// `own` and the hit belong to this engine. Since it got the hit, this thread has used no other
    /// profiled lock and has not begun to exit. It does neither until the acquisition is over.
    #[inline(always)]
    #[must_use]
    pub unsafe fn timed_acquire<'a>(
        &'a self,
        own: Option<OwnShard<'a>>,
        hit: Hit<'a>,
        held_by: HeldBy,
    ) -> Option<TimedAcquire<'a>> {
        let OwnShard(shard, _) = own?;
        let mut is_counted = false;
        if let HeldBy::NestingThread { lock, waits: true } = held_by {
            if !count_known(shard, hit.record.key, lock) {
                return None;
            }
            is_counted = true;
        }
        let Some(pending) = shard.pool.take(hit.record) else {
            if is_counted {
                shard.pairs.begins_again(hit.record.key);
            }
            return None;
        };
        match held_by {
            HeldBy::Thread(lock) => shard.pool.hold_first(pending, lock.address()),
            HeldBy::NestingThread { lock, .. } => hold_more(shard, pending, lock),
            HeldBy::Task => {}
        }
        pending
            .hold_weight
            .store(hit.record.holds.weight(), Relaxed);
        // In `Exact` mode the schedule says "always" and stays.
        let next = is_sampled(hit.record).then(|| self.prepare_sampled(shard, hit.record, pending));
        Some(TimedAcquire {
            core: self,
            shard,
            hit,
            pending,
            next,
            is_counted,
        })
    }

    /// Records what the pending reference of a released acquisition has measured.
    ///
    /// # Safety
    /// The same as for [`settle_hold`](Self::settle_hold).
    #[inline(never)]
    pub(super) unsafe fn settle_unusual(&self, own: Option<OwnShard<'_>>, pending_ref: PendingRef) {
        // SAFETY: the caller guarantees that the acquisition's engine is alive.
        if let (Some(pending), Some(OwnShard(shard, _))) = (unsafe { pending_ref.get() }, own)
            && pending.has_only_a_hold_in(shard.id)
        {
            shard.governor.note_price(&self.costs);
            let weight = pending.hold_weight.load(Relaxed);
            // A node that has nothing more was taken for a timed hold.
            debug_assert_ne!(weight, 0);
            // SAFETY: the record for which the pending acquisition was taken, in this very shard.
            let record = unsafe { &*pending.record.load(Relaxed) };
            let done = if is_sampled(record) {
                self.settle_sampled(shard, record, pending, weight)
            } else {
                self.settle_exact(shard, record, pending, weight)
            };
            if done {
                shard.pool.give_back(pending);
                return;
            }
        }
        // SAFETY: the caller guarantees it.
        unsafe { self.settle(pending_ref) };
        self.settled_after_release();
    }

    #[inline(always)]
    pub(super) fn hold_ns(&self, pending: &Pending) -> u64 {
        let start = pending.hold_start.load(Relaxed);
        self.clock.between(start, pending.hold_end.load(Relaxed))
    }

    /// `false` if the hold could not be added without allocating, or is a slow one. The governor's
    /// price has just been noted.
    #[inline(always)]
    fn settle_exact(&self, shard: &Shard, record: &Record, pending: &Pending, weight: u64) -> bool {
        let ns = self.hold_ns(pending);
        if self.slow.is_slow(ns) {
            return false;
        }
        // SAFETY: an `OwnShard` has a shard of which this thread has the lease.
        let owner = unsafe { Owner::assume() };
        let open = self.open_collection();
        let usual = (weight == 1)
            .then(|| record.usual_hold(&owner, ns, open.word()))
            .flatten();
        let done = match usual {
            Some(hold) => {
                record.add_usual_hold(hold);
                true
            }
            None => record.add_hold(&owner, ns, weight, open, &shard.rng),
        };
        if done {
            shard.governor.charge_usual();
        }
        done
    }

    /// The same for an acquisition in a sample.
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
            self.note_rate(record, pending);
        }
        if let Some(begin) = begin {
            self.learn(shard, self_timing, begin);
        }
        if done {
            // Not a part of what was just learnt: a balance has a price of its own.
            self.steer_after(shard, record, pending);
        }
        done
    }

    /// Draws the next schedule. Every so often, it also measures what a timed acquisition costs.
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

    /// Tells the governor the cost: `before` ticks ahead of the lock, and the time from `begin`
    /// until now.
    #[cold]
    fn learn(&self, shard: &Shard, before: u64, begin: u64) {
        let ns = self.clock.nanos(0, before) + self.clock.nanos(begin, self.clock.raw());
        let clock_ns = self.costs.clock_ns.load(Relaxed);
        shard.governor.learn(ns + clock_ns, &self.costs);
    }

    /// Draws the schedule of a record's holds after `done` acquisitions.
    #[inline(never)]
    pub(crate) fn next_hold(&self, shard: &Shard, record: &Record, done: u64) -> Schedule {
        let least = shard.pool.least_mean(record);
        with_rng(&shard.rng, |rng| {
            let rate = &record.hold_rate;
            let price = (self.budget(), shard.governor.timed_ns(&self.costs));
            shard.governor.next(done, rate, least, price, rng)
        })
    }

    /// Notes how often the point of a timed acquisition is used. Only the owner calls this.
    #[inline(never)]
    pub(crate) fn note_rate(&self, record: &Record, pending: &Pending) {
        let nanos = |start, end| self.clock.nanos(start, end);
        // A node keeps the number for one use: its next acquisition may be in no sample.
        let number = pending.number.load(Relaxed);
        pending.number.store(0, Relaxed);
        let start = pending.hold_start.load(Relaxed);
        record.hold_rate.note(number, start, nanos);
    }

    /// Lets the governor see the end of a timed acquisition. Only the owner calls this.
    #[inline(never)]
    pub(crate) fn steer_after(&self, shard: &Shard, record: &Record, pending: &Pending) {
        // Of a point whose acquisitions wait, no release is a handler's.
        let in_no_handler = record.attempts() == statistics::WAITS;
        self.steer(shard, pending.hold_end.load(Relaxed), in_no_handler);
    }

    /// Tells the governor of a node that another thread has returned. Returns the end of its hold
    /// in ticks, or 0 if there is nothing to learn. Only the owner calls this.
    pub(crate) fn take_back(&self, shard: &Shard, pending: &Pending) -> u64 {
        let number = pending.number.load(Relaxed);
        // SAFETY: null, or a record of this engine that stays while a node points to it.
        let record = unsafe { pending.record.load(Relaxed).as_ref() };
        let Some(record) = record.filter(|record| number != 0 && is_sampled(record)) else {
            return 0;
        };
        pending.number.store(0, Relaxed);
        let nanos = |start, end| self.clock.nanos(start, end);
        record
            .hold_rate
            .note(number, pending.hold_start.load(Relaxed), nanos);
        // The other thread has charged its own half.
        let timed_ns = shard.governor.timed_ns(&self.costs);
        shard.governor.charge(timed_ns / 2);
        pending.hold_end.load(Relaxed)
    }

    /// Lets the governor see the time. Only the owner calls this.
    ///
    /// A signal handler reviews no records, since it may have interrupted a change of one.
    pub(crate) fn steer(&self, shard: &Shard, now: u64, in_no_handler: bool) {
        let budget = self.budget();
        let balanced = shard.governor.steer(now, &self.clock, budget, &self.costs);
        let Some(begun) = balanced else { return };
        if in_no_handler {
            // SAFETY: only the owner calls this function.
            let owner = unsafe { Owner::assume() };
            shard
                .table
                .sweep(&owner, SWEEP, |record| self.review(shard, record, now));
        }
        let ns = self.clock.nanos(begun, self.clock.raw());
        shard.governor.learn_balance(ns, &self.costs);
    }

    /// Whether a record has had events for a second and none was measured. Then its thread must
    /// look at its schedule again. Any thread may call this.
    pub(crate) fn is_stuck(&self, record: &Record) -> bool {
        let stuck = |rate: &EventRate, events: u64| {
            let (events, last) = rate.since_last(events)?;
            (events > 0).then(|| self.clock.nanos(last, self.clock.raw()))
        };
        is_sampled(record)
            && stuck(&record.hold_rate, record.acquisitions.load(Relaxed))
                .is_some_and(|ns| ns > STUCK_NS)
    }

    /// Draws a record's schedules again if they are late. Only the owner calls this.
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
            // The next event is known not to be measured, so the draw starts after it.
            record.holds.set(self.next_hold(shard, record, done + 1));
        }
        let done = record.contentions.load(Relaxed);
        if !record.waits.is_due(done) && late(&record.wait_rate, done).is_some() {
            record.waits.set(self.next_wait(shard, record, done + 1));
        }
    }
}

/// The thread is about to hold one more lock.
#[cold]
#[inline(never)]
fn hold_more(shard: &Shard, pending: &Pending, lock: LockRef) {
    if !shard.pool.hold(pending, lock.address()) {
        shard.losses.count_as_owner(Loss::Order);
    }
}

/// Whether the record's current schedule is to measure each event.
#[inline(always)]
pub(crate) fn is_exact(record: &Record) -> bool {
    Control(record.control.load(Relaxed)).kind() == ModeKind::Exact
}

/// Whether the record's current schedule is for sampling.
#[inline(always)]
pub(crate) fn is_sampled(record: &Record) -> bool {
    Control(record.control.load(Relaxed)).kind() == ModeKind::Sampled
}

impl TimedAcquire<'_> {
    /// The word for the lock to publish once it is acquired.
    #[inline(always)]
    #[must_use]
    pub fn published(&self) -> usize {
        self.hit.published()
    }

    /// The thread owns the lock now. Does a few plain stores and one clock read.
    #[inline(always)]
    pub fn acquired(self) -> PendingRef {
        if let Some(next) = self.next {
            self.hit.record.holds.set(next);
        }
        bump(&self.hit.record.holds.measured, 1);
        // SAFETY: the caller of `timed_acquire` guarantees that this thread has used no other
        // profiled lock and has not begun to exit since it got the hit.
        unsafe { self.hit.commit() };
        self.pending
            .hold_start
            .store(self.core.clock.raw(), Relaxed);
        PendingRef::new(self.pending)
    }

    /// The lock was taken.
    #[inline(always)]
    pub fn abandoned(self) {
        self.pending.number.store(0, Relaxed);
        self.shard.pool.give_back(self.pending);
        if self.is_counted {
            // The slow path follows.
            self.shard.pairs.begins_again(self.hit.record.key);
        }
    }
}
