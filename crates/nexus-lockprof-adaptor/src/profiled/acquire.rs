//! Acquiring: the common case inline, the rest out of line.

mod nested;

use super::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::EngineRef;
use nexus_lockprof_engine::adaptor::{
    HeldBy, Hit, HoldMode, LOOKS, OwnShard, Probe, SiteKey, SlowAcquire, WaitKind, has_yielded,
    wait_before,
};
use std::panic::Location;
use std::sync::atomic::{Ordering::Acquire, fence};

/// The result of spinning.
enum Looked<G> {
    Owned(G),
    /// The lock is still taken.
    Taken,
    /// The lock publishes a holder that must be looked up.
    Unknown,
}

/// How an acquisition went that is timed in `Exact` mode.
enum TriedExact<'a, G> {
    Owned(ProfiledGuard<G>),
    /// The lock is taken.
    Taken,
    /// The lock was not tried: this is another kind of acquisition.
    Otherwise(Hit<'a>),
}

/// An observation of a spinning thread.
#[derive(Clone, Copy)]
enum Seen {
    /// It gave up its processor and has it again, so any time may have passed.
    Yielded,
    /// The holder that the lock publishes.
    Holder(Option<SiteKey>),
}

/// How far an acquisition got before the cold path.
#[derive(Clone, Copy)]
enum Tried {
    No,
    /// Found the lock taken, at this clock reading (ticks) if it was timed.
    Taken(Option<u64>),
}

