//! Acquiring: the usual case inline, and what else can happen out of line.

use super::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::EngineRef;
use nexus_lockprof_engine::adaptor::{Hit, HoldMode, LOOKS, Probe, SiteKey, SlowAcquire, pauses};
use std::hint::spin_loop;
use std::panic::Location;
use std::sync::atomic::{Ordering::Acquire, fence};

/// The result of looking again.
enum Looked<G> {
    Owned(G),
    /// Not by looking.
    Taken,
    /// The lock publishes somebody who must be looked up.
    Unknown,
}

/// How far an acquisition got before it went to the cold path.
#[derive(Clone, Copy)]
enum Tried {
    No,
    /// The lock was found taken, at these clock ticks if they were read.
    Taken(Option<u64>),
}

impl<R, H: EngineRef> Profiled<R, H> {
    /// An acquisition that waits if it has to: `try_` without waiting, `block` until it is owned or given up. `free`
    /// says, without writing to the lock, whether it is worth trying.
    ///
    /// `block` may unwind. `try_` should not: what is kept to time it is then lost to its thread.
    #[inline(always)]
    pub fn acquire<G, E>(
        &self,
        site: &'static Location<'static>,
        mode: HoldMode,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        let key = SiteKey::new(site, mode);
        match self.probe(key) {
            Probe::Count(hit) => {
                if let Some(inner) = try_(&self.raw) {
                    return Ok(self.count(key, hit, inner));
                }
                self.acquire_taken(key, hit, free, try_, block)
            }
            Probe::Off => block(&self.raw).map(ProfiledGuard::untracked),
            Probe::Time(hit) => self.acquire_timed(key, hit, free, try_, block),
            Probe::Cold => self.acquire_unknown(key, free, try_, block),
        }
    }

    /// The lock was got at the first try, and the acquisition is not timed: counts and publishes it.
    #[inline(always)]
    fn count<G>(&self, key: SiteKey, hit: Hit<'_>, inner: G) -> ProfiledGuard<G> {
        // SAFETY: the callers got the hit just now, in this thread, and have done nothing since but try this lock.
        unsafe { hit.commit() };
        self.publish(key);
        ProfiledGuard::untracked(inner)
    }

    /// One that the cache does not know at the first look.
    #[cold]
    #[inline(never)]
    fn acquire_unknown<G, E>(
        &self,
        key: SiteKey,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        match self.probe_second(key) {
            Probe::Count(hit) => {
                if let Some(inner) = try_(&self.raw) {
                    return Ok(self.count(key, hit, inner));
                }
                self.acquire_taken(key, hit, free, try_, block)
            }
            Probe::Time(hit) => self.acquire_timed(key, hit, free, try_, block),
            Probe::Off | Probe::Cold => self.acquire_cold(key, Tried::No, free, try_, block),
        }
    }

