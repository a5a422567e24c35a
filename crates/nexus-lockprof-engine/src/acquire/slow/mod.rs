//! The cold path of an acquisition: timed, contended, failed, or seen for the first time.
//!
//! The order of calls keeps the critical section short. [`Core::slow_acquire`],
//! [`SlowAcquire::contended`] and [`SlowAcquire::parks`] look up, allocate and read the clock
//! before the lock is owned; [`SlowAcquire::acquired`] does plain stores and, if this acquisition
//! is timed, one clock read; [`Core::settle`] records after the release.

mod failure;
mod long_wait;
mod recording;
#[cfg(test)]
mod tests;

use crate::acquire::signal::Attempt;
use crate::acquire::{leased, thread};
use crate::control::ModeKind;
use crate::core::Core;
use crate::identity::{ClassWord, HolderWord, NameLen, PointKey, SiteKey};
use crate::process::due;
use crate::record::loss::Loss;
use crate::record::owner::Owner;
use crate::record::pending::{Pending, PendingRef};
use crate::record::sampler::Schedule;
use crate::record::shard::Shard;
use crate::record::statistics::{self, Record};
use crate::record::wait_log::{LOG, LockRef};
use crate::record::waiting::WaitKind;
use crate::sync::{AtomicU64, Ordering::Relaxed};
use std::mem::ManuallyDrop;

/// One acquisition under way on the cold path. Dropped, it was not made: the lock's own wait may
/// unwind.
///
/// It stays in its thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<nexus_lockprof_engine::adaptor::SlowAcquire<'static>>();
/// ```
///
/// ```compile_fail,E0277
/// fn share<T: Sync>() {}
/// share::<nexus_lockprof_engine::adaptor::SlowAcquire<'static>>();
/// ```
#[derive(Debug)]
pub struct SlowAcquire<'a> {
    core: &'a Core,
    /// `None` when the acquisition is not recorded: off, or lost.
    recording: Option<Recording<'a>>,
}

/// Who holds the lock until the release.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Thread,
    /// It may go on in another thread.
    Task,
}

struct Recording<'a> {
    /// Also keeps the slow acquire in its thread.
    owner: Owner,
    shard: &'a Shard,
    /// The record's key, unless the record is that of a rest.
    key: PointKey,
    record: &'a Record,
    kind: ModeKind,
    attempt: Attempt,
    /// What this acquisition's hold and wait stand for; 0 when they are not to be timed.
    hold_weight: u64,
    wait_weight: u64,
    /// The schedules to store when this acquisition is the timed one.
    next_hold: Option<Schedule>,
    next_wait: Option<Schedule>,
    pending: Option<&'a Pending>,
    /// Who was met, and where this wait is counted as one for it.
    blocker: Option<&'a Record>,
    blocked: Option<&'a AtomicU64>,
    /// Clock ticks, unless nothing is timed.
    wait_start: u64,
    contended: bool,
    /// The wait is a long one.
    long: bool,
    /// This wait is entered in the log.
    parked: bool,
    /// This wait is in the shard's slot.
    visible: bool,
    /// What ends its wait.
    ends: WaitKind,
    /// The lock's guards may go to other threads.
    guards_move: bool,
    /// Who has kept it waiting is counted when the wait is settled.
    unbooked: bool,
    /// Contended for a time that nobody measured.
    unknown_wait: bool,
    /// Not measured, but the length of this wait is noted, because it may be a slow one.
    watched: bool,
    /// The lock, if this thread will hold it until the release.
    held_lock: Option<LockRef>,
}

impl std::fmt::Debug for Recording<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording")
            .field("key", &self.record.key)
            .field("contended", &self.contended)
            .finish_non_exhaustive()
    }
}

