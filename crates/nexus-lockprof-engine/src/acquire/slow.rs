//! The cold path of an acquisition: timed, contended, failed, or seen for the first time.
//!
//! The order of calls keeps the critical section short. [`Core::slow_acquire`], [`SlowAcquire::contended`] and [`SlowAcquire::parks`] look
//! up, allocate and read the clock before the lock is owned; [`SlowAcquire::acquired`] does plain
//! stores and, if this acquisition is timed, one clock read; [`Core::settle`] records after the release.

use crate::acquire::blame::Wait;
use crate::acquire::signal::{self, Attempt};
use crate::acquire::timed::is_sampled;
use crate::acquire::wait_log::{LOG, LockRef, Span};
use crate::acquire::{leased, thread};
use crate::control::{Control, ModeKind};
use crate::core::Core;
use crate::identity::{ClassWord, NameLen};
use crate::identity::{PointKey, SiteKey};
use crate::process::due;
use crate::record::cold_counts::ColdCounts;
use crate::record::loss::Loss;
use crate::record::owner::Owner;
use crate::record::pending::{Pending, PendingRef};
use crate::record::random::with_rng;
use crate::record::sampler::Schedule;
use crate::record::shard::Shard;
use crate::record::statistics::{self, Delta, Measured, Record};
use crate::sync::{Ordering::Relaxed, bump};
use std::mem::ManuallyDrop;

/// Weight of a schedule that is worth a look at the clock.
const FAR: u64 = 64;

