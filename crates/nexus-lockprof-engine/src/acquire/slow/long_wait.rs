//! Long waits: of a thread that parks, and of a task.

use super::{Recording, SlowAcquire};
use crate::control::ModeKind;
use crate::core::Core;
use crate::identity::{HolderWord, SiteKey, ThreadBits};
use crate::record::loss::Loss;
use crate::record::pending::Pending;
use crate::record::random::with_rng;
use crate::record::wait_log::{LOG, LockRef};
use crate::record::waiting::{WaitKind, Waiting};
use crate::sync::Ordering::Relaxed;

/// A wait that has taken this long is a long one, even if it has not parked: another thread had the
/// processor meanwhile.
const LONG_NS: u64 = 20_000;

impl Core {
    /// Whether a wait since `start` ticks is a long one.
    #[inline]
    pub(crate) fn is_long(&self, start: u64) -> bool {
        self.clock.nanos(start, self.clock.raw_cold()) > LONG_NS
    }

    /// A wait for `lock` begins that ends in another call, perhaps of another thread: the clock's
    /// ticks, and then [`end_wait`](Self::end_wait) is to be called, once; or `None` if it is not
    /// to be timed.
    #[cold]
    #[must_use]
    pub fn begin_wait(&self, lock: LockRef) -> Option<u64> {
        let is_timed = match self.control_or_configure().kind() {
            ModeKind::Off => false,
            ModeKind::Counts => self.slow.is_on(),
            ModeKind::Sampled | ModeKind::Exact => true,
        };
        is_timed.then(|| {
            self.prepare();
            LOG.enter(lock);
            self.clock.raw()
        })
    }

    /// A wait that was begun by [`begin_wait`](Self::begin_wait) is over.
    pub fn end_wait(&self, lock: LockRef) {
        LOG.leave(lock);
    }
}

impl SlowAcquire<'_> {
    /// Whether the wait has lasted so long that it is to be recorded as a long one.
    #[inline]
    #[must_use]
    pub fn is_long(&self) -> bool {
        let recording = self.recording.as_ref();
        recording.is_some_and(|it| it.kind != ModeKind::Counts && self.core.is_long(it.wait_start))
    }

    /// The wait for `lock`, which publishes its holder in `holder`, will be a long one: those are
    /// all timed, as long as the budget allows, and seen by snapshots while they last. If slow ones
    /// are told, the length of each is noted. Call it after [`meets`](Self::meets).
    pub fn parks(&mut self, lock: LockRef, holder: &std::sync::atomic::AtomicUsize) {
        let core = self.core;
        let Some(recording) = &mut self.recording else {
            return;
        };
        recording.long = true;
        let holder_at = std::ptr::from_ref(holder).expose_provenance();
        let first_holder = holder.load(std::sync::atomic::Ordering::Relaxed);
        recording.visible = recording.shard.waiting.begin(&Waiting {
            key: recording.key,
            lock: lock.address(),
            holder_at,
            first_holder,
            kind: match recording.ends {
                // Others can only be readers, who are not named anyway.
                WaitKind::Upgrade => WaitKind::Upgrade,
                _ if recording.guards_move => WaitKind::Movable,
                ends => ends,
            },
            since_ns: core.clock.coarse_ns(),
        });
        let counts = recording.kind == ModeKind::Counts;
        if counts && core.slow.is_on() {
            // Nobody has read the clock so far.
            core.prepare();
            recording.wait_start = core.clock.raw_cold();
        }
        let is_timed = !counts && recording.times_long_wait();
        if !recording.keeps_long_wait(core, is_timed) {
            return;
        }
        if let Some(pending) = recording.pending {
            // SAFETY: the word in which the lock publishes its holder.
            let by = unsafe { HolderWord::new(first_holder) };
            recording.keep_for_blame(pending, lock, LockRef::QUEUED, by);
            LOG.enter(lock);
            recording.parked = true;
            if is_timed {
                core.note_stack(recording.shard, &recording.owner, recording.record, pending);
            }
        }
    }

    /// `lock` was found taken earlier, when it published `holder`, at `start` as
    /// [`Core::begin_wait`] gave it, perhaps in another thread: a wait of a task, which is a long
    /// one, and ends with the lock being handed to it.
    pub fn contended_since(&mut self, lock: LockRef, start: Option<u64>, holder: HolderWord) {
        let core = self.core;
        let Some(recording) = &mut self.recording else {
            return;
        };
        recording.contended = true;
        recording.long = true;
        recording.waits_for(core, holder.site());
        let counts = recording.kind == ModeKind::Counts;
        let Some(start) = start else {
            // Nothing was timed yet when it began.
            recording.unknown_wait = !counts;
            return;
        };
        recording.wait_start = start;
        let is_timed = !counts && recording.times_long_wait();
        if !recording.keeps_long_wait(core, is_timed) {
            return;
        }
        if let Some(pending) = recording.pending {
            let how = LockRef::QUEUED | LockRef::HANDED;
            recording.keep_for_blame(pending, lock, how, holder);
        }
    }
}

impl Recording<'_> {
    /// Whether this long wait is timed, and what it stands for then.
    #[inline]
    pub(super) fn times_long_wait(&mut self) -> bool {
        let mean = match self.kind {
            ModeKind::Sampled => self.shard.governor.long_waits(),
            _ => 1,
        };
        let chosen = mean == 1 || with_rng(&self.shard.rng, |rng| rng.u64(..mean) == 0);
        self.wait_weight = if chosen { mean } else { 0 };
        if let Some(pending) = self.pending.filter(|_| !chosen) {
            // It would have been, as a short one.
            pending.wait_weight.store(0, Relaxed);
        }
        chosen
    }

    /// A long wait begins: takes a node for it if it is timed or may be told as a slow one.
    #[inline]
    pub(super) fn keeps_long_wait(&mut self, core: &Core, is_timed: bool) -> bool {
        if is_timed {
            self.time_wait(core);
        } else if core.slow.is_on() {
            self.watch_wait(core);
        }
        is_timed || self.watched
    }

    #[cold]
    fn watch_wait(&mut self, core: &Core) {
        self.take_pending(core);
        let Some(pending) = self.pending else {
            self.shard.losses.count_as_owner(Loss::Guards);
            return;
        };
        self.watched = true;
        pending.more.store(true, Relaxed);
        self.note_blocker(pending);
        pending.wait_start.store(self.wait_start, Relaxed);
    }

    /// Whether the beginning of its wait is in its node.
    #[inline(always)]
    pub(super) fn has_wait(&self) -> bool {
        self.wait_weight != 0 || self.watched
    }

    /// A long wait: what is needed to divide it when it is settled. `by` is the thread that the
    /// lock publishes now.
    #[inline]
    pub(super) fn keep_for_blame(
        &mut self,
        pending: &Pending,
        lock: LockRef,
        how: usize,
        by: HolderWord,
    ) {
        let flag = if self.watched {
            // It is counted as one that is not timed.
            Pending::WATCHED
        } else {
            // Nobody is known yet, or nobody by name: the log may tell more.
            self.unbooked = self
                .blocker
                .is_none_or(|record| record.key.site() == SiteKey::readers());
            if self.unbooked { Pending::UNBOOKED } else { 0 }
        };
        // Readers have no common thread, and the lock may have changed hands since.
        let blocker = self.blocker.map(|record| record.key);
        let thread = match by.site() {
            Some(site) if Some(self.key.at(site)) == blocker => by.thread(),
            _ => ThreadBits::UNKNOWN,
        };
        pending.lock.store(lock.address(), Relaxed);
        pending
            .how
            .store(how | flag | thread.to_word() as usize, Relaxed);
    }
}
