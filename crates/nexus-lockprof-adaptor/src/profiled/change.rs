//! Changes of a held lock: to another mode, or a release and re-acquisition in one call.
//!
//! Each ends one acquisition and begins another. All of it runs inside the critical section.

use super::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::EngineRef;
use nexus_lockprof_engine::adaptor::{
    EarlyReading, HoldMode, HolderWord, PendingRef, Probe, SiteKey, WaitKind,
};
use std::panic::Location;
use std::sync::atomic::Ordering::Relaxed;

impl<R, H: EngineRef> Profiled<R, H> {
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
        let pending_ref = unsafe { self.held_on(key, before) };
        ProfiledGuard::new(inner, pending_ref)
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
                let pending_ref = unsafe {
                    self.hold_ends(&before);
                    self.held_on(key, before)
                };
                Ok(ProfiledGuard::new(inner, pending_ref))
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
    ) -> Result<ProfiledGuard<X>, (E, PendingRef)> {
        let key = SiteKey::new(site, HoldMode::Exclusive);
        let (inner, before) = guard.into_parts();
        match try_(&self.raw, inner) {
            Ok(inner) => {
                // SAFETY: the caller upholds this function's contract.
                let pending_ref = unsafe {
                    self.hold_ends(&before);
                    self.held_after_wait(key, before)
                };
                Ok(ProfiledGuard::new(inner, pending_ref))
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
        before: PendingRef,
        block: impl FnOnce(&R) -> Result<X, E>,
    ) -> Result<ProfiledGuard<X>, (E, PendingRef)> {
        let Some(core) = self.engine.core() else {
            return match block(&self.raw) {
                Ok(inner) => Ok(ProfiledGuard::new(inner, before)),
                Err(inner) => Err((inner, before)),
            };
        };
        let mut slow = self.slow_acquire(core, key);
        slow.contended(None);
        slow.meets_readers();
        slow.ends_by(WaitKind::Upgrade);
        slow.parks(self.lock_ref(), &self.holder);
        match block(&self.raw) {
            Ok(inner) => {
                slow.waits_no_more();
                self.publish(key);
                // SAFETY: the caller upholds the contract; this lock keeps its engine alive.
                let pending_ref = unsafe {
                    core.hold_ends(&before, self.lock_ref());
                    slow.follows(&before);
                    slow.acquired_after(before)
                };
                Ok(ProfiledGuard::new(inner, pending_ref))
            }
            Err(inner) => {
                // The readers still hold it. The last one to publish itself may be this very
                // thread.
                slow.timed_out(HolderWord::NOBODY);
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
        let (inner, pending_ref) = guard.parts_mut();
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.hold_ends(pending_ref) };
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
        *pending_ref = unsafe { self.held_after_wait(key, std::mem::take(pending_ref)) };
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
        let (inner, pending_ref) = guard.parts_mut();
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.hold_ends(pending_ref) };
        let mine = self.holder.load(Relaxed);
        self.holder.store(0, Relaxed);
        bump(&self.raw, inner);
        match self.holder() {
            None => self.holder.store(mine, Relaxed),
            Some(between) => {
                let key = SiteKey::new(site, HoldMode::Exclusive);
                self.publish(key);
                if let Some(core) = self.engine.core() {
                    let mut slow = self.slow_try_acquire(core, key);
                    slow.yielded_to(between);
                    // SAFETY: the caller upholds the contract; this lock keeps its engine alive.
                    unsafe {
                        slow.follows(pending_ref);
                        *pending_ref = slow.acquired_after(std::mem::take(pending_ref));
                    }
                }
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
    pub unsafe fn held_on(&self, key: SiteKey, before: PendingRef) -> PendingRef {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.held_on_by::<false>(key, before) }
    }

    /// [`held_on`](Self::held_on) after a change that may have waited. Signal handlers make no such
    /// change, so this may create a new point.
    ///
    /// # Safety
    /// As for [`held_on`](Self::held_on).
    #[inline(always)]
    pub unsafe fn held_after_wait(&self, key: SiteKey, before: PendingRef) -> PendingRef {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.held_on_by::<true>(key, before) }
    }

    #[inline(always)]
    unsafe fn held_on_by<const WAITS: bool>(&self, key: SiteKey, before: PendingRef) -> PendingRef {
        if before.is_none() {
            match self.probe(key) {
                Probe::Off => return before,
                Probe::Count(hit) => {
                    let published = hit.published();
                    // SAFETY: this thread got the hit just now.
                    unsafe { hit.commit() };
                    self.publish_word(published);
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
    unsafe fn held_on_cold<const WAITS: bool>(
        &self,
        key: SiteKey,
        before: PendingRef,
    ) -> PendingRef {
        let Some(core) = self.engine.core() else {
            return before;
        };
        let mut slow = if WAITS {
            self.slow_acquire_after_wait(core, key)
        } else {
            self.slow_try_acquire(core, key)
        };
        self.publish(key);
        // SAFETY: the caller upholds the contract; this lock keeps its engine alive.
        unsafe {
            slow.follows(&before);
            slow.acquired_after(before)
        }
    }

    /// Notes the end of a hold that is not a release.
    ///
    /// # Safety
    /// `pending_ref` must belong to a live acquisition, of this lock or of another one on the same
    /// engine.
    #[inline(always)]
    pub unsafe fn hold_ends(&self, pending_ref: &PendingRef) {
        if !pending_ref.is_none() {
            let end = EarlyReading::now();
            // SAFETY: the caller upholds this function's contract.
            unsafe { self.measured_hold_ends(pending_ref.to_look_at(), end) };
        }
    }

    /// # Safety
    /// As for [`hold_ends`](Self::hold_ends).
    #[inline(never)]
    unsafe fn measured_hold_ends(&self, pending_ref: PendingRef, end: EarlyReading) {
        if let Some(core) = self.engine.core() {
            // SAFETY: the caller upholds the contract; this lock keeps its engine alive.
            unsafe { core.hold_ended(&pending_ref, self.lock_ref(), end) };
        }
    }
}
