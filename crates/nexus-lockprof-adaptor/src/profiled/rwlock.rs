//! The reader-writer lock traits.

use super::{Profiled, ProfiledGuard, TimedOut};
use lock_api::{
    RawRwLock, RawRwLockDowngrade, RawRwLockFair, RawRwLockTimed, RawRwLockUpgrade,
    RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair, RawRwLockUpgradeTimed,
};
use nexus_lockprof_engine::EngineRef;
use nexus_lockprof_engine::adaptor::{
    HoldMode::{self, Exclusive, Shared, Upgradable},
    LockClass,
};
use std::convert::Infallible;
use std::panic::Location;

/// Reads in a mode: `Shared`, or `SharedPassing` of a lock whose readers do not queue behind a
/// writer that waits.
impl<R: RawRwLock, H: EngineRef> Profiled<R, H> {
    #[inline(always)]
    #[track_caller]
    pub(crate) fn lock_shared_in(&self, mode: HoldMode) -> ProfiledGuard<R::SharedGuard> {
        let Ok(guard) = self.acquire::<_, Infallible>(
            Location::caller(),
            mode,
            has_no_writer,
            R::try_lock_shared,
            |raw| Ok(raw.lock_shared()),
        );
        guard
    }
}

/// The same for a time.
impl<R: RawRwLockTimed, H: EngineRef> Profiled<R, H> {
    #[inline(always)]
    #[track_caller]
    pub(crate) fn lock_shared_for_in(
        &self,
        mode: HoldMode,
        timeout: R::Duration,
    ) -> Option<ProfiledGuard<R::SharedGuard>> {
        self.acquire(
            Location::caller(),
            mode,
            has_no_writer,
            R::try_lock_shared,
            |raw| raw.try_lock_shared_for(timeout).ok_or(TimedOut),
        )
        .ok()
    }

    #[inline(always)]
    #[track_caller]
    pub(crate) fn lock_shared_until_in(
        &self,
        mode: HoldMode,
        timeout: R::Instant,
    ) -> Option<ProfiledGuard<R::SharedGuard>> {
        self.acquire(
            Location::caller(),
            mode,
            has_no_writer,
            R::try_lock_shared,
            |raw| raw.try_lock_shared_until(timeout).ok_or(TimedOut),
        )
        .ok()
    }
}

// SAFETY: exclusion, acquire and release are the raw lock's. Each operation here calls the raw
// lock's same operation exactly once, with the matching guard state.
unsafe impl<R: RawRwLock, H: EngineRef> RawRwLock for Profiled<R, H> {
    // Interior mutability in a const: as in lock_api, each use creates a lock.
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Profiled::with_class(R::INIT, LockClass::anonymous(), H::INIT);

    type SharedGuard = ProfiledGuard<R::SharedGuard>;
    type ExclusiveGuard = ProfiledGuard<R::ExclusiveGuard>;

    #[inline]
    #[track_caller]
    fn lock_shared(&self) -> Self::SharedGuard {
        self.lock_shared_in(Shared)
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared(&self) -> Option<Self::SharedGuard> {
        self.try_acquire(Location::caller(), Shared, R::try_lock_shared)
    }

    #[inline]
    unsafe fn unlock_shared(&self, guard: Self::SharedGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.release(guard, |raw, inner| raw.unlock_shared(inner)) };
    }

    #[inline]
    #[track_caller]
    fn lock_exclusive(&self) -> Self::ExclusiveGuard {
        let Ok(guard) = self.acquire::<_, Infallible>(
            Location::caller(),
            Exclusive,
            is_free,
            R::try_lock_exclusive,
            |raw| Ok(raw.lock_exclusive()),
        );
        guard
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive(&self) -> Option<Self::ExclusiveGuard> {
        self.try_acquire(Location::caller(), Exclusive, R::try_lock_exclusive)
    }

    #[inline]
    unsafe fn unlock_exclusive(&self, guard: Self::ExclusiveGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.release(guard, |raw, inner| raw.unlock_exclusive(inner)) };
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        self.raw.is_locked_exclusive()
    }
}