impl Core {
    /// Starts an acquisition at `site` of a lock with this class. Call it before the lock is tried.
    ///
    /// Safe code cannot: the length of one class beside the name of another would be read beyond
    /// that name's end.
    ///
    /// ```compile_fail,E0133
    /// use nexus_lockprof_engine::adaptor::{HoldMode, LockClass, SiteKey};
    /// use nexus_lockprof_engine::{Global, EngineRef};
    /// use std::panic::Location;
    ///
    /// let (long, short) = (LockClass::named("a long name"), LockClass::named("short"));
    /// let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
    /// let _ = Global.core().map(|core| core.slow_acquire(site, &short.word, long.len).acquired());
    /// ```
    ///
    /// # Safety
    /// `word` and `len` were made together, by one [`LockClass`](crate::identity::LockClass). The
    /// slow acquire is used up or dropped before this thread begins to exit.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub unsafe fn slow_acquire(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
    ) -> SlowAcquire<'_> {
        self.slow_acquire_by(site, word, len, Holder::Thread)
    }

    /// The same for a task, whose guard may go to another thread.
    ///
    /// # Safety
    /// As for [`slow_acquire`](Self::slow_acquire).
    #[cold]
    #[inline(never)]
    #[must_use]
    pub unsafe fn slow_acquire_of_task(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
    ) -> SlowAcquire<'_> {
        self.slow_acquire_by(site, word, len, Holder::Task)
    }

    /// Begins it, and then does what is due in the process.
    #[inline(always)]
    fn slow_acquire_by(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
        holder: Holder,
    ) -> SlowAcquire<'_> {
        let slow = self.waiting_slow_acquire(site, word, len, holder);
        if self.is_global() && due::is_due() && !thread::is_inside() && !thread::is_internal() {
            self.do_due();
        }
        slow
    }

    /// The same for a change that may have waited, of a lock that is held by now: it starts no
    /// threads in a process that was forked off.
    ///
    /// # Safety
    /// As for [`slow_acquire`](Self::slow_acquire).
    #[cold]
    #[inline(never)]
    #[must_use]
    pub unsafe fn slow_acquire_after_wait(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
    ) -> SlowAcquire<'_> {
        self.waiting_slow_acquire(site, word, len, Holder::Thread)
    }

    #[inline(always)]
    fn waiting_slow_acquire(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
        holder: Holder,
    ) -> SlowAcquire<'_> {
        SlowAcquire {
            core: self,
            recording: self.recording(site, word, len, (Attempt::Waits, holder)),
        }
    }

    /// The same for an acquisition that does not wait, which may be a signal handler's, or that is
    /// made while the lock is held: where it would allocate, and that may not be done, it goes
    /// unrecorded. It starts no threads either.
    ///
    /// # Safety
    /// As for [`slow_acquire`](Self::slow_acquire).
    #[cold]
    #[inline(never)]
    #[must_use]
    pub unsafe fn slow_try_acquire(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
    ) -> SlowAcquire<'_> {
        SlowAcquire {
            core: self,
            recording: self.recording(site, word, len, (Attempt::Tries, Holder::Thread)),
        }
    }

    /// The same for a task, whose guard may go to another thread.
    ///
    /// # Safety
    /// As for [`slow_acquire`](Self::slow_acquire).
    #[cold]
    #[inline(never)]
    #[must_use]
    pub unsafe fn slow_try_acquire_of_task(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
    ) -> SlowAcquire<'_> {
        SlowAcquire {
            core: self,
            recording: self.recording(site, word, len, (Attempt::Tries, Holder::Task)),
        }
    }

    fn recording(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
        (attempt, holder): (Attempt, Holder),
    ) -> Option<Recording<'_>> {
        if self.is_global() && due::has_parents_counts() && !self.forget_parent_for(attempt) {
            // It would be forgotten with the parent's, and its point would be known from now on.
            if !thread::is_internal() {
                self.losses.count(Loss::Reentrant);
            }
            return None;
        }
        let control = self.control_for(attempt);
        if control.kind() == ModeKind::Off {
            return None;
        }
        let shard = leased::shard_for(self, attempt)?;
        // First, so that no later acquisition takes it for its own. A signal handler's, which may
        // come in between, does not wait.
        let counted = match attempt {
            Attempt::Waits => shard.pairs.take_counted(),
            Attempt::Tries => None,
        };
        let _entered = shard.enter()?;
        let numbered = word.number(len, site.location());
        // SAFETY: `leased::shard` gives a shard that this thread has the lease of.
        let owner = unsafe { Owner::assume() };
        if attempt == Attempt::Waits && shard.has_wanted() {
            self.make_wanted(shard, &owner);
        }
        let key = PointKey::new(site, numbered.tag);
        let record = self.look_up(shard, &owner, key, control, attempt)?;
        drop(numbered);
        record.note_attempt(match attempt {
            Attempt::Waits => statistics::WAITS,
            Attempt::Tries => statistics::TRIES,
        });
        shard.begins(record);
        let mut recording = Recording {
            owner,
            shard,
            key,
            record,
            kind: control.kind(),
            attempt,
            hold_weight: 0,
            wait_weight: 0,
            next_hold: None,
            next_wait: None,
            pending: None,
            blocker: None,
            blocked: None,
            wait_start: 0,
            contended: false,
            long: false,
            parked: false,
            visible: false,
            ends: WaitKind::Endless,
            guards_move: len.guards_move(),
            unbooked: false,
            unknown_wait: false,
            watched: false,
            held_lock: match holder {
                Holder::Thread => Some(LockRef::of(word)),
                Holder::Task => None,
            },
        };
        let done = record.acquisitions.load(Relaxed);
        if record.holds.is_due(done) {
            recording.time_hold(self, done + 1);
        }
        if let Some(lock) = recording.held_lock
            && attempt == Attempt::Waits
            && counted != Some(key)
            && shard.pool.holds_some()
        {
            self.note_pairs(shard, key, lock);
        }
        Some(recording)
    }
}

