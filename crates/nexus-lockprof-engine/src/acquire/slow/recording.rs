//! What the slow path notes of an acquisition before the lock is owned, and what it counts when it
//! is.

use super::Recording;
use crate::control::{Control, ModeKind};
use crate::core::Core;
use crate::identity::SiteKey;
use crate::record::edges::Edge;
use crate::record::loss::Loss;
use crate::record::pending::{Pending, PendingRef};
use crate::record::wait_log::{LOG, LockRef};
use crate::record::waiting::WaitKind;
use crate::sync::{Ordering::Relaxed, bump};

impl<'a> Recording<'a> {
    /// Prepares the hold of acquisition `number` to be timed, and the schedule that follows.
    #[inline]
    pub(super) fn time_hold(&mut self, core: &Core, number: u64) {
        // Calibrated here and not in the critical section, should this be the first use of the
        // clock.
        let has_clock = core.is_prepared() || self.attempt.may_allocate();
        if has_clock {
            core.prepare();
        }
        self.hold_weight = self.record.holds.weight();
        if self.kind == ModeKind::Sampled {
            self.next_hold = Some(core.next_hold(self.shard, self.record, number));
        }
        if has_clock {
            self.pending = self.shard.pool.take(self.record);
            if self.pending.is_none() {
                self.replenish(core);
            }
        }
        if let Some(pending) = self.pending {
            pending.hold_weight.store(self.hold_weight, Relaxed);
            let sampled = self.kind == ModeKind::Sampled;
            pending
                .number
                .store(if sampled { number } else { 0 }, Relaxed);
            pending.self_timing.store(0, Relaxed);
        }
    }

    /// Looks up who is waited for.
    #[inline]
    pub(super) fn waits_for(&mut self, core: &'a Core, holder: Option<SiteKey>) {
        let Some(_entered) = self.shard.enter() else {
            return;
        };
        (self.blocker, self.blocked) = (None, None);
        self.uses_edge(None);
        let known = holder.and_then(|site| core.known_holder(self.key, site));
        self.blocker = known.and_then(|key| {
            let control = Control(self.record.control.load(Relaxed));
            core.look_up(self.shard, &self.owner, key, control, self.attempt)
        });
        if let Some(blocker) = self.blocker {
            let (waiting, holding) = (self.record.key, blocker.key);
            let edge = core.edge(self.shard, &self.owner, waiting, holding, self.attempt);
            self.uses_edge(edge);
            self.blocked = Some(edge.map_or(&blocker.blocked, |edge| &edge.waits));
        }
        if self.wait_weight != 0
            && let Some(pending) = self.pending
        {
            self.note_blocker(pending);
        }
    }

    /// Keeps the edge from being evicted during this wait. A wait inside another one leaves the
    /// outer one's edge in its place: while both go on, none is evicted.
    fn uses_edge(&self, edge: Option<&Edge>) {
        if !self.shard.has_several_under_way() {
            self.shard.edges.uses(edge);
        }
    }

    #[inline]
    pub(super) fn note_blocker(&self, pending: &Pending) {
        let blocker = self.blocker.map_or(std::ptr::null(), std::ptr::from_ref);
        pending.blocker.store(blocker.cast_mut(), Relaxed);
    }

    /// The wait is over, whatever came of it.
    #[inline]
    pub(super) fn is_over(&self) {
        if self.visible {
            self.shard.waiting.end();
        }
    }

    /// The acquisition is not made.
    #[inline]
    pub(super) fn discard(&self) {
        self.is_over();
        if let Some(pending) = self.pending {
            if self.parked {
                LOG.leave(pending.parked_on());
            }
            self.shard.pool.give_back(pending);
        }
    }

    /// Prepares the wait to be timed; it has begun.
    #[inline]
    pub(super) fn time_wait(&mut self, core: &Core) {
        self.take_pending(core);
        if let Some(pending) = self.pending {
            pending.more.store(true, Relaxed);
            self.note_blocker(pending);
            let number = self.record.contentions.load(Relaxed) + 1;
            pending.contention.store(number, Relaxed);
            pending.wait_weight.store(self.wait_weight, Relaxed);
            pending.wait_start.store(self.wait_start, Relaxed);
        }
    }

    /// Takes a node, if there is none yet and the pool has one. May allocate.
    #[inline]
    pub(super) fn take_pending(&mut self, core: &Core) {
        if self.pending.is_some() {
            return;
        }
        self.pending = self.shard.pool.take(self.record);
        if self.pending.is_none()
            && let Some(_entered) = self.shard.enter()
        {
            self.replenish(core);
        }
    }

    /// Takes a node that another thread has returned, or a new one. The shard is entered.
    #[cold]
    fn replenish(&mut self, core: &Core) {
        if !self.attempt.may_allocate() {
            return;
        }
        let (shard, record) = (self.shard, self.record);
        let mut last = 0;
        // What is released by others is seen by this thread's governor only here.
        let returned = |pending: &Pending| last = last.max(core.take_back(shard, pending));
        if shard
            .pool
            .replenish(record, self.kind == ModeKind::Exact, returned)
        {
            self.pending = shard.pool.take(record);
        }
        if last != 0 {
            // It may allocate, so this is no handler.
            core.steer(shard, last, true);
        }
    }

    /// The thread holds the acquisition of `lock` from now on, and `before` no more, if that was
    /// its own: it followed without a release in between.
    #[inline]
    pub(super) fn hold(&self, pending: &Pending, lock: LockRef, before: &PendingRef) {
        let pool = &self.shard.pool;
        // SAFETY: the caller of `acquired_after` guarantees that the engine of `before` is alive.
        if let Some(before) = unsafe { before.get() }
            && before.is_of(self.shard.id)
        {
            pool.leave(before);
        }
        if !pool.hold(pending, lock.address()) {
            self.shard.losses.count_as_owner(Loss::Order);
        }
    }

    /// Counts the acquisition, which was just made.
    #[inline]
    pub(super) fn count(&self) {
        let record = self.record;
        if self.pending.is_some() {
            // Before they are counted, since they are read the other way round: see `Record::read`.
            bump(&record.holds.measured, u64::from(self.hold_weight != 0));
            bump(&record.waits.measured, u64::from(self.wait_weight != 0));
        } else if self.hold_weight | self.wait_weight != 0 {
            self.forfeit();
        }
        if self.unknown_wait {
            record.forfeit(&self.owner, 0, 1);
        }
        if let Some(next) = self.next_hold {
            record.holds.set(next);
        }
        if let Some(next) = self.next_wait {
            record.waits.set(next);
        }
        if self.long {
            self.count_long_wait();
        } else {
            record.count(self.contended);
        }
        if let Some(blocked) = self.blocked
            && !self.unbooked
        {
            bump(blocked, 1);
        }
    }

    #[cold]
    fn count_long_wait(&self) {
        // A signal handler must not change a record that is being changed.
        let _entered = self.shard.enter();
        let upgrade = self.ends == WaitKind::Upgrade;
        self.record.count_long_wait(&self.owner, upgrade);
    }

    /// Too many measured guards are alive to keep this one until its release: it is not timed.
    #[cold]
    fn forfeit(&self) {
        self.shard.losses.count_as_owner(Loss::Guards);
        self.record
            .forfeit(&self.owner, self.hold_weight, self.wait_weight);
    }
}