// SAFETY: each operation calls the raw lock's same operation once, with the matching guard state.
unsafe impl<R: RawRwLockFair, H: EngineRef> RawRwLockFair for Profiled<R, H> {
    #[inline]
    unsafe fn unlock_shared_fair(&self, guard: Self::SharedGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.release_fair(guard, |raw, inner| raw.unlock_shared_fair(inner)) };
    }

    /// Not recorded: beside other readers, the caller cannot see whether it yielded.
    #[inline]
    unsafe fn bump_shared(&self, guard: &mut Self::SharedGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.raw.bump_shared(guard.parts_mut().0) }
    }

    #[inline]
    unsafe fn unlock_exclusive_fair(&self, guard: Self::ExclusiveGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.release_fair(guard, |raw, inner| raw.unlock_exclusive_fair(inner)) };
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_exclusive(&self, guard: &mut Self::ExclusiveGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe {
            self.bump_with(Location::caller(), guard, |raw, inner| {
                raw.bump_exclusive(inner)
            })
        };
    }
}

// SAFETY: each operation calls the raw lock's same operation once, with the matching guard state.
unsafe impl<R: RawRwLockTimed, H: EngineRef> RawRwLockTimed for Profiled<R, H> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    #[inline]
    #[track_caller]
    fn try_lock_shared_for(&self, timeout: Self::Duration) -> Option<Self::SharedGuard> {
        self.lock_shared_for_in(Shared, timeout)
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared_until(&self, timeout: Self::Instant) -> Option<Self::SharedGuard> {
        self.lock_shared_until_in(Shared, timeout)
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_for(&self, timeout: Self::Duration) -> Option<Self::ExclusiveGuard> {
        self.acquire(
            Location::caller(),
            Exclusive,
            is_free,
            R::try_lock_exclusive,
            |raw| raw.try_lock_exclusive_for(timeout).ok_or(TimedOut),
        )
        .ok()
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_until(&self, timeout: Self::Instant) -> Option<Self::ExclusiveGuard> {
        self.acquire(
            Location::caller(),
            Exclusive,
            is_free,
            R::try_lock_exclusive,
            |raw| raw.try_lock_exclusive_until(timeout).ok_or(TimedOut),
        )
        .ok()
    }
}

// SAFETY: each operation calls the raw lock's same operation once, with the matching guard state.
unsafe impl<R: RawRwLockDowngrade, H: EngineRef> RawRwLockDowngrade for Profiled<R, H> {
    #[inline]
    #[track_caller]
    unsafe fn downgrade(&self, guard: Self::ExclusiveGuard) -> Self::SharedGuard {
        // SAFETY: the caller upholds this function's contract.
        unsafe {
            self.change_with(Location::caller(), Shared, guard, |raw, inner| {
                raw.downgrade(inner)
            })
        }
    }
}

// SAFETY: each operation calls the raw lock's same operation once, with the matching guard state.
unsafe impl<R: RawRwLockUpgrade, H: EngineRef> RawRwLockUpgrade for Profiled<R, H> {
    type UpgradableGuard = ProfiledGuard<R::UpgradableGuard>;

    #[inline]
    #[track_caller]
    fn lock_upgradable(&self) -> Self::UpgradableGuard {
        let Ok(guard) = self.acquire::<_, Infallible>(
            Location::caller(),
            Upgradable,
            has_no_writer,
            R::try_lock_upgradable,
            |raw| Ok(raw.lock_upgradable()),
        );
        guard
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable(&self) -> Option<Self::UpgradableGuard> {
        self.try_acquire(Location::caller(), Upgradable, R::try_lock_upgradable)
    }

    #[inline]
    unsafe fn unlock_upgradable(&self, guard: Self::UpgradableGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.release(guard, |raw, inner| raw.unlock_upgradable(inner)) };
    }

    #[inline]
    #[track_caller]
    unsafe fn upgrade(&self, guard: Self::UpgradableGuard) -> Self::ExclusiveGuard {
        // SAFETY: the caller upholds the contract; `inner` is the state that the failed
        // `try_upgrade` returned.
        let result = unsafe {
            self.upgrade_with::<_, _, Infallible>(
                Location::caller(),
                guard,
                |raw, inner| raw.try_upgrade(inner),
                |raw, inner| Ok(raw.upgrade(inner)),
            )
        };
        let Ok(guard) = result;
        guard
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade(
        &self,
        guard: Self::UpgradableGuard,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        // SAFETY: the caller upholds this function's contract.
        unsafe {
            self.try_upgrade_with(Location::caller(), guard, |raw, inner| {
                raw.try_upgrade(inner)
            })
        }
    }
}

// SAFETY: each operation calls the raw lock's same operation once, with the matching guard state.
unsafe impl<R: RawRwLockUpgradeFair, H: EngineRef> RawRwLockUpgradeFair for Profiled<R, H> {
    #[inline]
    unsafe fn unlock_upgradable_fair(&self, guard: Self::UpgradableGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.release_fair(guard, |raw, inner| raw.unlock_upgradable_fair(inner)) };
    }

    /// Not recorded: beside other readers, the caller cannot see whether it yielded.
    #[inline]
    unsafe fn bump_upgradable(&self, guard: &mut Self::UpgradableGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.raw.bump_upgradable(guard.parts_mut().0) }
    }
}

// SAFETY: each operation calls the raw lock's same operation once, with the matching guard state.
unsafe impl<R: RawRwLockUpgradeDowngrade, H: EngineRef> RawRwLockUpgradeDowngrade
    for Profiled<R, H>
{
    #[inline]
    #[track_caller]
    unsafe fn downgrade_upgradable(&self, guard: Self::UpgradableGuard) -> Self::SharedGuard {
        // SAFETY: the caller upholds this function's contract.
        unsafe {
            self.change_with(Location::caller(), Shared, guard, |raw, inner| {
                raw.downgrade_upgradable(inner)
            })
        }
    }

    #[inline]
    #[track_caller]
    unsafe fn downgrade_to_upgradable(&self, guard: Self::ExclusiveGuard) -> Self::UpgradableGuard {
        // SAFETY: the caller upholds this function's contract.
        unsafe {
            self.change_with(Location::caller(), Upgradable, guard, |raw, inner| {
                raw.downgrade_to_upgradable(inner)
            })
        }
    }
}

// SAFETY: each operation calls the raw lock's same operation once, with the matching guard state.
unsafe impl<R: RawRwLockUpgradeTimed, H: EngineRef> RawRwLockUpgradeTimed for Profiled<R, H> {
    #[inline]
    #[track_caller]
    fn try_lock_upgradable_for(&self, timeout: Self::Duration) -> Option<Self::UpgradableGuard> {
        self.acquire(
            Location::caller(),
            Upgradable,
            has_no_writer,
            R::try_lock_upgradable,
            |raw| raw.try_lock_upgradable_for(timeout).ok_or(TimedOut),
        )
        .ok()
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable_until(&self, timeout: Self::Instant) -> Option<Self::UpgradableGuard> {
        self.acquire(
            Location::caller(),
            Upgradable,
            has_no_writer,
            R::try_lock_upgradable,
            |raw| raw.try_lock_upgradable_until(timeout).ok_or(TimedOut),
        )
        .ok()
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade_for(
        &self,
        guard: Self::UpgradableGuard,
        timeout: Self::Duration,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        // SAFETY: the caller upholds the contract; `inner` is the state that the failed
        // `try_upgrade` returned.
        unsafe {
            self.upgrade_with(
                Location::caller(),
                guard,
                |raw, inner| raw.try_upgrade(inner),
                |raw, inner| raw.try_upgrade_for(inner, timeout),
            )
        }
        .map_err(|(inner, before)| ProfiledGuard::new(inner, before))
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade_until(
        &self,
        guard: Self::UpgradableGuard,
        timeout: Self::Instant,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        // SAFETY: the caller upholds the contract; `inner` is the state that the failed
        // `try_upgrade` returned.
        unsafe {
            self.upgrade_with(
                Location::caller(),
                guard,
                |raw, inner| raw.try_upgrade(inner),
                |raw, inner| raw.try_upgrade_until(inner, timeout),
            )
        }
        .map_err(|(inner, before)| ProfiledGuard::new(inner, before))
    }
}

fn is_free<R: RawRwLock>(raw: &R) -> bool {
    !raw.is_locked()
}

fn has_no_writer<R: RawRwLock>(raw: &R) -> bool {
    !raw.is_locked_exclusive()
}
