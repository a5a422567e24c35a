//! Changes of a held lock: to another mode, or a release and re-acquisition in one call.
//!
//! Each ends one acquisition and begins another. All of it runs inside the critical section.

use super::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::Host;
use nexus_lockprof_engine::adaptor::{HoldMode, Probe, SiteKey, Stamp};
use std::panic::Location;
use std::sync::atomic::Ordering::Relaxed;

impl<R, H: Host> Profiled<R, H> {
    /// Changes the mode with `change`, which does not wait and cannot fail. Ends one hold, and
    /// begins an acquisition in `mode`.
    ///
    /// # Safety
    /// `guard` must be the state of a live acquisition, of this lock or of another one on the same
    /// engine.
    #[inline(always)]
    pub unsafe fn change_with<G, T>(
        &self,
        site: &'static Location<'static>,
        mode: HoldMode,
        guard: ProfiledGuard<G>,
        change: impl FnOnce(&R, G) -> T,
    ) -> ProfiledGuard<T> {
        let (inner, before) = guard.into_parts();
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.hold_ends(&before) };
        let inner = change(&self.raw, inner);
        let key = SiteKey::new(site, mode);
        // SAFETY: the caller upholds this function's contract.
        let stamp = unsafe { self.held_on(key, before) };
        ProfiledGuard::new(inner, stamp)
    }

    /// An upgrade that does not wait.
    ///
    /// # Errors
    /// The upgradable state, if `try_` returned it.
    ///
    /// # Safety
    /// `guard` must be the state of a live acquisition, of this lock or of another one on the same
    /// engine.
    #[inline(always)]
    pub unsafe fn try_upgrade_with<U, X>(
        &self,
        site: &'static Location<'static>,
        guard: ProfiledGuard<U>,
        try_: impl FnOnce(&R, U) -> Result<X, U>,
    ) -> Result<ProfiledGuard<X>, ProfiledGuard<U>> {
        let key = SiteKey::new(site, HoldMode::Exclusive);
        let (inner, before) = guard.into_parts();
        match try_(&self.raw, inner) {
            Ok(inner) => {
                // SAFETY: the caller upholds this function's contract.
                let stamp = unsafe {
                    self.hold_ends(&before);
                    self.held_on(key, before)
                };
                Ok(ProfiledGuard::new(inner, stamp))
            }
            Err(inner) => {
                self.try_failed(key);
                Err(ProfiledGuard::new(inner, before))
            }
        }
    }

    /// An upgrade that waits if necessary. The wait belongs to the new acquisition; the upgradable
    /// hold continues during it.
    ///
    /// On failure `block` returns what became of the upgradable state: the state itself, or nothing
    /// if it cannot fail.
    ///
    /// # Safety
    /// `guard` must be the state of a live acquisition, of this lock or of another one on the same
    /// engine.
    #[inline]
    pub unsafe fn upgrade_with<U, X, E>(
        &self,
        site: &'static Location<'static>,
        guard: ProfiledGuard<U>,
        try_: impl FnOnce(&R, U) -> Result<X, U>,
        block: impl FnOnce(&R, U) -> Result<X, E>,
    ) -> Result<ProfiledGuard<X>, (E, Stamp)> {
        let key = SiteKey::new(site, HoldMode::Exclusive);
        let (inner, before) = guard.into_parts();
        match try_(&self.raw, inner) {
            Ok(inner) => {
                // SAFETY: the caller upholds this function's contract.
                let stamp = unsafe {
                    self.hold_ends(&before);
                    self.held_after_wait(key, before)
                };
                Ok(ProfiledGuard::new(inner, stamp))
            }
            // SAFETY: the caller upholds this function's contract.
            Err(inner) => unsafe { self.upgrade_contended(key, before, |raw| block(raw, inner)) },
        }
    }

    /// # Safety
    /// `before` must belong to a live acquisition, of this lock or of another one on the same
    /// engine.
    #[cold]
    #[inline(never)]
    unsafe fn upgrade_contended<X, E>(
        &self,
        key: SiteKey,
        before: Stamp,
        block: impl FnOnce(&R) -> Result<X, E>,
    ) -> Result<ProfiledGuard<X>, (E, Stamp)> {
        let Some(core) = self.host.core() else {
            return match block(&self.raw) {
                Ok(inner) => Ok(ProfiledGuard::new(inner, before)),
                Err(inner) => Err((inner, before)),
            };
        };
        let mut ticket = self.ticket(core, key);
        ticket.contended(None);
        ticket.meets_readers();
        ticket.parks(self.lock_ref());
        match block(&self.raw) {
            Ok(inner) => {
                // SAFETY: the caller upholds the contract; this lock's host keeps the engine alive.
                let stamp = unsafe {
                    core.hold_ends(&before, self.lock_ref());
                    ticket.follows(&before);
                    ticket.acquired_after(before)
                };
                self.publish(key);
                Ok(ProfiledGuard::new(inner, stamp))
            }
            Err(inner) => {
                // The readers still hold it. The last one to publish itself may be this very
                // thread.
                ticket.timed_out(None);
                Err((inner, before))
            }
        }
    }

    /// Calls `wait`, which releases the mutex, sleeps and re-acquires it. Ends the hold, and begins
    /// a new acquisition at `site`, or where this one was made.
    ///
    /// The time in between is neither wait nor hold. The re-acquisition's own wait for the mutex
    /// cannot be told from sleep, so it is not recorded.
    ///
    /// If `wait` unwinds, it does so with the mutex held, and the acquisition continues unchanged.
    ///
    /// # Safety
    /// `guard` must be the state of the current acquisition of this mutex. `wait` must leave in it
    /// the state of an acquisition of the raw mutex.
    #[inline]
    pub unsafe fn suspended<G, T>(
        &self,
        guard: &mut ProfiledGuard<G>,
        site: Option<&'static Location<'static>>,
        wait: impl FnOnce(&R, &mut G) -> T,
    ) -> T {
        let (inner, stamp) = guard.parts_mut();
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.hold_ends(stamp) };
        // The mutex is held, so this acquisition published itself last.
        let mine = self.holder();
        let out = wait(&self.raw, inner);
        let Some(key) = site
            .map(|site| SiteKey::new(site, HoldMode::Exclusive))
            .or(mine)
        else {
            return out;
        };
        // SAFETY: the caller upholds this function's contract.
        *stamp = unsafe { self.held_after_wait(key, std::mem::take(stamp)) };
        out
    }

    /// `bump` of an exclusive acquisition: yields the lock to a waiter, if there is one.
    ///
    /// This stores 0 as the published holder. If a waiter got the lock, it has published itself
    /// over the 0. Only then is this a release and a new, contended acquisition.
    ///
    /// # Safety
    /// `guard` must be the state of a live acquisition, of this lock or of another one on the same
    /// engine.
    #[inline]
    pub unsafe fn bump_with<G>(
        &self,
        site: &'static Location<'static>,
        guard: &mut ProfiledGuard<G>,
        bump: impl FnOnce(&R, &mut G),
    ) {
        let (inner, stamp) = guard.parts_mut();
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.hold_ends(stamp) };
        let mine = self.holder.load(Relaxed);
        self.holder.store(0, Relaxed);
        bump(&self.raw, inner);
        match self.holder() {
            None => self.holder.store(mine, Relaxed),
            Some(between) => {
                let key = SiteKey::new(site, HoldMode::Exclusive);
                if let Some(core) = self.host.core() {
                    let mut ticket = self.try_ticket(core, key);
                    ticket.yielded_to(between);
                    // SAFETY: the caller upholds the contract; this lock's host keeps the engine
                    // alive.
                    unsafe {
                        ticket.follows(stamp);
                        *stamp = ticket.acquired_after(std::mem::take(stamp));
                    }
                }
                self.publish(key);
            }
        }
    }

    /// Continues the hold as a new acquisition at `key`, after a change that did not wait. The end
    /// of `before`'s hold is already noted.
    ///
    /// This runs inside the critical section. Usually it takes two stores.
    ///
    /// # Safety
    /// `before` must belong to a live acquisition, of this lock or of another one on the same
    /// engine.
    #[inline(always)]
    pub unsafe fn held_on(&self, key: SiteKey, before: Stamp) -> Stamp {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.held_on_by::<false>(key, before) }
    }

    /// [`held_on`](Self::held_on) after a change that may have waited. Signal handlers make no such
    /// change, so this may create a new point.
    ///
    /// # Safety
    /// As for [`held_on`](Self::held_on).
    #[inline(always)]
    pub unsafe fn held_after_wait(&self, key: SiteKey, before: Stamp) -> Stamp {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.held_on_by::<true>(key, before) }
    }

    #[inline(always)]
    unsafe fn held_on_by<const WAITS: bool>(&self, key: SiteKey, before: Stamp) -> Stamp {
        if before.is_none() {
            match self.probe(key) {
                Probe::Off => return before,
                Probe::Count(hit) => {
                    // SAFETY: this thread got the hit just now.
                    unsafe { hit.commit() };
                    self.publish(key);
                    return before;
                }
                Probe::Time(_) | Probe::Cold => {}
            }
        }
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.held_on_cold::<WAITS>(key, before) }
    }

    /// # Safety
    /// As for [`held_on`](Self::held_on).
    #[cold]
    #[inline(never)]
    unsafe fn held_on_cold<const WAITS: bool>(&self, key: SiteKey, before: Stamp) -> Stamp {
        let Some(core) = self.host.core() else {
            return before;
        };
        let mut ticket = if WAITS {
            self.ticket_after_wait(core, key)
        } else {
            self.try_ticket(core, key)
        };
        // SAFETY: the caller upholds the contract; this lock's host keeps the engine alive.
        let stamp = unsafe {
            ticket.follows(&before);
            ticket.acquired_after(before)
        };
        self.publish(key);
        stamp
    }

    /// Notes the end of a hold that is not a release.
    ///
    /// # Safety
    /// `stamp` must belong to a live acquisition, of this lock or of another one on the same
    /// engine.
    #[inline(always)]
    pub unsafe fn hold_ends(&self, stamp: &Stamp) {
        if !stamp.is_none() {
            // SAFETY: the caller upholds this function's contract.
            unsafe { self.measured_hold_ends(stamp.to_look_at()) };
        }
    }

    /// # Safety
    /// As for [`hold_ends`](Self::hold_ends).
    #[inline(never)]
    unsafe fn measured_hold_ends(&self, stamp: Stamp) {
        if let Some(core) = self.host.core() {
            // SAFETY: the caller upholds the contract; this lock's host keeps the engine alive.
            unsafe { core.hold_ends(&stamp, self.lock_ref()) };
        }
    }
}
