//! Upgradable reads of [`RwLock`].

use lock_api::{RawRwLockUpgrade, RawRwLockUpgradeTimed, RwLockUpgradableReadGuard};

use super::RwLock;

impl<R: RawRwLockUpgrade, T: ?Sized> RwLock<R, T> {
    /// Acquires the lock for a read that can be upgraded to a write. Waits until no writer and no
    /// other upgradable reader has it. Plain readers may hold it at the same time.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    ///
    /// ```
    /// use nexus_lockprof::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(vec![1]);
    /// let guard = lock.upgradable_read();
    /// if !guard.contains(&2) {
    ///     RwLockUpgradableReadGuard::upgrade(guard).push(2);
    /// }
    /// assert_eq!(*lock.read(), [1, 2]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn upgradable_read(&self) -> RwLockUpgradableReadGuard<'_, R, T> {
        self.0.upgradable_read()
    }

    /// Acquires the lock for an upgradable read if that needs no wait.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_upgradable_read(&self) -> Option<RwLockUpgradableReadGuard<'_, R, T>> {
        self.0.try_upgradable_read()
    }

    /// Makes a guard for an upgradable read whose state is `guard`.
    ///
    /// # Safety
    ///
    /// As for [`make_read_guard_unchecked`](Self::make_read_guard_unchecked), for an upgradable
    /// read.
    #[inline]
    pub unsafe fn make_upgradable_guard_unchecked(
        &self,
        guard: R::UpgradableGuard,
    ) -> RwLockUpgradableReadGuard<'_, R, T> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.make_upgradable_guard_unchecked(guard) }
    }
}

impl<R: RawRwLockUpgradeTimed, T: ?Sized> RwLock<R, T> {
    /// Acquires the lock for an upgradable read, waiting at most `timeout`. `None` if time ran out.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_upgradable_read_for(
        &self,
        timeout: R::Duration,
    ) -> Option<RwLockUpgradableReadGuard<'_, R, T>> {
        self.0.try_upgradable_read_for(timeout)
    }

    /// Acquires the lock for an upgradable read, waiting at most until `timeout`. `None` if time
    /// ran out.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_upgradable_read_until(
        &self,
        timeout: R::Instant,
    ) -> Option<RwLockUpgradableReadGuard<'_, R, T>> {
        self.0.try_upgradable_read_until(timeout)
    }
}
