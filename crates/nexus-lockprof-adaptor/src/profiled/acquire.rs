//! Acquiring: the common case inline, the rest out of line.

use super::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::Host;
use nexus_lockprof_engine::adaptor::{Hit, HoldMode, LOOKS, Probe, SiteKey, Ticket, pauses};
use std::hint::spin_loop;
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

/// How far an acquisition got before the cold path.
#[derive(Clone, Copy)]
enum Tried {
    No,
    /// Found the lock taken, at this clock reading (ticks) if it was timed.
    Taken(Option<u64>),
}

impl<R, H: Host> Profiled<R, H> {
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
                    return Ok(self.count(key, hit, inner));
                }
                self.acquire_taken(key, hit, free, try_, block)
            }
            Probe::Off => block(&self.raw).map(ProfiledGuard::untracked),
            Probe::Time(hit) => self.acquire_timed(key, hit, free, try_, block),
            Probe::Cold => self.acquire_unknown(key, free, try_, block),
        }
    }

    /// Counts and publishes an untimed acquisition that succeeded at the first try.
    #[inline(always)]
    fn count<G>(&self, key: SiteKey, hit: Hit<'_>, inner: G) -> ProfiledGuard<G> {
        // SAFETY: the callers got the hit just now, in this thread, and have only tried this lock
        // since.
        unsafe { hit.commit() };
        self.publish(key);
        ProfiledGuard::untracked(inner)
    }

    /// An acquisition whose point missed the cache at the first probe.
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
        let Some(mut moment) = hit.moment(&self.host) else {
            return self.acquire_cold(key, Tried::Taken(None), free, try_, block);
        };
        match self.look_again(&free, &try_, |holder| moment.meets(holder)) {
            Looked::Owned(inner) => {
                // SAFETY: this thread got it, and has only watched this lock since.
                unsafe { moment.acquired() };
                self.publish(key);
                Ok(ProfiledGuard::untracked(inner))
            }
            Looked::Taken => {
                let (since, holder) = moment.so_far();
                self.acquire_parked(key, since, holder, block)
            }
            Looked::Unknown => {
                let (since, _) = moment.so_far();
                self.acquire_cold(key, Tried::Taken(since), free, try_, block)
            }
        }
    }

    /// Spins for a short time, without writing to the lock or giving up the processor.
    ///
    /// `meets` receives the holder that the lock publishes, and returns whether to go on. It is not
    /// called at once, because the winner of a race publishes itself just after it wins. It is
    /// called after the first pauses, and again before each try, since the lock may have changed
    /// hands.
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
            // Acquire fence: a holder publishes itself before it releases, so a release seen here
            // makes its publication visible. Pairs with the raw lock's release.
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
        let Some(core) = self.host.core() else {
            return block(&self.raw).map(ProfiledGuard::untracked);
        };
        let mut ticket = self.ticket(core, key);
        ticket.contended(since);
        ticket.meets(holder);
        self.park(key, ticket, block)
    }

    #[inline]
    fn park<G, E>(
        &self,
        key: SiteKey,
        mut ticket: Ticket<'_>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        ticket.parks(self.lock_ref());
        match block(&self.raw) {
            Ok(inner) => {
                ticket.succeeds(self.holder());
                let stamp = ticket.acquired();
                self.publish(key);
                Ok(ProfiledGuard::new(inner, stamp))
            }
            Err(timed_out) => {
                ticket.timed_out(self.holder());
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

    /// On failure, tells whether the lock was found taken, or not tried at all.
    #[inline(always)]
    fn try_timed<'a, G>(
        &'a self,
        key: SiteKey,
        hit: Hit<'a>,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Result<ProfiledGuard<G>, bool> {
        // SAFETY: this thread got the hit just now, from this host.
        let timing = self
            .host
            .core()
            .and_then(|core| unsafe { core.timing(self.host.mine(), hit) });
        let Some(timing) = timing else {
            return Err(false);
        };
        let Some(inner) = try_(&self.raw) else {
            timing.abandoned();
            return Err(true);
        };
        let stamp = timing.acquired();
        self.publish(key);
        Ok(ProfiledGuard::new(inner, stamp))
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
        let Some(core) = self.host.core() else {
            return block(&self.raw).map(ProfiledGuard::untracked);
        };
        let mut ticket = self.ticket(core, key);
        let since = match tried {
            Tried::Taken(since) => since,
            Tried::No => match try_(&self.raw) {
                Some(inner) => {
                    let stamp = ticket.acquired();
                    self.publish(key);
                    return Ok(ProfiledGuard::new(inner, stamp));
                }
                None => None,
            },
        };
        ticket.contended(since);
        let mut met = None;
        let looked = self.look_again(&free, &try_, |holder| {
            if met != Some(holder) {
                met = Some(holder);
                ticket.meets(holder);
            }
            true
        });
        if let Looked::Owned(inner) = looked {
            let stamp = ticket.acquired();
            self.publish(key);
            return Ok(ProfiledGuard::new(inner, stamp));
        }
        self.park(key, ticket, block)
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
        if let Some(core) = self.host.core() {
            self.try_ticket(core, key).try_failed();
        }
    }

    #[cold]
    #[inline(never)]
    fn try_acquire_cold<G>(
        &self,
        key: SiteKey,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Option<ProfiledGuard<G>> {
        let Some(core) = self.host.core() else {
            return try_(&self.raw).map(ProfiledGuard::untracked);
        };
        let ticket = self.try_ticket(core, key);
        let Some(inner) = try_(&self.raw) else {
            ticket.try_failed();
            return None;
        };
        let stamp = ticket.acquired();
        self.publish(key);
        Some(ProfiledGuard::new(inner, stamp))
    }
}
