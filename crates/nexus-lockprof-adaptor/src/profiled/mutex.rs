//! The mutex traits.

use super::{Profiled, ProfiledGuard, TimedOut};
use lock_api::{RawMutex, RawMutexFair, RawMutexTimed};
use nexus_lockprof_engine::EngineRef;
use nexus_lockprof_engine::adaptor::{HoldMode::Exclusive, LockClass};
use std::convert::Infallible;
use std::panic::Location;

// SAFETY: mutual exclusion, acquire and release are the raw lock's. Each operation here calls the
// raw lock's same operation exactly once, with the matching guard state.
unsafe impl<R: RawMutex, H: EngineRef> RawMutex for Profiled<R, H> {
    // Interior mutability in a const: as in lock_api, each use creates a lock.
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Profiled::with_class(R::INIT, LockClass::anonymous(), H::INIT);

    type Guard = ProfiledGuard<R::Guard>;

    #[inline]
    #[track_caller]
    fn lock(&self) -> Self::Guard {
        self.lock_at(Location::caller())
    }

    #[inline]
    #[track_caller]
    fn try_lock(&self) -> Option<Self::Guard> {
        self.try_lock_at(Location::caller())
    }

    #[inline]
    unsafe fn unlock(&self, guard: Self::Guard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.release(guard, |raw, inner| raw.unlock(inner)) };
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }
}

impl<R: RawMutex, H: EngineRef> Profiled<R, H> {
    /// `lock`, recorded at `site`.
    #[inline(always)]
    pub fn lock_at(&self, site: &'static Location<'static>) -> ProfiledGuard<R::Guard> {
        let Ok(guard) =
            self.acquire::<_, Infallible>(site, Exclusive, is_free, R::try_lock, |raw| {
                Ok(raw.lock())
            });
        guard
    }

    /// `try_lock`, recorded at `site`.
    #[inline(always)]
    pub fn try_lock_at(&self, site: &'static Location<'static>) -> Option<ProfiledGuard<R::Guard>> {
        self.try_acquire(site, Exclusive, R::try_lock)
    }
}

impl<R: RawMutexTimed, H: EngineRef> Profiled<R, H> {
    /// `try_lock_for`, recorded at `site`.
    #[inline]
    pub fn try_lock_for_at(
        &self,
        timeout: R::Duration,
        site: &'static Location<'static>,
    ) -> Option<ProfiledGuard<R::Guard>> {
        self.acquire(site, Exclusive, is_free, R::try_lock, |raw| {
            raw.try_lock_for(timeout).ok_or(TimedOut)
        })
        .ok()
    }

    /// `try_lock_until`, recorded at `site`.
    #[inline]
    pub fn try_lock_until_at(
        &self,
        timeout: R::Instant,
        site: &'static Location<'static>,
    ) -> Option<ProfiledGuard<R::Guard>> {
        self.acquire(site, Exclusive, is_free, R::try_lock, |raw| {
            raw.try_lock_until(timeout).ok_or(TimedOut)
        })
        .ok()
    }
}

// SAFETY: each operation calls the raw lock's same operation once, with the matching guard state.
unsafe impl<R: RawMutexFair, H: EngineRef> RawMutexFair for Profiled<R, H> {
    #[inline]
    unsafe fn unlock_fair(&self, guard: Self::Guard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.release_fair(guard, |raw, inner| raw.unlock_fair(inner)) };
    }

    #[inline]
    #[track_caller]
    unsafe fn bump(&self, guard: &mut Self::Guard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.bump_with(Location::caller(), guard, |raw, inner| raw.bump(inner)) };
    }
}

// SAFETY: each operation calls the raw lock's same operation once, with the matching guard state.
unsafe impl<R: RawMutexTimed, H: EngineRef> RawMutexTimed for Profiled<R, H> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    #[inline]
    #[track_caller]
    fn try_lock_for(&self, timeout: Self::Duration) -> Option<Self::Guard> {
        self.try_lock_for_at(timeout, Location::caller())
    }

    #[inline]
    #[track_caller]
    fn try_lock_until(&self, timeout: Self::Instant) -> Option<Self::Guard> {
        self.try_lock_until_at(timeout, Location::caller())
    }
}

fn is_free<R: RawMutex>(raw: &R) -> bool {
    !raw.is_locked()
}
