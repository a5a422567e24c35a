//! The cold path of an acquisition: timed, contended, failed, or seen for the first time.
//!
//! The order of calls keeps the critical section short. [`Core::ticket`] and [`Ticket::contended`] look
//! up, allocate and read the clock before the lock is owned; [`Ticket::acquired`] does plain
//! stores and, if this acquisition is timed, one clock read; [`Core::settle`] records after the release.

use crate::control::{Control, Kind};
use crate::core::Core;
use crate::identity::{Class, PointKey, SiteKey};
use crate::pending::{Pending, Stamp};
use crate::record::{self, Delta, Measured, Owner, Record};
use crate::reservoir::with_rng;
use crate::sampler::Schedule;
use crate::shard::{Loss, Shard};
use crate::sync::{Ordering::Relaxed, bump};
use crate::thread;

/// One acquisition under way on the cold path.
#[derive(Debug)]
pub struct Ticket<'a> {
    core: &'a Core,
    /// `None` when the acquisition is not recorded: off, or lost.
    entry: Option<Entry<'a>>,
}

struct Entry<'a> {
    /// Also keeps the ticket in its thread.
    owner: Owner,
    shard: &'a Shard,
    record: &'a Record,
    control: Control,
    /// The schedule to store when this acquisition is the timed one.
    next: Option<Schedule>,
    /// What this acquisition's hold stands for; 0 when it is not to be timed.
    hold_weight: u64,
    pending: Option<&'a Pending>,
    blocker: Option<&'a Record>,
    wait_start: u64,
    contended: bool,
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.record.key)
            .field("contended", &self.contended)
            .finish_non_exhaustive()
    }
}

impl Core {
    /// Starts an acquisition of a lock of `class` at `key`. Call it before the lock is tried.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn ticket(&self, key: SiteKey, class: Class) -> Ticket<'_> {
        Ticket {
            core: self,
            entry: self.entry(PointKey { site: key, class }),
        }
    }

    fn entry(&self, key: PointKey) -> Option<Entry<'_>> {
        let control = self.control_or_configure();
        if control == Control::OFF {
            return None;
        }
        let shard = thread::shard(self)?;
        let _entered = shard.enter()?;
        // SAFETY: `thread::shard` gives a shard that this thread has the lease of.
        let owner = unsafe { Owner::assume() };
        let record = shard.hot.find(key.site, key.class, control, Some, || {
            self.look_up(shard, &owner, key, control)
        })?;
        let done = record.acquisitions.load(Relaxed);
        let mut entry = Entry {
            owner,
            shard,
            record,
            control,
            next: None,
            hold_weight: 0,
            pending: None,
            blocker: None,
            wait_start: 0,
            contended: false,
        };
        if done + 1 >= record.next_timed.load(Relaxed) {
            // Calibrated here and not in the critical section, should this be the first use of the clock.
            self.clock.prepare();
            entry.time_hold(done);
        }
        Some(entry)
    }

    /// The record of `key`, made if need be. `None`, with the loss counted, when there can be none.
    fn record<'a>(&self, shard: &'a Shard, owner: &Owner, key: PointKey) -> Option<&'a Record> {
        shard
            .record(owner, key, &self.limits())
            .map_err(|cause| shard.losses.count_as_owner(cause))
            .ok()
    }

    fn look_up<'a>(
        &'a self,
        shard: &'a Shard,
        owner: &Owner,
        key: PointKey,
        control: Control,
    ) -> Option<&'a Record> {
        let record = self.record(shard, owner, key)?;
        if record.control.load(Relaxed) != control.0 {
            // New, or not used since the mode was changed.
            record.control.store(control.0, Relaxed);
            record.set_timing(owner, control.kind() != Kind::Counts);
            let done = record.acquisitions.load(Relaxed);
            with_rng(&shard.rng, |rng| Schedule::after(done, control, rng)).store(record);
        }
        shard.hot.remember(record, control);
        Some(record)
    }

    /// Notes that a hold ends now. Call it before the release, if the stamp is not none.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle).
    #[inline]
    pub unsafe fn hold_ends(&self, stamp: &Stamp) {
        // SAFETY: the caller's.
        if let Some(pending) = unsafe { stamp.get() }
            && pending.hold_weight.load(Relaxed) != 0
        {
            pending.hold_end.store(self.clock.raw(), Relaxed);
        }
    }

    /// Records what the stamp of a released acquisition has measured. Call it after the release.
    ///
    /// # Safety
    /// The stamp is of an acquisition of this very engine, which is alive: what the stamp points to lives in the engine.
    #[cold]
    #[inline(never)]
    pub unsafe fn settle(&self, stamp: Stamp) {
        let mut next = stamp;
        // SAFETY: the caller's.
        while let Some(pending) = unsafe { next.get() } {
            let before = pending.before.load(Relaxed);
            self.settle_one(pending);
            next = Stamp::from_raw(before);
        }
    }

    fn settle_one(&self, pending: &Pending) {
        let shard = thread::shard(self); // None is counted there, as lost at thread exit.
        let entered = shard.and_then(|shard| Some((shard, shard.enter()?))); // None is counted there, as reentrant.
        if let Some((shard, _entered)) = &entered {
            // SAFETY: `thread::shard` gives a shard that this thread has the lease of.
            let owner = unsafe { Owner::assume() };
            self.settle_in(shard, &owner, pending);
        }
        match shard {
            Some(shard) if pending.is_of(shard) => shard.pool.give_back(pending),
            _ => pending.give_back_to_other(),
        }
    }

    fn settle_in(&self, shard: &Shard, owner: &Owner, pending: &Pending) {
        // A guard may be released by another thread than acquired it, if the raw lock allows that,
        // and in a thread that is exiting: then the records are this thread's own for the same points.
        let mine = |record: *mut Record| {
            // SAFETY: null, or a record of an engine that the lock keeps alive.
            let record = unsafe { record.as_ref() }?;
            if pending.is_of(shard) {
                return Some(record);
            }
            self.record(shard, owner, record.key)
        };
        let hold_start = pending.hold_start.load(Relaxed);
        let measured = |kind, weight: u64, start, end| {
            (weight != 0).then(|| Measured {
                kind,
                ns: self.clock.nanos(start, end),
                weight,
            })
        };
        let wait = measured(
            record::Kind::Wait,
            pending.wait_weight.load(Relaxed),
            pending.wait_start.load(Relaxed),
            hold_start,
        );
        let hold = measured(
            record::Kind::Hold,
            pending.hold_weight.load(Relaxed),
            hold_start,
            pending.hold_end.load(Relaxed),
        );
        let contended = pending.contended.load(Relaxed);
        if let Some(record) = mine(pending.record.load(Relaxed)) {
            let delta = Delta {
                contentions: contended,
                wait,
                hold,
                ..Delta::default()
            };
            self.add(shard, owner, record, &delta);
        }
        let blocker = mine(pending.blocker.load(Relaxed));
        self.blame(shard, owner, blocker, wait.map_or(0, |wait| wait.ns));
    }

    fn add(&self, shard: &Shard, owner: &Owner, record: &Record, delta: &Delta) {
        let era = self.era();
        let refused = record.add(owner, delta, era, &shard.rng);
        for _ in 0..refused {
            shard.losses.count_as_owner(Loss::Memory);
        }
    }

    /// Books at the holder's point, if it is known, that it has kept one thread waiting.
    fn blame(&self, shard: &Shard, owner: &Owner, blocker: Option<&Record>, wait_ns: u64) {
        let delta = Delta {
            blocked: 1,
            caused_wait_ns: wait_ns,
            ..Delta::default()
        };
        if let Some(blocker) = blocker {
            self.add(shard, owner, blocker, &delta);
        }
    }
}

