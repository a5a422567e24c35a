//! The mutex traits.

use crate::raw::{Raw, done};
use nexus_lockprof_adaptor::HoldMode::Exclusive;
use real::lock_api::{RawMutex, RawMutexFair, RawMutexTimed};
use std::convert::Infallible;
use std::panic::Location;

// SAFETY: exclusion is the raw lock's, each of whose operations is called exactly once for the like operation here.
unsafe impl<R: RawMutex> RawMutex for Raw<R> {
    // Interior mutability in a const: as in lock_api, each use makes a lock.
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: Self = Raw::of(R::INIT);

    type GuardMarker = R::GuardMarker;

    #[inline]
    #[track_caller]
    fn lock(&self) {
        let Ok(state) = self.profiled.acquire::<_, Infallible>(
            Location::caller(),
            Exclusive,
            is_free,
            try_lock,
            |raw| {
                raw.lock();
                Ok(())
            },
        );
        self.keep(state);
    }

    #[inline]
    #[track_caller]
    fn try_lock(&self) -> bool {
        self.profiled
            .try_acquire(Location::caller(), Exclusive, try_lock)
            .map(|state| self.keep(state))
            .is_some()
    }

    #[inline]
    unsafe fn unlock(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe { self.profiled.release(self.kept(), |raw, ()| raw.unlock()) };
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.profiled.raw().is_locked()
    }
}

// SAFETY: as for `RawMutex`.
unsafe impl<R: RawMutexFair> RawMutexFair for Raw<R> {
    #[inline]
    unsafe fn unlock_fair(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe {
            self.profiled
                .release_fair(self.kept(), |raw, ()| raw.unlock_fair())
        };
    }

    #[inline]
    #[track_caller]
    unsafe fn bump(&self) {
        let site = Location::caller();
        self.lend(|profiled, state| {
            // SAFETY: the caller's; all locks here are on the global engine.
            unsafe { profiled.bump_with(site, state, |raw, ()| raw.bump()) };
        });
    }
}

// SAFETY: as for `RawMutex`.
unsafe impl<R: RawMutexTimed> RawMutexTimed for Raw<R> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    #[inline]
    #[track_caller]
    fn try_lock_for(&self, timeout: Self::Duration) -> bool {
        self.profiled
            .acquire(Location::caller(), Exclusive, is_free, try_lock, |raw| {
                done(raw.try_lock_for(timeout))
            })
            .map(|state| self.keep(state))
            .is_ok()
    }

    #[inline]
    #[track_caller]
    fn try_lock_until(&self, timeout: Self::Instant) -> bool {
        self.profiled
            .acquire(Location::caller(), Exclusive, is_free, try_lock, |raw| {
                done(raw.try_lock_until(timeout))
            })
            .map(|state| self.keep(state))
            .is_ok()
    }
}

fn is_free<R: RawMutex>(raw: &R) -> bool {
    !raw.is_locked()
}

#[inline(always)]
fn try_lock<R: RawMutex>(raw: &R) -> Option<()> {
    done(raw.try_lock()).ok()
}
