//! Upgradable reads.
//!
//! An upgradable acquisition may wait for another upgradable holder even if this thread already
//! reads. So it is always recorded, and further reads under it are recursive.

use lock_api::{
    RawRwLockUpgrade, RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair, RawRwLockUpgradeTimed,
};

use super::{ProfiledRecursive, SharedGuard};
use crate::ProfiledGuard;
use crate::held::{PlannedRead, Slot};

/// The state in an upgradable guard of a [`ProfiledRecursive`].
pub struct UpgradableGuard<G> {
    recorded: ProfiledGuard<G>,
    slot: Slot,
}

#[inline]
fn upgradable<G>(entry: PlannedRead, recorded: ProfiledGuard<G>) -> UpgradableGuard<G> {
    UpgradableGuard {
        recorded,
        slot: entry.keep(),
    }
}

/// Handles the result of an upgrade attempt. On success the thread no longer reads, and `entry`
/// ends.
#[inline]
fn upgraded<X, U>(
    entry: PlannedRead,
    result: Result<X, ProfiledGuard<U>>,
) -> Result<X, UpgradableGuard<U>> {
    result.map_err(|recorded| upgradable(entry, recorded))
}

// SAFETY: each operation is the wrapped lock's same operation, with the state that it gave.
unsafe impl<R: RawRwLockUpgrade> RawRwLockUpgrade for ProfiledRecursive<R> {
    type UpgradableGuard = UpgradableGuard<R::UpgradableGuard>;

    #[inline]
    #[track_caller]
    fn lock_upgradable(&self) -> Self::UpgradableGuard {
        let entry = self.enter();
        upgradable(entry, self.0.lock_upgradable())
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable(&self) -> Option<Self::UpgradableGuard> {
        let entry = self.enter();
        let recorded = self.0.try_lock_upgradable()?;
        Some(upgradable(entry, recorded))
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock_upgradable(&self, guard: Self::UpgradableGuard) {
        let _entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        unsafe { self.0.unlock_upgradable(guard.recorded) }
    }

    #[inline]
    #[track_caller]
    unsafe fn upgrade(&self, guard: Self::UpgradableGuard) -> Self::ExclusiveGuard {
        let _entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        unsafe { self.0.upgrade(guard.recorded) }
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade(
        &self,
        guard: Self::UpgradableGuard,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        let entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        let result = unsafe { self.0.try_upgrade(guard.recorded) };
        upgraded(entry, result)
    }
}

// SAFETY: each operation is the wrapped lock's same operation, with the state that it gave.
unsafe impl<R: RawRwLockUpgradeFair> RawRwLockUpgradeFair for ProfiledRecursive<R> {
    #[inline]
    #[track_caller]
    unsafe fn unlock_upgradable_fair(&self, guard: Self::UpgradableGuard) {
        let _entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        unsafe { self.0.unlock_upgradable_fair(guard.recorded) }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_upgradable(&self, guard: &mut Self::UpgradableGuard) {
        // SAFETY: the caller lends the state of an upgradable acquisition of this lock.
        unsafe { self.0.bump_upgradable(&mut guard.recorded) }
    }
}

// SAFETY: each operation is the wrapped lock's same operation, with the state that it gave.
unsafe impl<R: RawRwLockUpgradeDowngrade> RawRwLockUpgradeDowngrade for ProfiledRecursive<R> {
    #[inline]
    #[track_caller]
    unsafe fn downgrade_upgradable(&self, guard: Self::UpgradableGuard) -> Self::SharedGuard {
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        let shared = unsafe { self.0.downgrade_upgradable(guard.recorded) };
        SharedGuard {
            guard: shared,
            slot: guard.slot,
        }
    }

    #[inline]
    #[track_caller]
    unsafe fn downgrade_to_upgradable(&self, guard: Self::ExclusiveGuard) -> Self::UpgradableGuard {
        let entry = self.enter();
        // SAFETY: the caller hands over the state of an exclusive acquisition of this lock.
        let recorded = unsafe { self.0.downgrade_to_upgradable(guard) };
        upgradable(entry, recorded)
    }
}

// SAFETY: each operation is the wrapped lock's same operation, with the state that it gave.
unsafe impl<R: RawRwLockUpgradeTimed> RawRwLockUpgradeTimed for ProfiledRecursive<R> {
    #[inline]
    #[track_caller]
    fn try_lock_upgradable_for(&self, timeout: Self::Duration) -> Option<Self::UpgradableGuard> {
        let entry = self.enter();
        let recorded = self.0.try_lock_upgradable_for(timeout)?;
        Some(upgradable(entry, recorded))
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable_until(&self, timeout: Self::Instant) -> Option<Self::UpgradableGuard> {
        let entry = self.enter();
        let recorded = self.0.try_lock_upgradable_until(timeout)?;
        Some(upgradable(entry, recorded))
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade_for(
        &self,
        guard: Self::UpgradableGuard,
        timeout: Self::Duration,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        let entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        let result = unsafe { self.0.try_upgrade_for(guard.recorded, timeout) };
        upgraded(entry, result)
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade_until(
        &self,
        guard: Self::UpgradableGuard,
        timeout: Self::Instant,
    ) -> Result<Self::ExclusiveGuard, Self::UpgradableGuard> {
        let entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        let result = unsafe { self.0.try_upgrade_until(guard.recorded, timeout) };
        upgraded(entry, result)
    }
}