impl<'a> Ticket<'a> {
    /// The lock was found taken: the wait begins. `holder` is what the lock publishes.
    pub fn contended(&mut self, holder: Option<SiteKey>) {
        let clock = &self.core.clock;
        let Some(entry) = &mut self.entry else { return };
        let mut weight = 0;
        if entry.control.kind() != Kind::Counts {
            entry.wait_start = clock.raw();
            weight = 1;
        }
        self.waits_for(holder, weight);
    }

    /// The lock was handed to a waiter, at `holder`, and has come back: contended, for a time that is not known.
    pub fn yielded_to(&mut self, holder: SiteKey) {
        self.waits_for(Some(holder), 0);
    }

    fn waits_for(&mut self, holder: Option<SiteKey>, weight: u64) {
        let core = self.core;
        let Some(entry) = &mut self.entry else { return };
        entry.contended = true;
        let Some(_entered) = entry.shard.enter() else {
            return;
        };
        if let Some(site) = holder {
            let class = entry.record.key.class;
            let key = PointKey { site, class };
            entry.blocker = core.look_up(entry.shard, &entry.owner, key, entry.control);
        }
        entry.take_pending();
        if let Some(pending) = entry.pending {
            let blocker = entry.blocker.map_or(std::ptr::null(), std::ptr::from_ref);
            pending.more.store(true, Relaxed);
            pending.blocker.store(blocker.cast_mut(), Relaxed);
            pending.contended.store(1, Relaxed);
            pending.wait_weight.store(weight, Relaxed);
            pending.wait_start.store(entry.wait_start, Relaxed);
        }
    }

