//! Raw locks that notice whether an acquisition found the lock taken.
//!
//! The result of `lock()` does not say whether it had to wait. The raw lock below the profiler
//! knows: a try failed before the acquisition. [`watching`] runs one operation and gives that
//! answer. It is the program's own count of contentions, independent of the profiler's.

use lock_api::{
    RawMutex, RawMutexTimed, RawRwLock, RawRwLockDowngrade, RawRwLockTimed, RawRwLockUpgrade,
    RawRwLockUpgradeDowngrade, RawRwLockUpgradeTimed,
};
use std::cell::Cell;

thread_local! {
    static FOUND_TAKEN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `operation`, a single operation on one lock, and returns whether it found the lock taken.
pub fn watching<T>(operation: impl FnOnce() -> T) -> (T, bool) {
    FOUND_TAKEN.set(false);
    let out = operation();
    (out, FOUND_TAKEN.get())
}

/// `R`, which notices its failed tries.
pub struct Witness<R>(R);

fn seen<G>(tried: Option<G>) -> Option<G> {
    if tried.is_none() {
        FOUND_TAKEN.set(true);
    }
    tried
}

// SAFETY: each operation is the raw lock's own.
unsafe impl<R: RawMutex> RawMutex for Witness<R> {
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Witness(R::INIT);
    type Guard = R::Guard;

    fn lock(&self) -> Self::Guard {
        self.0.lock()
    }

    fn try_lock(&self) -> Option<Self::Guard> {
        seen(self.0.try_lock())
    }

    unsafe fn unlock(&self, guard: Self::Guard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.unlock(guard) }
    }

    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

// SAFETY: each operation is the raw lock's own.
unsafe impl<R: RawMutexTimed> RawMutexTimed for Witness<R> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    fn try_lock_for(&self, timeout: Self::Duration) -> Option<Self::Guard> {
        self.0.try_lock_for(timeout)
    }

    fn try_lock_until(&self, timeout: Self::Instant) -> Option<Self::Guard> {
        self.0.try_lock_until(timeout)
    }
}

// SAFETY: each operation is the raw lock's own.
unsafe impl<R: RawRwLock> RawRwLock for Witness<R> {
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Witness(R::INIT);
    type SharedGuard = R::SharedGuard;
    type ExclusiveGuard = R::ExclusiveGuard;

    fn lock_shared(&self) -> Self::SharedGuard {
        self.0.lock_shared()
    }

    fn try_lock_shared(&self) -> Option<Self::SharedGuard> {
        seen(self.0.try_lock_shared())
    }

    unsafe fn unlock_shared(&self, guard: Self::SharedGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.unlock_shared(guard) }
    }

    fn lock_exclusive(&self) -> Self::ExclusiveGuard {
        self.0.lock_exclusive()
    }

    fn try_lock_exclusive(&self) -> Option<Self::ExclusiveGuard> {
        seen(self.0.try_lock_exclusive())
    }

    unsafe fn unlock_exclusive(&self, guard: Self::ExclusiveGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.unlock_exclusive(guard) }
    }

    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    fn is_locked_exclusive(&self) -> bool {
        self.0.is_locked_exclusive()
    }
}

// SAFETY: each operation is the raw lock's own.
unsafe impl<R: RawRwLockTimed> RawRwLockTimed for Witness<R> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    fn try_lock_shared_for(&self, timeout: Self::Duration) -> Option<Self::SharedGuard> {
        self.0.try_lock_shared_for(timeout)
    }

    fn try_lock_shared_until(&self, timeout: Self::Instant) -> Option<Self::SharedGuard> {
        self.0.try_lock_shared_until(timeout)
    }

    fn try_lock_exclusive_for(&self, timeout: Self::Duration) -> Option<Self::ExclusiveGuard> {
        self.0.try_lock_exclusive_for(timeout)
    }

    fn try_lock_exclusive_until(&self, timeout: Self::Instant) -> Option<Self::ExclusiveGuard> {
        self.0.try_lock_exclusive_until(timeout)
    }
}

// SAFETY: each operation is the raw lock's own.
unsafe impl<R: RawRwLockDowngrade> RawRwLockDowngrade for Witness<R> {
    unsafe fn downgrade(&self, guard: Self::ExclusiveGuard) -> Self::SharedGuard {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.downgrade(guard) }
    }
}

// SAFETY: each operation is the raw lock's own.
unsafe impl<R: RawRwLockUpgrade> RawRwLockUpgrade for Witness<R> {
    type UpgradableGuard = R::UpgradableGuard;

    fn lock_upgradable(&self) -> Self::UpgradableGuard {
        self.0.lock_upgradable()
    }

    fn try_lock_upgradable(&self) -> Option<Self::UpgradableGuard> {
        seen(self.0.try_lock_upgradable())
    }

    unsafe fn unlock_upgradable(&self, guard: Self::UpgradableGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.unlock_upgradable(guard) }
    }

    unsafe fn upgrade(&self, guard: Self::UpgradableGuard) -> Self::ExclusiveGuard {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.upgrade(guard) }
    }

    unsafe fn try_upgrade(
        &self,
        guard: Self::UpgradableGuard,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        // SAFETY: the caller upholds this function's contract.
        let tried = unsafe { self.0.try_upgrade(guard) };
        if tried.is_err() {
            FOUND_TAKEN.set(true);
        }
        tried
    }
}

// SAFETY: each operation is the raw lock's own.
unsafe impl<R: RawRwLockUpgradeDowngrade> RawRwLockUpgradeDowngrade for Witness<R> {
    unsafe fn downgrade_upgradable(&self, guard: Self::UpgradableGuard) -> Self::SharedGuard {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.downgrade_upgradable(guard) }
    }

    unsafe fn downgrade_to_upgradable(&self, guard: Self::ExclusiveGuard) -> Self::UpgradableGuard {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.downgrade_to_upgradable(guard) }
    }
}

// SAFETY: each operation is the raw lock's own.
unsafe impl<R: RawRwLockUpgradeTimed> RawRwLockUpgradeTimed for Witness<R> {
    fn try_lock_upgradable_for(&self, timeout: Self::Duration) -> Option<Self::UpgradableGuard> {
        self.0.try_lock_upgradable_for(timeout)
    }

    fn try_lock_upgradable_until(&self, timeout: Self::Instant) -> Option<Self::UpgradableGuard> {
        self.0.try_lock_upgradable_until(timeout)
    }

    unsafe fn try_upgrade_for(
        &self,
        guard: Self::UpgradableGuard,
        timeout: Self::Duration,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.try_upgrade_for(guard, timeout) }
    }

    unsafe fn try_upgrade_until(
        &self,
        guard: Self::UpgradableGuard,
        timeout: Self::Instant,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.try_upgrade_until(guard, timeout) }
    }
}
