//! The reader-writer lock traits.

use crate::raw::{Raw, State, done};
use crate::reads;
use nexus_lockprof_adaptor::HoldMode::{self, Exclusive, Shared, Upgradable};
use real::lock_api::{
    RawRwLock, RawRwLockDowngrade, RawRwLockFair, RawRwLockRecursive, RawRwLockRecursiveTimed,
    RawRwLockTimed, RawRwLockUpgrade, RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair,
    RawRwLockUpgradeTimed,
};
use std::convert::Infallible;
use std::panic::Location;

impl<R> Raw<R> {
    #[inline(always)]
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Puts the state of an acquisition in `mode` where it is kept.
    #[inline(always)]
    fn keep_in(&self, mode: HoldMode, state: State) {
        match mode {
            Shared => reads::entered(self.address(), state),
            Exclusive | Upgradable => self.keep(state),
        }
    }

    /// Gets it back: the acquisition is about to end.
    #[inline(always)]
    fn kept_in(&self, mode: HoldMode) -> State {
        match mode {
            Shared => reads::leaving(self.address()),
            Exclusive | Upgradable => self.kept(),
        }
    }
}

// SAFETY: exclusion is the raw lock's, each of whose operations is called exactly once for the like operation here.
unsafe impl<R: RawRwLock> RawRwLock for Raw<R> {
    // Interior mutability in a const: as in lock_api, each use makes a lock.
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: Self = Raw::of(R::INIT);

    type GuardMarker = R::GuardMarker;