/// One acquisition under way on the cold path. Dropped, it was not made: the lock's own wait may unwind.
#[derive(Debug)]
pub struct SlowAcquire<'a> {
    core: &'a Core,
    /// `None` when the acquisition is not recorded: off, or lost.
    recording: Option<Recording<'a>>,
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
    /// Who was met.
    blocker: Option<&'a Record>,
    /// Clock ticks, unless nothing is timed.
    wait_start: u64,
    contended: bool,
    /// This wait is entered in the log.
    parked: bool,
    /// Who has kept it waiting is counted when the wait is settled.
    unbooked: bool,
    /// Contended for a time that nobody measured.
    unknown_wait: bool,
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
    /// Safe code cannot: the length of one class beside the name of another would be read beyond that name's end.
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
    /// `word` and `len` were made together, by one [`LockClass`](crate::identity::LockClass). The slow acquire is used up or dropped before this
    /// thread begins to exit.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub unsafe fn slow_acquire(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
    ) -> SlowAcquire<'_> {
        let slow = self.waiting_slow_acquire(site, word, len);
        if self.is_global() && due::is_due() && !thread::is_inside() && !thread::is_internal() {
            self.do_due();
        }
        slow
    }

    /// The same for a change that may have waited, of a lock that is held by now: it starts no threads in a process that was forked off.
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
        self.waiting_slow_acquire(site, word, len)
    }

    #[inline(always)]
    fn waiting_slow_acquire(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
    ) -> SlowAcquire<'_> {
        SlowAcquire {
            core: self,
            recording: self.recording(site, word, len, Attempt::Waits),
        }
    }

    /// The same for an acquisition that does not wait, which may be a signal handler's, or that is made while the lock is held: where it
    /// would allocate, and that may not be done, it goes unrecorded. It starts no threads either.
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
            recording: self.recording(site, word, len, Attempt::Tries),
        }
    }

    fn recording(
        &self,
        site: SiteKey,
        word: &ClassWord,
        len: NameLen,
        attempt: Attempt,
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
            wait_start: 0,
            contended: false,
            parked: false,
            unbooked: false,
            unknown_wait: false,
        };
        let done = record.acquisitions.load(Relaxed);
        if record.holds.is_due(done) {
            recording.time_hold(self, done + 1);
        }
        Some(recording)
    }

    /// A wait for `lock` begins that ends in another call, perhaps of another thread: the clock's ticks, and then
    /// [`end_wait`](Self::end_wait) is to be called, once; or `None` if it is not to be timed.
    #[cold]
    #[must_use]
    pub fn begin_wait(&self, lock: LockRef) -> Option<u64> {
        match self.control_or_configure().kind() {
            ModeKind::Off | ModeKind::Counts => None,
            ModeKind::Sampled | ModeKind::Exact => {
                self.prepare();
                LOG.enter(lock);
                Some(self.clock.raw())
            }
        }
    }

    /// A wait that was begun by [`begin_wait`](Self::begin_wait) is over.
    pub fn end_wait(&self, lock: LockRef) {
        LOG.leave(lock);
    }

    /// Makes the records that signal handlers could not make.
    #[cold]
    #[inline(never)]
    fn make_wanted(&self, shard: &Shard, owner: &Owner) {
        for key in shard.take_wanted() {
            self.record(shard, owner, key, Attempt::Waits);
        }
        signal::forget_refusals();
    }

    /// The record of `key`, in the cache and scheduled under `control`.
    fn look_up<'a>(
        &'a self,
        shard: &'a Shard,
        owner: &Owner,
        key: PointKey,
        control: Control,
        attempt: Attempt,
    ) -> Option<&'a Record> {
        let known = shard.hot.find(key, Some, || None);
        if let Some(record) = known
            && record.control.load(Relaxed) == control.0
        {
            return known;
        }
        // What the cache knew was noted when it came into it, under the same word. A blocker is there already.
        self.since_off.note(key);
        let record = self.record(shard, owner, key, attempt)?;
        if record.control.load(Relaxed) != control.0 {
            // New, or not used since the mode was changed.
            let kind = control.kind();
            shard.governor.follow(control.0);
            record.control.store(control.0, Relaxed);
            record.set_timing(owner, kind != ModeKind::Counts);
            let done = record.acquisitions.load(Relaxed);
            record
                .holds
                .set(Schedule::of(kind, || self.next_hold(shard, record, done)));
            let done = record.contentions.load(Relaxed);
            record
                .waits
                .set(Schedule::of(kind, || self.next_wait(shard, record, done)));
        }
        if record.holds.weight() >= FAR
            && control.kind() == ModeKind::Sampled
            && self.clock.is_calibrated()
        {
            // It may be here because it is stuck.
            self.review(shard, record, self.clock.raw());
        }
        // At the rest of a point the hot path would look in vain.
        if record.key == key {
            shard.hot.remember(record, control, || self.control());
        }
        Some(record)
    }

    /// The schedule of a record's waits after `done` contentions.
    pub(crate) fn next_wait(&self, shard: &Shard, record: &Record, done: u64) -> Schedule {
        with_rng(&shard.rng, |rng| {
            let rate = &record.wait_rate;
            let price = (self.budget(), 2 * shard.governor.timed_ns(&self.costs));
            shard.governor.next(done, rate, 1, price, rng)
        })
    }

    /// Notes that a hold of `lock` ends now. Call it before the release, if the pending reference is not none.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle).
    #[inline]
    pub unsafe fn hold_ends(&self, pending_ref: &PendingRef, lock: LockRef) {
        // SAFETY: the caller's.
        if let Some(pending) = unsafe { pending_ref.get() }
            && pending.has_hold()
        {
            // SAFETY: the hold's beginning was read from it, by who had the guard then.
            let now = unsafe { self.clock.raw_again() };
            pending.hold_end.store(now, Relaxed);
            if LOG.is_waited_for(lock) {
                self.log_hold(lock, pending);
            }
        }
    }

    /// Records what the pending reference of a released acquisition has measured. Call it after the release.
    ///
    /// # Safety
    /// The pending reference is of an acquisition of this very engine, which is alive: what the pending reference points to lives in the engine.
    #[cold]
    #[inline(never)]
    pub unsafe fn settle(&self, pending_ref: PendingRef) {
        let mut next = pending_ref;
        // SAFETY: the caller's.
        while let Some(pending) = unsafe { next.get() } {
            let before = pending.before.load(Relaxed);
            self.settle_one(pending);
            next = PendingRef::from_raw(before);
        }
    }

    /// Records what the pending reference of an acquisition has measured until now, when its release will not be seen: its hold is
    /// lost, and counted as such.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle). The acquisition was made by this thread.
    #[cold]
    pub unsafe fn settle_unseen(&self, pending_ref: PendingRef) {
        // SAFETY: the caller's.
        if let Some(pending) = unsafe { pending_ref.get() }
            && let Some(shard) = leased::shard(self)
            && let Some(_entered) = shard.enter()
        {
            // SAFETY: `leased::shard` gives a shard that this thread has the lease of.
            let owner = unsafe { Owner::assume() };
            // SAFETY: null, or a record of this engine.
            let record = unsafe { pending.record.load(Relaxed).as_ref() };
            let weight = pending.hold_weight.load(Relaxed);
            if weight != 0
                && pending.is_of(shard.id)
                && let Some(record) = record
            {
                pending.hold_weight.store(0, Relaxed);
                shard.losses.count_as_owner(Loss::Guards);
                // Itself it stays one that is timed and not over.
                record.forfeit(&owner, weight - 1, 0);
            }
        }
        // SAFETY: the caller's.
        unsafe { self.settle(pending_ref) };
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
        // and in a thread that is exiting: then the records are this thread's own for the same points.
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
                ns: self.clock.nanos(start, end),
                weight,
            })
        };
        let wait_weight = pending.wait_weight.load(Relaxed);
        let wait = measured(
            statistics::Measure::Wait,
            wait_weight,
            wait_start,
            hold_start,
        );
        let hold_weight = pending.hold_weight.load(Relaxed);
        let hold = measured(statistics::Measure::Hold, hold_weight, hold_start, hold_end);
        if let Some(record) = mine(pending.record.load(Relaxed)) {
            let delta = Delta {
                wait,
                hold,
                ..Delta::default()
            };
            self.add(shard, owner, record, &delta);
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
                    self.note_rate(shard, record, pending, hold_end);
                }
            }
        }
        if let Some(measured) = wait {
            self.settle_blame(shard, owner, pending, measured);
        }
    }

    /// Books a wait that was measured to those it was for.
    fn settle_blame(&self, shard: &Shard, owner: &Owner, pending: &Pending, measured: Measured) {
        // SAFETY: both are null, or records of an engine that the lock keeps alive.
        let (record, blocker) = unsafe {
            (
                pending.record.load(Relaxed).as_ref(),
                pending.blocker.load(Relaxed).as_ref(),
            )
        };
        let Some(Record { key, .. }) = record else {
            return;
        };
        // SAFETY: 0, or what the lock published.
        let last = unsafe { SiteKey::from_published(pending.last.load(Relaxed)) };
        // SAFETY: null, or the acquisition that this one followed, which is settled after it.
        let before = unsafe { pending.before.load(Relaxed).as_ref() };
        // SAFETY: as above.
        let own = before.and_then(|before| unsafe {
            let record = before.record.load(Relaxed).as_ref()?;
            Some((record.key, before.hold_start.load(Relaxed)))
        });
        let lock = pending.parked_on();
        let wait = Wait {
            span: Span {
                lock,
                engine: self.number,
                key: *key,
                start: pending.wait_start.load(Relaxed),
                end: pending.hold_start.load(Relaxed),
            },
            parked: lock.address() != 0,
            first: blocker.map(|record| record.key),
            last: last.and_then(|site| self.known_holder(*key, site)),
            still_held: false,
            own,
        };
        let count = pending.how.load(Relaxed) & Pending::UNBOOKED != 0;
        self.blame(shard, owner, &wait, measured, count);
    }

    /// Who can be blamed by a waiter at the point `waiter`, when the lock publishes `site`.
    fn known_holder(&self, waiter: PointKey, site: SiteKey) -> Option<PointKey> {
        // Of a waiter at the rest nobody knows which class's site it is.
        let current =
            site == SiteKey::readers() || waiter.is_rest() || self.since_off.has(waiter.at(site));
        current.then(|| waiter.at(site.known_holder()))
    }

    pub(crate) fn add(&self, shard: &Shard, owner: &Owner, record: &Record, delta: &Delta) {
        let open = self.open_collection();
        let mut cause = Loss::Memory;
        let refused = record.add(owner, delta, open, &shard.rng, || {
            // Of a point whose acquisitions wait, no release is a handler's.
            let may = record.attempts() == statistics::WAITS || Attempt::Tries.may_allocate();
            if !may {
                cause = Loss::Reentrant;
                // To be noted at its next acquisition, if it was not.
                shard.hot.forget_one(record.key);
            }
            may
        });
        for _ in 0..refused {
            shard.losses.count_as_owner(cause);
        }
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

    /// The lock publishes `holder`, now that it has had time to. Call it after [`contended`](Self::contended), perhaps again.
    pub fn meets(&mut self, holder: Option<SiteKey>) {
        if let Some(recording) = &mut self.recording {
            recording.waits_for(self.core, holder);
        }
    }

    /// An upgrade was not to be had: others can only be readers, whoever published itself last.
    pub fn meets_readers(&mut self) {
        self.meets(Some(SiteKey::readers()));
    }

    /// The wait for `lock` will be a long one: those are all timed, as long as the budget allows. Call it after
    /// [`meets`](Self::meets).
    pub fn parks(&mut self, lock: LockRef) {
        let core = self.core;
        let Some(recording) = &mut self.recording else {
            return;
        };
        if recording.kind == ModeKind::Counts || !recording.times_long_wait() {
            return;
        }
        recording.time_wait(core);
        if let Some(pending) = recording.pending {
            recording.keep_for_blame(pending, lock, LockRef::QUEUED);
            LOG.enter(lock);
            recording.parked = true;
            core.note_stack(recording.shard, &recording.owner, recording.record, pending);
        }
    }

    /// `lock` was found taken earlier, when it published `holder`, at `start` as [`Core::begin_wait`] gave it, perhaps in
    /// another thread: a wait of a task, which is a long one, and ends with the lock being handed to it.
    pub fn contended_since(&mut self, lock: LockRef, start: Option<u64>, holder: Option<SiteKey>) {
        let core = self.core;
        let Some(recording) = &mut self.recording else {
            return;
        };
        recording.contended = true;
        recording.waits_for(core, holder);
        if recording.kind == ModeKind::Counts {
            return;
        }
        let Some(start) = start else {
            // Nothing was timed yet when it began.
            recording.unknown_wait = true;
            return;
        };
        if !recording.times_long_wait() {
            return;
        }
        recording.wait_start = start;
        recording.time_wait(core);
        if let Some(pending) = recording.pending {
            recording.keep_for_blame(pending, lock, LockRef::QUEUED | LockRef::HANDED);
        }
    }

    /// The lock is owned, and still publishes `holder`, who had it before. A plain store.
    #[inline]
    pub fn succeeds(&mut self, holder: Option<SiteKey>) {
        if let Some(Recording {
            pending: Some(pending),
            wait_weight: 1..,
            ..
        }) = &self.recording
        {
            let word = holder.map_or(0, SiteKey::to_published);
            pending.last.store(word, Relaxed);
        }
    }

    /// The lock was handed to a waiter, at `holder`, and has come back: contended, for a time that is not known.
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
        // SAFETY: the caller's.
        let Some(pending) = (unsafe { before.get() }) else {
            return;
        };
        let older = pending.before.load(Relaxed);
        pending.before.store(std::ptr::null_mut(), Relaxed);
        // SAFETY: the caller's: what a pending reference follows is of the same engine.
        unsafe { self.core.settle(PendingRef::from_raw(older)) };
        if let Some(recording) = &mut self.recording {
            recording.take_pending(self.core);
        }
    }

    /// The lock is owned. Plain stores, and one clock read if something of this acquisition is timed.
    #[inline]
    pub fn acquired(self) -> PendingRef {
        // SAFETY: follows nothing.
        unsafe { self.acquired_after(PendingRef::NONE) }
    }

    /// The lock is owned, and was all along: `before` is the pending reference of the acquisition that this one [follows](Self::follows).
    ///
    /// # Safety
    /// As for [`Core::settle`].
    #[inline]
    pub unsafe fn acquired_after(self, before: PendingRef) -> PendingRef {
        // Made: the pending reference has the node now. Not moved out of the slow acquire: it is a large value.
        let this = ManuallyDrop::new(self);
        let core = this.core;
        let Some(recording) = &this.recording else {
            // SAFETY: the caller's.
            unsafe { core.settle(before) };
            return PendingRef::NONE;
        };
        recording.count();
        recording.shard.ends();
        let Some(pending) = recording.pending else {
            // SAFETY: the caller's.
            unsafe { core.settle(before) };
            return PendingRef::NONE;
        };
        if recording.hold_weight | recording.wait_weight != 0 {
            pending.hold_start.store(core.clock.raw(), Relaxed);
        }
        if recording.parked {
            LOG.leave(pending.parked_on());
        }
        if !before.is_none() {
            pending.more.store(true, Relaxed);
            pending.before.store(before.into_raw(), Relaxed);
        }
        PendingRef::new(pending)
    }

    /// `try_*` found the lock taken.
    pub fn try_failed(self) {
        let cold = ColdCounts {
            try_failures: 1,
            ..ColdCounts::default()
        };
        self.gave_up(cold, None);
    }

    /// A timed acquire gave up, while the lock publishes `holder`. Whoever held it has kept this thread waiting all the same.
    pub fn timed_out(self, holder: Option<SiteKey>) {
        let cold = ColdCounts {
            timeouts: 1,
            ..ColdCounts::default()
        };
        self.waited_in_vain(cold, holder);
    }

    /// A task that waited was dropped, while the lock publishes `holder`. Whoever held it has kept it waiting all the same.
    pub fn cancelled(self, holder: Option<SiteKey>) {
        let cold = ColdCounts {
            cancellations: 1,
            ..ColdCounts::default()
        };
        self.waited_in_vain(cold, holder);
    }

    /// It was not even tried, or there is nothing to tell of it.
    pub fn abandoned(self) {}

    fn waited_in_vain(self, cold: ColdCounts<u64>, holder: Option<SiteKey>) {
        let core = self.core;
        let vain = self.recording.as_ref().and_then(|recording| {
            (recording.wait_weight != 0).then(|| {
                let end = core.clock.raw_cold();
                let measured = Measured {
                    kind: statistics::Measure::Wait,
                    ns: core.clock.nanos(recording.wait_start, end),
                    weight: recording.wait_weight,
                };
                let key = recording.record.key;
                let lock = recording.pending.map(Pending::parked_on);
                let wait = Wait {
                    span: Span {
                        lock: lock.unwrap_or(LockRef::from_address(0)),
                        engine: core.number,
                        key,
                        start: recording.wait_start,
                        end,
                    },
                    parked: lock.is_some(),
                    first: recording.blocker.map(|record| record.key),
                    last: holder.and_then(|site| core.known_holder(key, site)),
                    still_held: true,
                    own: None,
                };
                (wait, measured)
            })
        });
        let cold = ColdCounts {
            vain_wait_ns: vain.map_or(0, |(_, wait)| wait.ns.saturating_mul(wait.weight)),
            ..cold
        };
        self.gave_up(cold, vain);
    }

    fn gave_up(self, cold: ColdCounts<u64>, vain: Option<(Wait, Measured)>) {
        let this = ManuallyDrop::new(self);
        let Some(recording) = &this.recording else {
            return;
        };
        recording.discard();
        if let Some(_entered) = recording.shard.enter() {
            let delta = Delta {
                cold,
                ..Delta::default()
            };
            recording.tell_of_failure(this.core, &delta, vain);
        }
        // After what is told of it: the record must not go away before.
        recording.shard.ends();
    }
}