    /// This acquisition follows another without a release in between: prepares to keep both.
    ///
    /// Keeps `before` until the release, and records now what `before` itself followed, so that a
    /// guard that is never released does not collect a chain.
    ///
    /// # Safety
    /// As for [`Core::settle`].
    pub unsafe fn follows(&mut self, before: &Stamp) {
        // SAFETY: the caller's.
        let Some(pending) = (unsafe { before.get() }) else {
            return;
        };
        let older = pending.before.load(Relaxed);
        pending.before.store(std::ptr::null_mut(), Relaxed);
        // SAFETY: the caller's: what a stamp follows is of the same engine.
        unsafe { self.core.settle(Stamp::from_raw(older)) };
        if let Some(entry) = &mut self.entry {
            entry.take_pending();
        }
    }

    /// The lock is owned. Plain stores, and one clock read if something of this acquisition is timed.
    #[inline]
    pub fn acquired(self) -> Stamp {
        // SAFETY: follows nothing.
        unsafe { self.acquired_after(Stamp::NONE) }
    }

    /// The lock is owned, and was all along: `before` is the stamp of the acquisition that this one [follows](Self::follows).
    ///
    /// # Safety
    /// As for [`Core::settle`].
    #[inline]
    pub unsafe fn acquired_after(self, before: Stamp) -> Stamp {
        let core = self.core;
        let Some(entry) = self.entry else {
            // SAFETY: the caller's.
            unsafe { core.settle(before) };
            return Stamp::NONE;
        };
        let pending = entry.pending;
        let hold_weight = pending.map_or(0, |pending| pending.hold_weight.load(Relaxed));
        // Before the acquisition is counted, since they are read the other way round: see `Record::read`.
        bump(&entry.record.timed, u64::from(hold_weight != 0));
        bump(&entry.record.acquisitions, 1);
        if let Some(next) = entry.next {
            next.store(entry.record);
        }
        let Some(pending) = pending else {
            if entry.contended || entry.next.is_some() {
                core.count_without_node(&entry);
            }
            // SAFETY: the caller's.
            unsafe { core.settle(before) };
            return Stamp::NONE;
        };
        if hold_weight | pending.wait_weight.load(Relaxed) != 0 {
            pending.hold_start.store(core.clock.raw(), Relaxed);
        }
        if !before.is_none() {
            pending.more.store(true, Relaxed);
            pending.before.store(before.into_raw(), Relaxed);
        }
        Stamp::new(pending)
    }

    /// `try_*` found the lock taken.
    pub fn try_failed(self) {
        let delta = Delta {
            try_failures: 1,
            ..Delta::default()
        };
        self.gave_up(&delta, 0);
    }

    /// A timed acquire gave up. Whoever held the lock has kept this thread waiting all the same.
    pub fn timed_out(self) {
        let clock = &self.core.clock;
        let waited_ns = match &self.entry {
            Some(entry) if entry.control.kind() != Kind::Counts => {
                clock.nanos(entry.wait_start, clock.raw())
            }
            _ => 0,
        };
        let delta = Delta {
            timeouts: 1,
            ..Delta::default()
        };
        self.gave_up(&delta, waited_ns);
    }

    fn gave_up(self, delta: &Delta, waited_ns: u64) {
        let Some(entry) = self.entry else { return };
        if let Some(pending) = entry.pending {
            entry.shard.pool.give_back(pending);
        }
        let Some(_entered) = entry.shard.enter() else {
            return;
        };
        let core = self.core;
        core.add(entry.shard, &entry.owner, entry.record, delta);
        core.blame(entry.shard, &entry.owner, entry.blocker, waited_ns);
    }
}

impl Core {
    /// Too many measured guards are alive to keep this one until its release: it is not timed, and a contention
    /// is counted now.
    #[cold]
    fn count_without_node(&self, entry: &Entry<'_>) {
        entry.shard.losses.count_as_owner(Loss::Guards);
        let Some(_entered) = entry.shard.enter() else {
            return;
        };
        entry.record.forfeit(&entry.owner, entry.hold_weight);
        if !entry.contended {
            return;
        }
        let delta = Delta {
            contentions: 1,
            ..Delta::default()
        };
        self.add(entry.shard, &entry.owner, entry.record, &delta);
        self.blame(entry.shard, &entry.owner, entry.blocker, 0);
    }
}

impl<'a> Entry<'a> {
    /// Prepares the hold to be timed, and the schedule that follows.
    fn time_hold(&mut self, done: u64) {
        let weight = self.record.next_weight.load(Relaxed);
        self.next = Some(with_rng(&self.shard.rng, |rng| {
            Schedule::after(done + 1, self.control, rng)
        }));
        self.hold_weight = weight;
        self.take_pending();
    }

    /// Takes a node, if there is none yet and the pool has one.
    fn take_pending(&mut self) {
        if self.pending.is_none() {
            self.pending = self.shard.pool.take(self.record);
            if let Some(pending) = self.pending {
                pending.hold_weight.store(self.hold_weight, Relaxed);
            }
        }
    }
}