    #[inline]
    #[track_caller]
    fn lock_shared(&self) {
        let Ok(state) = self.profiled.acquire::<_, Infallible>(
            Location::caller(),
            Shared,
            has_no_writer,
            |raw| done(raw.try_lock_shared()).ok(),
            |raw| {
                raw.lock_shared();
                Ok(())
            },
        );
        self.keep_in(Shared, state);
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared(&self) -> bool {
        self.profiled
            .try_acquire(Location::caller(), Shared, |raw| {
                done(raw.try_lock_shared()).ok()
            })
            .map(|state| self.keep_in(Shared, state))
            .is_some()
    }

    #[inline]
    unsafe fn unlock_shared(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe {
            self.profiled
                .release(self.kept_in(Shared), |raw, ()| raw.unlock_shared())
        };
    }

    #[inline]
    #[track_caller]
    fn lock_exclusive(&self) {
        let Ok(state) = self.profiled.acquire::<_, Infallible>(
            Location::caller(),
            Exclusive,
            is_free,
            |raw| done(raw.try_lock_exclusive()).ok(),
            |raw| {
                raw.lock_exclusive();
                Ok(())
            },
        );
        self.keep_in(Exclusive, state);
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive(&self) -> bool {
        self.profiled
            .try_acquire(Location::caller(), Exclusive, |raw| {
                done(raw.try_lock_exclusive()).ok()
            })
            .map(|state| self.keep_in(Exclusive, state))
            .is_some()
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe {
            self.profiled
                .release(self.kept_in(Exclusive), |raw, ()| raw.unlock_exclusive())
        };
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.profiled.raw().is_locked()
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        self.profiled.raw().is_locked_exclusive()
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<R: RawRwLockFair> RawRwLockFair for Raw<R> {
    #[inline]
    unsafe fn unlock_shared_fair(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe {
            self.profiled
                .release_fair(self.kept_in(Shared), |raw, ()| raw.unlock_shared_fair())
        };
    }

    /// Not recorded: beside other readers, whether it yielded cannot be told from outside.
    #[inline]
    unsafe fn bump_shared(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe { self.profiled.raw().bump_shared() }
    }

    #[inline]
    unsafe fn unlock_exclusive_fair(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe {
            self.profiled
                .release_fair(self.kept_in(Exclusive), |raw, ()| {
                    raw.unlock_exclusive_fair()
                })
        };
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_exclusive(&self) {
        let site = Location::caller();
        self.lend(|profiled, state| {
            // SAFETY: the caller's; all locks here are on the global engine.
            unsafe { profiled.bump_with(site, state, |raw, ()| raw.bump_exclusive()) };
        });
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<R: RawRwLockTimed> RawRwLockTimed for Raw<R> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    #[inline]
    #[track_caller]
    fn try_lock_shared_for(&self, timeout: Self::Duration) -> bool {
        self.profiled
            .acquire(
                Location::caller(),
                Shared,
                has_no_writer,
                |raw| done(raw.try_lock_shared()).ok(),
                |raw| done(raw.try_lock_shared_for(timeout)),
            )
            .map(|state| self.keep_in(Shared, state))
            .is_ok()
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared_until(&self, timeout: Self::Instant) -> bool {
        self.profiled
            .acquire(
                Location::caller(),
                Shared,
                has_no_writer,
                |raw| done(raw.try_lock_shared()).ok(),
                |raw| done(raw.try_lock_shared_until(timeout)),
            )
            .map(|state| self.keep_in(Shared, state))
            .is_ok()
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_for(&self, timeout: Self::Duration) -> bool {
        self.profiled
            .acquire(
                Location::caller(),
                Exclusive,
                is_free,
                |raw| done(raw.try_lock_exclusive()).ok(),
                |raw| done(raw.try_lock_exclusive_for(timeout)),
            )
            .map(|state| self.keep_in(Exclusive, state))
            .is_ok()
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_until(&self, timeout: Self::Instant) -> bool {
        self.profiled
            .acquire(
                Location::caller(),
                Exclusive,
                is_free,
                |raw| done(raw.try_lock_exclusive()).ok(),
                |raw| done(raw.try_lock_exclusive_until(timeout)),
            )
            .map(|state| self.keep_in(Exclusive, state))
            .is_ok()
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<R: RawRwLockRecursive> RawRwLockRecursive for Raw<R> {
    #[inline]
    #[track_caller]
    fn lock_shared_recursive(&self) {
        let Ok(state) = self.profiled.acquire::<_, Infallible>(
            Location::caller(),
            Shared,
            has_no_writer,
            |raw| done(raw.try_lock_shared_recursive()).ok(),
            |raw| {
                raw.lock_shared_recursive();
                Ok(())
            },
        );
        self.keep_in(Shared, state);
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared_recursive(&self) -> bool {
        self.profiled
            .try_acquire(Location::caller(), Shared, |raw| {
                done(raw.try_lock_shared_recursive()).ok()
            })
            .map(|state| self.keep_in(Shared, state))
            .is_some()
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<R: RawRwLockRecursiveTimed> RawRwLockRecursiveTimed for Raw<R> {
    #[inline]
    #[track_caller]
    fn try_lock_shared_recursive_for(&self, timeout: Self::Duration) -> bool {
        self.profiled
            .acquire(
                Location::caller(),
                Shared,
                has_no_writer,
                |raw| done(raw.try_lock_shared_recursive()).ok(),
                |raw| done(raw.try_lock_shared_recursive_for(timeout)),
            )
            .map(|state| self.keep_in(Shared, state))
            .is_ok()
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared_recursive_until(&self, timeout: Self::Instant) -> bool {
        self.profiled
            .acquire(
                Location::caller(),
                Shared,
                has_no_writer,
                |raw| done(raw.try_lock_shared_recursive()).ok(),
                |raw| done(raw.try_lock_shared_recursive_until(timeout)),
            )
            .map(|state| self.keep_in(Shared, state))
            .is_ok()
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<R: RawRwLockDowngrade> RawRwLockDowngrade for Raw<R> {
    #[inline]
    #[track_caller]
    unsafe fn downgrade(&self) {
        let state = self.kept_in(Exclusive);
        // SAFETY: the caller's; all locks here are on the global engine.
        let state = unsafe {
            self.profiled
                .change_with(Location::caller(), Shared, state, |raw, ()| raw.downgrade())
        };
        self.keep_in(Shared, state);
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<R: RawRwLockUpgrade> RawRwLockUpgrade for Raw<R> {
    #[inline]
    #[track_caller]
    fn lock_upgradable(&self) {
        let Ok(state) = self.profiled.acquire::<_, Infallible>(
            Location::caller(),
            Upgradable,
            has_no_writer,
            |raw| done(raw.try_lock_upgradable()).ok(),
            |raw| {
                raw.lock_upgradable();
                Ok(())
            },
        );
        self.keep_in(Upgradable, state);
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable(&self) -> bool {
        self.profiled
            .try_acquire(Location::caller(), Upgradable, |raw| {
                done(raw.try_lock_upgradable()).ok()
            })
            .map(|state| self.keep_in(Upgradable, state))
            .is_some()
    }

    #[inline]
    unsafe fn unlock_upgradable(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe {
            self.profiled
                .release(self.kept_in(Upgradable), |raw, ()| raw.unlock_upgradable())
        };
    }

    #[inline]
    #[track_caller]
    unsafe fn upgrade(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        let result = unsafe {
            self.profiled.upgrade_with::<_, _, Infallible>(
                Location::caller(),
                self.kept_in(Upgradable),
                |raw, ()| done(raw.try_upgrade()),
                |raw, ()| {
                    raw.upgrade();
                    Ok(())
                },
            )
        };
        let Ok(state) = result;
        self.keep_in(Exclusive, state);
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade(&self) -> bool {
        let state = self.kept_in(Upgradable);
        // SAFETY: the caller's; all locks here are on the global engine.
        let result = unsafe {
            self.profiled
                .try_upgrade_with(Location::caller(), state, |raw, ()| done(raw.try_upgrade()))
        };
        self.upgraded(result)
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<R: RawRwLockUpgradeFair> RawRwLockUpgradeFair for Raw<R> {
    #[inline]
    unsafe fn unlock_upgradable_fair(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe {
            self.profiled
                .release_fair(self.kept_in(Upgradable), |raw, ()| {
                    raw.unlock_upgradable_fair()
                })
        };
    }

    /// Not recorded: beside other readers, whether it yielded cannot be told from outside.
    #[inline]
    unsafe fn bump_upgradable(&self) {
        // SAFETY: the caller's; all locks here are on the global engine.
        unsafe { self.profiled.raw().bump_upgradable() }
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<R: RawRwLockUpgradeDowngrade> RawRwLockUpgradeDowngrade for Raw<R> {
    #[inline]
    #[track_caller]
    unsafe fn downgrade_upgradable(&self) {
        let state = self.kept_in(Upgradable);
        // SAFETY: the caller's; all locks here are on the global engine.
        let state = unsafe {
            self.profiled
                .change_with(Location::caller(), Shared, state, |raw, ()| {
                    raw.downgrade_upgradable()
                })
        };
        self.keep_in(Shared, state);
    }

    #[inline]
    #[track_caller]
    unsafe fn downgrade_to_upgradable(&self) {
        let state = self.kept_in(Exclusive);
        // SAFETY: the caller's; all locks here are on the global engine.
        let state = unsafe {
            self.profiled
                .change_with(Location::caller(), Upgradable, state, |raw, ()| {
                    raw.downgrade_to_upgradable()
                })
        };
        self.keep_in(Upgradable, state);
    }
}

// SAFETY: as for `RawRwLock`.
unsafe impl<R: RawRwLockUpgradeTimed> RawRwLockUpgradeTimed for Raw<R> {
    #[inline]
    #[track_caller]
    fn try_lock_upgradable_for(&self, timeout: Self::Duration) -> bool {
        self.profiled
            .acquire(
                Location::caller(),
                Upgradable,
                has_no_writer,
                |raw| done(raw.try_lock_upgradable()).ok(),
                |raw| done(raw.try_lock_upgradable_for(timeout)),
            )
            .map(|state| self.keep_in(Upgradable, state))
            .is_ok()
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable_until(&self, timeout: Self::Instant) -> bool {
        self.profiled
            .acquire(
                Location::caller(),
                Upgradable,
                has_no_writer,
                |raw| done(raw.try_lock_upgradable()).ok(),
                |raw| done(raw.try_lock_upgradable_until(timeout)),
            )
            .map(|state| self.keep_in(Upgradable, state))
            .is_ok()
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade_for(&self, timeout: Self::Duration) -> bool {
        // SAFETY: the caller's; all locks here are on the global engine.
        let result = unsafe {
            self.profiled.upgrade_with(
                Location::caller(),
                self.kept_in(Upgradable),
                |raw, ()| done(raw.try_upgrade()),
                |raw, ()| done(raw.try_upgrade_for(timeout)),
            )
        };
        self.upgraded(result.map_err(|((), before)| State::new((), before)))
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade_until(&self, timeout: Self::Instant) -> bool {
        // SAFETY: the caller's; all locks here are on the global engine.
        let result = unsafe {
            self.profiled.upgrade_with(
                Location::caller(),
                self.kept_in(Upgradable),
                |raw, ()| done(raw.try_upgrade()),
                |raw, ()| done(raw.try_upgrade_until(timeout)),
            )
        };
        self.upgraded(result.map_err(|((), before)| State::new((), before)))
    }
}

impl<R> Raw<R> {
    /// Keeps what an attempt to upgrade has left, and says whether it succeeded.
    #[inline]
    fn upgraded(&self, result: Result<State, State>) -> bool {
        let succeeded = result.is_ok();
        let (Ok(state) | Err(state)) = result;
        self.keep(state);
        succeeded
    }
}

fn is_free<R: RawRwLock>(raw: &R) -> bool {
    !raw.is_locked()
}

fn has_no_writer<R: RawRwLock>(raw: &R) -> bool {
    !raw.is_locked_exclusive()
}