impl Recording<'_> {
    /// Counts an acquisition that was given up. The shard is entered.
    fn tell_of_failure(&self, core: &Core, delta: &Delta, vain: Option<(Wait, Measured)>) {
        let recording = self;
        core.add(recording.shard, &recording.owner, recording.record, delta);
        if let Some(blocker) = recording.blocker
            && !recording.unbooked
        {
            bump(&blocker.blocked, 1);
        }
        if let Some((wait, measured)) = vain {
            core.blame(
                recording.shard,
                &recording.owner,
                &wait,
                measured,
                recording.unbooked,
            );
        }
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

impl<'a> Recording<'a> {
    /// Prepares the hold of acquisition `number` to be timed, and the schedule that follows.
    fn time_hold(&mut self, core: &Core, number: u64) {
        // Calibrated here and not in the critical section, should this be the first use of the clock.
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
    fn waits_for(&mut self, core: &'a Core, holder: Option<SiteKey>) {
        let Some(_entered) = self.shard.enter() else {
            return;
        };
        let known = holder.and_then(|site| core.known_holder(self.key, site));
        self.blocker = known.and_then(|key| {
            let control = Control(self.record.control.load(Relaxed));
            core.look_up(self.shard, &self.owner, key, control, self.attempt)
        });
        if self.wait_weight != 0
            && let Some(pending) = self.pending
        {
            self.note_blocker(pending);
        }
    }

    fn note_blocker(&self, pending: &Pending) {
        let blocker = self.blocker.map_or(std::ptr::null(), std::ptr::from_ref);
        pending.blocker.store(blocker.cast_mut(), Relaxed);
    }

    /// Whether this long wait is timed, and what it stands for then.
    fn times_long_wait(&mut self) -> bool {
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

    /// A long wait: what is needed to divide it when it is settled.
    fn keep_for_blame(&mut self, pending: &Pending, lock: LockRef, how: usize) {
        // Nobody is known yet, or nobody by name: the log may tell more.
        self.unbooked = self
            .blocker
            .is_none_or(|record| record.key.site() == SiteKey::readers());
        let unbooked = if self.unbooked { Pending::UNBOOKED } else { 0 };
        pending.lock.store(lock.address(), Relaxed);
        pending.how.store(how | unbooked, Relaxed);
    }

    /// The acquisition is not made.
    fn discard(&self) {
        if let Some(pending) = self.pending {
            if self.parked {
                LOG.leave(pending.parked_on());
            }
            self.shard.pool.give_back(pending);
        }
    }

    /// Prepares the wait to be timed; it has begun.
    fn time_wait(&mut self, core: &Core) {
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
    fn take_pending(&mut self, core: &Core) {
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
            core.steer(shard, last);
        }
    }

    /// Counts the acquisition, which was just made.
    #[inline]
    fn count(&self) {
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
        record.count(self.contended);
        if let Some(blocker) = self.blocker
            && !self.unbooked
        {
            bump(&blocker.blocked, 1);
        }
    }

    /// Too many measured guards are alive to keep this one until its release: it is not timed.
    #[cold]
    fn forfeit(&self) {
        self.shard.losses.count_as_owner(Loss::Guards);
        self.record
            .forfeit(&self.owner, self.hold_weight, self.wait_weight);
    }
}