impl<'a> SlowAcquire<'a> {
    /// The lock was found taken: the wait begins, or began at `since` clock ticks.
    pub fn contended(&mut self, since: Option<u64>) {
        let core = self.core;
        let Some(recording) = &mut self.recording else {
            return;
        };
        recording.contended = true;
        if recording.kind == ModeKind::Counts {
            return;
        }
        // The clock first: what follows is part of the wait.
        recording.wait_start = since.unwrap_or_else(|| {
            core.prepare();
            core.clock.raw_cold()
        });
        let done = recording.record.contentions.load(Relaxed);
        if recording.record.waits.is_due(done) {
            recording.wait_weight = recording.record.waits.weight();
            if recording.kind == ModeKind::Sampled {
                recording.next_wait =
                    Some(core.next_wait(recording.shard, recording.record, done + 1));
            }
            recording.time_wait(core);
        }
    }

    /// The lock publishes `holder`, now that it has had time to. Call it after
    /// [`contended`](Self::contended), perhaps again.
    pub fn meets(&mut self, holder: Option<SiteKey>) {
        if let Some(recording) = &mut self.recording {
            recording.waits_for(self.core, holder);
        }
    }

    /// An upgrade was not to be had: others can only be readers, whoever published itself last.
    pub fn meets_readers(&mut self) {
        self.meets(Some(SiteKey::readers()));
    }

    /// Says what will end the wait, if not the lock alone. Call it before [`parks`](Self::parks).
    #[inline]
    pub fn ends_by(&mut self, kind: WaitKind) {
        if let Some(recording) = &mut self.recording {
            recording.ends = kind;
        }
    }

    /// The lock is owned, and still publishes `holder`, who had it before: the wait is over. Call
    /// it before the lock publishes this thread, which would wait for itself. Plain stores.
    #[inline]
    pub fn succeeds(&mut self, holder: HolderWord) {
        self.waits_no_more();
        if let Some(recording) = &self.recording
            && let Some(pending) = recording.pending
            && recording.has_wait()
        {
            pending.last.store(holder.word(), Relaxed);
        }
    }

    /// The wait is over, which other threads see.
    #[inline]
    pub fn waits_no_more(&mut self) {
        if let Some(recording) = &mut self.recording {
            recording.is_over();
            recording.visible = false;
        }
    }

    /// The lock was handed to a waiter, at `holder`, and has come back: contended, for a time that
    /// is not known.
    pub fn yielded_to(&mut self, holder: SiteKey) {
        let core = self.core;
        let Some(recording) = &mut self.recording else {
            return;
        };
        recording.contended = true;
        recording.unknown_wait = true;
        recording.waits_for(core, Some(holder));
    }

    /// This acquisition follows another without a release in between: prepares to keep both.
    ///
    /// Keeps `before` until the release, and records now what `before` itself followed, so that a
    /// guard that is never released does not collect a chain.
    ///
    /// # Safety
    /// As for [`Core::settle`].
    pub unsafe fn follows(&mut self, before: &PendingRef) {
        // SAFETY: the caller guarantees that `before` is of this engine, which is alive.
        let Some(pending) = (unsafe { before.get() }) else {
            return;
        };
        let older = pending.before.load(Relaxed);
        pending.before.store(std::ptr::null_mut(), Relaxed);
        // SAFETY: what a pending reference follows is of the same engine, which the caller says is
        // alive.
        unsafe { self.core.settle(PendingRef::from_raw(older)) };
        if let Some(recording) = &mut self.recording {
            recording.take_pending(self.core);
        }
    }

    /// The lock is owned. Plain stores, and one clock read if something of this acquisition is
    /// timed.
    #[inline]
    pub fn acquired(self) -> PendingRef {
        // SAFETY: follows nothing.
        unsafe { self.acquired_after(PendingRef::NONE) }
    }

    /// The lock is owned, and was all along: `before` is the pending reference of the acquisition
    /// that this one [follows](Self::follows).
    ///
    /// # Safety
    /// As for [`Core::settle`].
    #[inline]
    pub unsafe fn acquired_after(self, before: PendingRef) -> PendingRef {
        // Made: the pending reference has the node now. Not moved out of the slow acquire: it is a
        // large value.
        let this = ManuallyDrop::new(self);
        let core = this.core;
        let Some(recording) = &this.recording else {
            // SAFETY: the caller guarantees that `before` is of this engine, which is alive.
            unsafe { core.settle(before) };
            return PendingRef::NONE;
        };
        recording.count();
        recording.is_over();
        recording.shard.ends();
        let Some(pending) = recording.pending else {
            // SAFETY: the caller guarantees that `before` is of this engine, which is alive.
            unsafe { core.settle(before) };
            return PendingRef::NONE;
        };
        if recording.parked {
            LOG.leave(pending.parked_on());
        }
        if let Some(lock) = recording.held_lock {
            recording.hold(pending, lock, &before);
        }
        if !before.is_none() {
            pending.more.store(true, Relaxed);
            pending.before.store(before.into_raw(), Relaxed);
        }
        // Last, so that the hold has none of the above.
        if recording.hold_weight != 0 || recording.has_wait() {
            pending.hold_start.store(core.clock.raw(), Relaxed);
        }
        PendingRef::new(pending)
    }
}

impl Drop for SlowAcquire<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(recording) = &self.recording {
            recording.discard();
            recording.shard.ends();
        }
    }
}