impl<R, H: EngineRef> Profiled<R, H> {
    /// An acquisition that waits if necessary. `try_` does not wait; `block` waits until it owns
    /// the lock or gives up. `free` says, without writing to the lock, whether a try is worthwhile.
    ///
    /// `block` may unwind. `try_` should not: the thread would lose what it kept to time the
    /// acquisition.
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
                    return Ok(self.count(hit, inner));
                }
                self.acquire_taken(key, hit, free, try_, block)
            }
            Probe::Off => block(&self.raw).map(ProfiledGuard::untracked),
            Probe::Time(hit) => {
                // Here, where the thread's own cache is at hand.
                let own = self.engine.own_shard();
                self.acquire_timed(key, hit, own, free, try_, block)
            }
            Probe::Cold => self.acquire_cold(key, Tried::No, free, try_, block),
        }
    }

    /// Counts and publishes an untimed acquisition that succeeded at the first try.
    #[inline(always)]
    fn count<G>(&self, hit: Hit<'_>, inner: G) -> ProfiledGuard<G> {
        let published = hit.published();
        // SAFETY: the callers got the hit just now, in this thread, and have only tried this lock
        // since.
        unsafe { hit.commit() };
        self.publish_word(published);
        ProfiledGuard::untracked(inner)
    }

    /// An untimed acquisition that found the lock taken.
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
        let looked = self.look_again(&free, &try_, |seen| match seen {
            Seen::Yielded => !short_wait.is_long(),
            Seen::Holder(holder) => short_wait.meets(holder),
        });
        match looked {
            Looked::Owned(inner) => {
                // SAFETY: this thread got it, and has only watched this lock since.
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

    /// Spins for a short time, without writing to the lock.
    ///
    /// `goes_on` returns whether to go on after what is seen. The holder that the lock publishes is
    /// not shown at once, because the winner of a race publishes itself just after it wins. It is
    /// shown at the first look, and again before each try, since the lock may have changed hands.
    #[inline(always)]
    fn look_again<G>(
        &self,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        mut goes_on: impl FnMut(Seen) -> bool,
    ) -> Looked<G> {
        for look in 0..LOOKS {
            wait_before(look);
            if has_yielded(look) && !goes_on(Seen::Yielded) {
                return Looked::Taken;
            }
            let is_free = free(&self.raw);
            if !is_free && look != 0 {
                continue;
            }
            // Acquire fence: a holder publishes itself before it releases, so a release seen here
            // makes its publication visible. Pairs with the raw lock's release.
            fence(Acquire);
            if !goes_on(Seen::Holder(self.holder())) {
                return Looked::Unknown;
            }
            if is_free && let Some(inner) = try_(&self.raw) {
                return Looked::Owned(inner);
            }
        }
        Looked::Taken
    }

    /// Parks after spinning long enough. This is a long wait since `since`, and it met `holder`.
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
        // Its error has a value, so it can fail.
        if size_of::<Result<(), E>>() != 0 {
            slow.ends_by(WaitKind::Limited);
        }
        slow.parks(self.lock_ref(), &self.holder);
        match block(&self.raw) {
            Ok(inner) => {
                slow.succeeds(self.holder_word());
                self.publish(key);
                let pending_ref = slow.acquired();
                Ok(ProfiledGuard::new(inner, pending_ref))
            }
            Err(timed_out) => {
                slow.timed_out(self.holder_word());
                Err(timed_out)
            }
        }
    }

    /// A timed acquisition; usually it is uncontended.
    #[inline(never)]
    fn acquire_timed<G, E>(
        &self,
        key: SiteKey,
        hit: Hit<'_>,
        own: Option<OwnShard<'_>>,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        match self.try_exact::<true, _>(hit, own.as_ref(), &try_) {
            TriedExact::Owned(guard) => Ok(guard),
            TriedExact::Taken => self.acquire_cold(key, Tried::Taken(None), free, try_, block),
            TriedExact::Otherwise(hit) => {
                self.acquire_timed_otherwise(key, hit, own, free, try_, block)
            }
        }
    }

    /// A timed acquisition that is not of the usual kind in `Exact` mode.
    #[inline(never)]
    fn acquire_timed_otherwise<G, E>(
        &self,
        key: SiteKey,
        hit: Hit<'_>,
        own: Option<OwnShard<'_>>,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        let hit = match self.try_exact::<false, _>(hit, own.as_ref(), &try_) {
            TriedExact::Owned(guard) => return Ok(guard),
            TriedExact::Taken => {
                return self.acquire_cold(key, Tried::Taken(None), free, try_, block);
            }
            TriedExact::Otherwise(hit) => hit,
        };
        if own.as_ref().is_some_and(OwnShard::holds_some) {
            return self.acquire_nested(key, hit, free, try_, block);
        }
        match self.try_timed(own, hit, HeldBy::Thread(self.lock_ref()), &try_) {
            Ok(guard) => Ok(guard),
            Err(true) => self.acquire_cold(key, Tried::Taken(None), free, try_, block),
            Err(false) => self.acquire_cold(key, Tried::No, free, try_, block),
        }
    }

    /// `BY_COUNTER`: with a clock that is the processor's counter, or else only with another one.
    #[inline(always)]
    fn try_exact<'a, const BY_COUNTER: bool, G>(
        &'a self,
        hit: Hit<'a>,
        own: Option<&OwnShard<'a>>,
        try_: impl Fn(&R) -> Option<G>,
    ) -> TriedExact<'a, G> {
        let Some(core) = self.engine.core() else {
            return TriedExact::Otherwise(hit);
        };
        // SAFETY: this thread got the hit just now, from this engine.
        let exact = unsafe { core.exact_acquire::<BY_COUNTER>(own, hit, self.lock_ref()) };
        let exact = match exact {
            Ok(exact) => exact,
            Err(hit) => return TriedExact::Otherwise(hit),
        };
        let Some(inner) = try_(&self.raw) else {
            exact.abandoned();
            return TriedExact::Taken;
        };
        self.publish_word(exact.published());
        let pending_ref = exact.acquired();
        TriedExact::Owned(ProfiledGuard::new(inner, pending_ref))
    }

    /// On failure, tells whether the lock was found taken, or not tried at all.
    #[inline(always)]
    fn try_timed<'a, G>(
        &'a self,
        own: Option<OwnShard<'a>>,
        hit: Hit<'a>,
        held_by: HeldBy,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Result<ProfiledGuard<G>, bool> {
        // SAFETY: this thread got the hit just now, from this engine.
        let timed = self
            .engine
            .core()
            .and_then(|core| unsafe { core.timed_acquire(own, hit, held_by) });
        let Some(timed) = timed else {
            return Err(false);
        };
        let Some(inner) = try_(&self.raw) else {
            timed.abandoned();
            return Err(true);
        };
        self.publish_word(timed.published());
        let pending_ref = timed.acquired();
        Ok(ProfiledGuard::new(inner, pending_ref))
    }

    /// An acquisition on the cold path. If the lock was already found taken this is a contention,
    /// even if the lock is free by now.
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
                    self.publish(key);
                    let pending_ref = slow.acquired();
                    return Ok(ProfiledGuard::new(inner, pending_ref));
                }
                None => None,
            },
        };
        slow.contended(since);
        let mut met = None;
        let looked = self.look_again(&free, &try_, |seen| match seen {
            Seen::Yielded => !slow.is_long(),
            Seen::Holder(holder) => {
                if met != Some(holder) {
                    met = Some(holder);
                    slow.meets(holder);
                }
                true
            }
        });
        if let Looked::Owned(inner) = looked {
            self.publish(key);
            let pending_ref = slow.acquired();
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
                    return Some(self.count(hit, inner));
                }
                self.try_failed(key);
                None
            }
            Probe::Off => try_(&self.raw).map(ProfiledGuard::untracked),
            Probe::Time(hit) => {
                // Here, where the thread's own cache is at hand.
                let own = self.engine.own_shard();
                self.try_acquire_timed(key, hit, own, try_)
            }
            Probe::Cold => self.try_acquire_cold(key, try_),
        }
    }

    #[inline(never)]
    fn try_acquire_timed<G>(
        &self,
        key: SiteKey,
        hit: Hit<'_>,
        own: Option<OwnShard<'_>>,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Option<ProfiledGuard<G>> {
        match self.try_exact::<true, _>(hit, own.as_ref(), &try_) {
            TriedExact::Owned(guard) => Some(guard),
            TriedExact::Taken => {
                self.try_failed(key);
                None
            }
            TriedExact::Otherwise(hit) => self.try_acquire_timed_otherwise(key, hit, own, try_),
        }
    }

    #[inline(never)]
    fn try_acquire_timed_otherwise<G>(
        &self,
        key: SiteKey,
        hit: Hit<'_>,
        own: Option<OwnShard<'_>>,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Option<ProfiledGuard<G>> {
        let hit = match self.try_exact::<false, _>(hit, own.as_ref(), &try_) {
            TriedExact::Owned(guard) => return Some(guard),
            TriedExact::Taken => {
                self.try_failed(key);
                return None;
            }
            TriedExact::Otherwise(hit) => hit,
        };
        if own.as_ref().is_some_and(OwnShard::holds_some) {
            return self.try_acquire_nested(key, hit, try_);
        }
        match self.try_timed(own, hit, HeldBy::Thread(self.lock_ref()), &try_) {
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
        self.publish(key);
        let pending_ref = slow.acquired();
        Some(ProfiledGuard::new(inner, pending_ref))
    }
}
