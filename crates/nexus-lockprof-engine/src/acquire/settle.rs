//! Settles a release: the pending acquisition that was measured goes into its records.

use crate::acquire::blame::Wait;
use crate::acquire::leased;
use crate::acquire::shares::Blamed;
use crate::acquire::signal::Attempt;
use crate::acquire::timed::is_sampled;
use crate::clock::EarlyReading;
use crate::core::Core;
use crate::identity::{HolderWord, PointKey};
use crate::record::loss::Loss;
use crate::record::owner::Owner;
use crate::record::pending::{Pending, PendingRef};
use crate::record::shard::Shard;
use crate::record::slow_record::SlowKind;
use crate::record::statistics::{self, Delta, Record};
use crate::record::tally::{Measure, Measured};
use crate::record::wait_log::{LOG, LockRef, Span};
use crate::sync::Ordering::Relaxed;

impl Core {
    /// Notes that a hold of `lock` ends now. Call it before the release, if the pending reference
    /// is not none.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle).
    #[inline]
    pub unsafe fn hold_ends(&self, pending_ref: &PendingRef, lock: LockRef) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.hold_ended(pending_ref, lock, EarlyReading::now()) };
    }

    /// The same for a hold that ended when `end` was read.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle).
    #[inline]
    pub unsafe fn hold_ended(&self, pending_ref: &PendingRef, lock: LockRef, end: EarlyReading) {
        // SAFETY: the caller guarantees that the acquisition's engine is alive.
        if let Some(pending) = unsafe { pending_ref.get() }
            && pending.has_hold()
        {
            pending
                .hold_end
                .store(self.clock.early_or_now(end), Relaxed);
            if LOG.is_waited_for(lock) {
                self.log_hold(lock, pending);
            }
        }
    }

    /// The same in the usual case, without a call: the clock is the processor's counter, and nobody
    /// waits for the lock. `false` if it is another case. Then call `hold_ended`.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle).
    #[inline(always)]
    pub unsafe fn hold_ended_quietly(
        &self,
        pending_ref: &PendingRef,
        lock: LockRef,
        end: EarlyReading,
    ) -> bool {
        // SAFETY: the caller guarantees that the acquisition's engine is alive.
        if let Some(pending) = unsafe { pending_ref.get() }
            && pending.has_hold()
            && let Some(now) = self.clock.early(end)
        {
            pending.hold_end.store(now, Relaxed);
            return !LOG.is_waited_for(lock);
        }
        false
    }

    /// Records what the pending reference of a released acquisition has measured. Call it after the
    /// release.
    ///
    /// # Safety
    /// The pending reference is of an acquisition of this very engine, which is alive: what the
    /// pending reference points to lives in the engine.
    #[cold]
    #[inline(never)]
    pub unsafe fn settle(&self, pending_ref: PendingRef) {
        let mut next = pending_ref;
        // SAFETY: the caller guarantees that the engine is alive, and so is what this one follows.
        while let Some(pending) = unsafe { next.get() } {
            let before = pending.before.load(Relaxed);
            self.settle_one(pending);
            next = PendingRef::from_raw(before);
        }
    }

    /// Call it after a release has been [settled](Self::settle): a program with one thread may have
    /// slow events to deliver.
    #[inline(always)]
    pub fn settled_after_release(&self) {
        if self.slow.has_some() {
            self.deliver_slow_if_alone();
        }
    }

    fn settle_one(&self, pending: &Pending) {
        let shard = leased::shard(self); // None is counted there, as lost at thread exit.
        let entered = shard.and_then(|shard| Some((shard, shard.enter()?))); // None is counted there, as reentrant.
        if let Some((shard, _entered)) = &entered {
            // SAFETY: `leased::shard` gives a shard that this thread has the lease of.
            let owner = unsafe { Owner::assume() };
            self.settle_in(shard, &owner, pending);
        }
        match shard {
            Some(shard) if pending.is_of(shard.id) => shard.pool.give_back(pending),
            _ => pending.give_back_to_other(),
        }
    }

    fn settle_in(&self, shard: &Shard, owner: &Owner, pending: &Pending) {
        // A guard may be released by another thread than acquired it, if the raw lock allows that,
        // and in a thread that is exiting: then the records are this thread's own for the same
        // points.
        let own = pending.is_of(shard.id);
        let mine = |record: *mut Record| {
            // SAFETY: null, or a record of an engine that the lock keeps alive.
            let record = unsafe { record.as_ref() }?;
            if own {
                return Some(record);
            }
            self.record(shard, owner, record.key, Attempt::Waits)
        };
        let hold_start = pending.hold_start.load(Relaxed);
        let hold_end = pending.hold_end.load(Relaxed);
        let wait_start = pending.wait_start.load(Relaxed);
        let measured = |kind, weight: u64, start, end| {
            (weight != 0).then(|| Measured {
                kind,
                ns: self.clock.between(start, end),
                weight,
            })
        };
        let wait_weight = pending.wait_weight.load(Relaxed);
        let wait = measured(Measure::Wait, wait_weight, wait_start, hold_start);
        let hold_weight = pending.hold_weight.load(Relaxed);
        let hold = measured(Measure::Hold, hold_weight, hold_start, hold_end);
        let record = mine(pending.record.load(Relaxed));
        if let Some(record) = record {
            let delta = Delta {
                wait,
                hold,
                ..Delta::default()
            };
            self.add(shard, owner, record, &delta);
            if let Some(hold) = hold {
                let kind = || SlowKind::Hold(pending.waiters());
                self.tell_if_slow(shard, record.key, hold.ns, true, kind);
            }
            if let Some(wait) = wait {
                self.settle_stack(shard, owner, pending, wait.ns);
            }
            // With a wait it is twice the work: there is the holder's record, too.
            let timed_ns = shard.governor.timed_ns(&self.costs);
            if wait.is_some() {
                match pending.lock.load(Relaxed) {
                    0 => shard.governor.charge(2 * timed_ns),
                    _ => shard.governor.charge_long_wait(2 * timed_ns),
                }
            }
            if let Some(wait) = wait {
                self.note_instance(shard, owner, record.key, pending, wait);
            }
            if hold.is_some() {
                let share = if own { timed_ns } else { timed_ns / 2 };
                shard.governor.charge(share);
            }
            if own && is_sampled(record) {
                if wait.is_some() {
                    let number = pending.contention.load(Relaxed);
                    let nanos = |start, end| self.clock.nanos(start, end);
                    record.wait_rate.note(number, wait_start, nanos);
                }
                if hold.is_some() {
                    self.note_rate(record, pending);
                    self.steer_after(shard, record, pending);
                }
            }
        }
        if wait.is_some() || pending.is_watched() {
            let ns = self.clock.between(wait_start, hold_start);
            self.settle_wait(shard, owner, record, pending, wait, ns);
        }
    }

    /// Notes for which lock of the class a long wait was.
    fn note_instance(
        &self,
        shard: &Shard,
        owner: &Owner,
        point: PointKey,
        pending: &Pending,
        wait: Measured,
    ) {
        let lock = (pending.parked_on().address(), point);
        if lock.0 == 0 {
            return;
        }
        let waits = (wait.weight, wait.total_ns());
        let resets = self.open_collection().resets;
        if !shard.instances.add(owner, lock, waits, resets) {
            shard.losses.count_as_owner(Loss::Memory);
        }
    }

    /// Books a wait of `ns` to those it was for, if it was `measured`, and tells of it if it was a
    /// slow one. `record` is the one of this shard that has the wait.
    fn settle_wait(
        &self,
        shard: &Shard,
        owner: &Owner,
        record: Option<&Record>,
        pending: &Pending,
        measured: Option<Measured>,
        ns: u64,
    ) {
        if measured.is_none() {
            // The clock was read, and that is all.
            shard
                .governor
                .charge_long_wait(shard.governor.timed_ns(&self.costs));
            if !self.slow.is_slow(ns) {
                return;
            }
        }
        let Some(wait) = self.finished_wait(pending) else {
            return;
        };
        let shares = wait.shares();
        if let Some(measured) = measured {
            let count = pending.how.load(Relaxed) & Pending::UNBOOKED != 0;
            let waiting = record.map(|record| record.key);
            self.blame(shard, owner, waiting, &shares, measured, count);
            if let Some(record) = record {
                record.note_readers(owner, shares.readers, self.open_collection().resets);
            }
        }
        let own = pending.is_of(shard.id);
        self.tell_if_slow(shard, wait.span.key, ns, own, || {
            SlowKind::Wait(self.slow_by(shares.largest(ns)))
        });
    }

    /// A wait that has ended, and what is known of those who caused it.
    fn finished_wait(&self, pending: &Pending) -> Option<Wait> {
        // SAFETY: null, or a record of an engine that the lock keeps alive.
        let &Record { key, .. } = unsafe { pending.record.load(Relaxed).as_ref() }?;
        // SAFETY: the same.
        let blocker = unsafe { pending.blocker.load(Relaxed).as_ref() };
        // SAFETY: 0, or what the lock published.
        let last = unsafe { HolderWord::new(pending.last.load(Relaxed)) };
        // SAFETY: null, or the acquisition that this one followed, which is settled after it.
        let before = unsafe { pending.before.load(Relaxed).as_ref() };
        // SAFETY: null, or a record of this engine, which the lock that is settled keeps alive.
        let own = before.and_then(|before| unsafe {
            let record = before.record.load(Relaxed).as_ref()?;
            Some((record.key, before.hold_start.load(Relaxed)))
        });
        let lock = pending.parked_on();
        Some(Wait {
            span: Span {
                lock,
                engine: self.number,
                key,
                start: pending.wait_start.load(Relaxed),
                end: pending.hold_start.load(Relaxed),
            },
            parked: lock.address() != 0,
            first: blocker.map(|record| Blamed {
                key: record.key,
                thread: pending.blocking_thread(),
            }),
            last: self.blamed_holder(key, last),
            still_held: false,
            own,
        })
    }

    #[inline]
    pub(crate) fn add(&self, shard: &Shard, owner: &Owner, record: &Record, delta: &Delta) {
        let open = self.open_collection();
        let mut cause = Loss::Memory;
        let refused = record.add(owner, delta, open, &shard.rng, || {
            // Of a point whose acquisitions wait, no release is a handler's.
            let may = record.attempts() == statistics::WAITS || Attempt::Tries.may_allocate();
            if !may {
                cause = Loss::Reentrant;
                // To be noted at its next acquisition, if it was not.
                shard.hot.forget_one(record);
            }
            may
        });
        for _ in 0..refused {
            shard.losses.count_as_owner(cause);
        }
    }
}