    /// One that is not timed, and found the lock taken.
    #[cold]
    #[inline(never)]
    fn acquire_taken<G, E>(
        &self,
        key: SiteKey,
        hit: Hit<'_>,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        let Some(mut short_wait) = hit.short_wait(&self.engine) else {
            return self.acquire_cold(key, Tried::Taken(None), free, try_, block);
        };
        match self.look_again(&free, &try_, |holder| short_wait.meets(holder)) {
            Looked::Owned(inner) => {
                // SAFETY: got by this thread, which has done nothing since but look at this lock.
                unsafe { short_wait.acquired() };
                self.publish(key);
                Ok(ProfiledGuard::untracked(inner))
            }
            Looked::Taken => {
                let (since, holder) = short_wait.so_far();
                self.acquire_parked(key, since, holder, block)
            }
            Looked::Unknown => {
                let (since, _) = short_wait.so_far();
                self.acquire_cold(key, Tried::Taken(since), free, try_, block)
            }
        }
    }

    /// Waits for a moment, without writing to the lock or giving the processor up.
    ///
    /// `meets` is told who the lock publishes: not at once, since the winner of a race publishes itself just after it has won, but
    /// after the first pauses, and again before each try, since the lock may have gone on to others. It says whether to go on.
    #[inline(always)]
    fn look_again<G>(
        &self,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        mut meets: impl FnMut(Option<SiteKey>) -> bool,
    ) -> Looked<G> {
        for look in 0..LOOKS {
            for _ in 0..pauses(look) {
                spin_loop();
            }
            let is_free = free(&self.raw);
            if !is_free && look != 0 {
                continue;
            }
            // Acquire fence: whoever is seen to have released the lock had published itself; pairs with the raw lock's release.
            fence(Acquire);
            if !meets(self.holder()) {
                return Looked::Unknown;
            }
            if is_free && let Some(inner) = try_(&self.raw) {
                return Looked::Owned(inner);
            }
        }
        Looked::Taken
    }

    /// One that has looked long enough: it is a long wait, since `since`, and has met `holder`.
    #[cold]
    #[inline(never)]
    fn acquire_parked<G, E>(
        &self,
        key: SiteKey,
        since: Option<u64>,
        holder: Option<SiteKey>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        let Some(core) = self.engine.core() else {
            return block(&self.raw).map(ProfiledGuard::untracked);
        };
        let mut slow = self.slow_acquire(core, key);
        slow.contended(since);
        slow.meets(holder);
        self.park(key, slow, block)
    }

    #[inline]
    fn park<G, E>(
        &self,
        key: SiteKey,
        mut slow: SlowAcquire<'_>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        slow.parks(self.lock_ref());
        match block(&self.raw) {
            Ok(inner) => {
                slow.succeeds(self.holder());
                let pending_ref = slow.acquired();
                self.publish(key);
                Ok(ProfiledGuard::new(inner, pending_ref))
            }
            Err(timed_out) => {
                slow.timed_out(self.holder());
                Err(timed_out)
            }
        }
    }

    /// One that is timed: in the usual case it is not contended.
    #[inline(never)]
    fn acquire_timed<G, E>(
        &self,
        key: SiteKey,
        hit: Hit<'_>,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        match self.try_timed(key, hit, &try_) {
            Ok(guard) => Ok(guard),
            Err(true) => self.acquire_cold(key, Tried::Taken(None), free, try_, block),
            Err(false) => self.acquire_cold(key, Tried::No, free, try_, block),
        }
    }

    /// Fails with whether the lock was found taken, or not even tried.
    #[inline(always)]
    fn try_timed<'a, G>(
        &'a self,
        key: SiteKey,
        hit: Hit<'a>,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Result<ProfiledGuard<G>, bool> {
        // SAFETY: the hit was got just now, by this thread, from this engine.
        let timed = self
            .engine
            .core()
            .and_then(|core| unsafe { core.timed_acquire(self.engine.own_shard(), hit) });
        let Some(timed) = timed else {
            return Err(false);
        };
        let Some(inner) = try_(&self.raw) else {
            timed.abandoned();
            return Err(true);
        };
        let pending_ref = timed.acquired();
        self.publish(key);
        Ok(ProfiledGuard::new(inner, pending_ref))
    }

    /// If it was found taken already it is a contention, also if it is free again by now.
    #[cold]
    #[inline(never)]
    fn acquire_cold<G, E>(
        &self,
        key: SiteKey,
        tried: Tried,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        let Some(core) = self.engine.core() else {
            return block(&self.raw).map(ProfiledGuard::untracked);
        };
        let mut slow = self.slow_acquire(core, key);
        let since = match tried {
            Tried::Taken(since) => since,
            Tried::No => match try_(&self.raw) {
                Some(inner) => {
                    let pending_ref = slow.acquired();
                    self.publish(key);
                    return Ok(ProfiledGuard::new(inner, pending_ref));
                }
                None => None,
            },
        };
        slow.contended(since);
        let mut met = None;
        let looked = self.look_again(&free, &try_, |holder| {
            if met != Some(holder) {
                met = Some(holder);
                slow.meets(holder);
            }
            true
        });
        if let Looked::Owned(inner) = looked {
            let pending_ref = slow.acquired();
            self.publish(key);
            return Ok(ProfiledGuard::new(inner, pending_ref));
        }
        self.park(key, slow, block)
    }

    /// An acquisition that does not wait.
    #[inline(always)]
    pub fn try_acquire<G>(
        &self,
        site: &'static Location<'static>,
        mode: HoldMode,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Option<ProfiledGuard<G>> {
        let key = SiteKey::new(site, mode);
        match self.probe(key) {
            Probe::Count(hit) => {
                if let Some(inner) = try_(&self.raw) {
                    return Some(self.count(key, hit, inner));
                }
                self.try_failed(key);
                return None;
            }
            Probe::Off => return try_(&self.raw).map(ProfiledGuard::untracked),
            Probe::Time(hit) => return self.try_acquire_timed(key, hit, try_),
            Probe::Cold => {}
        }
        self.try_acquire_unknown(key, try_)
    }

    #[cold]
    #[inline(never)]
    fn try_acquire_unknown<G>(
        &self,
        key: SiteKey,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Option<ProfiledGuard<G>> {
        match self.probe_second(key) {
            Probe::Count(hit) => {
                let Some(inner) = try_(&self.raw) else {
                    self.try_failed(key);
                    return None;
                };
                Some(self.count(key, hit, inner))
            }
            Probe::Time(hit) => self.try_acquire_timed(key, hit, try_),
            Probe::Off | Probe::Cold => self.try_acquire_cold(key, try_),
        }
    }

    #[inline(never)]
    fn try_acquire_timed<G>(
        &self,
        key: SiteKey,
        hit: Hit<'_>,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Option<ProfiledGuard<G>> {
        match self.try_timed(key, hit, &try_) {
            Ok(guard) => Some(guard),
            Err(true) => {
                self.try_failed(key);
                None
            }
            Err(false) => self.try_acquire_cold(key, try_),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn try_failed(&self, key: SiteKey) {
        if let Some(core) = self.engine.core() {
            self.slow_try_acquire(core, key).try_failed();
        }
    }

    #[cold]
    #[inline(never)]
    fn try_acquire_cold<G>(
        &self,
        key: SiteKey,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Option<ProfiledGuard<G>> {
        let Some(core) = self.engine.core() else {
            return try_(&self.raw).map(ProfiledGuard::untracked);
        };
        let slow = self.slow_try_acquire(core, key);
        let Some(inner) = try_(&self.raw) else {
            slow.try_failed();
            return None;
        };
        let pending_ref = slow.acquired();
        self.publish(key);
        Some(ProfiledGuard::new(inner, pending_ref))
    }
}
