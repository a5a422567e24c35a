//! The methods whose guard owns an `Arc` of its lock instead of borrowing it (feature `arc_lock`).

use std::sync::Arc;

use lock_api::{
    ArcMutexGuard, ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard, ArcRwLockWriteGuard, RawMutex,
    RawMutexTimed, RawRwLock, RawRwLockTimed, RawRwLockUpgrade, RawRwLockUpgradeTimed,
};

use super::{Mutex, RwLock};

impl<R: RawMutex, T: ?Sized> Mutex<R, T> {
    /// [`lock`](Self::lock), with a guard that owns a clone of the `Arc`.
    ///
    /// ```
    /// use nexus_lockprof::{ArcMutexGuard, Mutex, RawMutex};
    /// use std::sync::Arc;
    ///
    /// fn locked() -> ArcMutexGuard<RawMutex, u32> {
    ///     Arc::new(Mutex::new(4)).lock_arc()
    /// }
    /// assert_eq!(*locked(), 4);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_arc(self: &Arc<Self>) -> ArcMutexGuard<R, T> {
        self.arc_as_lock_api().lock_arc()
    }

    /// [`try_lock`](Self::try_lock), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_lock_arc(self: &Arc<Self>) -> Option<ArcMutexGuard<R, T>> {
        self.arc_as_lock_api().try_lock_arc()
    }
}

impl<R: RawMutexTimed, T: ?Sized> Mutex<R, T> {
    /// [`try_lock_for`](Self::try_lock_for), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_lock_arc_for(self: &Arc<Self>, timeout: R::Duration) -> Option<ArcMutexGuard<R, T>> {
        self.arc_as_lock_api().try_lock_arc_for(timeout)
    }

    /// [`try_lock_until`](Self::try_lock_until), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_lock_arc_until(
        self: &Arc<Self>,
        timeout: R::Instant,
    ) -> Option<ArcMutexGuard<R, T>> {
        self.arc_as_lock_api().try_lock_arc_until(timeout)
    }
}

impl<R: RawRwLock, T: ?Sized> RwLock<R, T> {
    /// [`read`](Self::read), with a guard that owns a clone of the `Arc`.
    ///
    /// ```
    /// use nexus_lockprof::RwLock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(4));
    /// let guard = lock.read_arc();
    /// drop(lock);
    /// assert_eq!(*guard, 4);
    /// ```
    #[inline]
    #[track_caller]
    pub fn read_arc(self: &Arc<Self>) -> ArcRwLockReadGuard<R, T> {
        self.arc_as_lock_api().read_arc()
    }

    /// [`try_read`](Self::try_read), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_read_arc(self: &Arc<Self>) -> Option<ArcRwLockReadGuard<R, T>> {
        self.arc_as_lock_api().try_read_arc()
    }

    /// [`write`](Self::write), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn write_arc(self: &Arc<Self>) -> ArcRwLockWriteGuard<R, T> {
        self.arc_as_lock_api().write_arc()
    }

    /// [`try_write`](Self::try_write), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_write_arc(self: &Arc<Self>) -> Option<ArcRwLockWriteGuard<R, T>> {
        self.arc_as_lock_api().try_write_arc()
    }

    /// [`make_read_guard_unchecked`](Self::make_read_guard_unchecked), with a guard that owns a
    /// clone of the `Arc`.
    ///
    /// # Safety
    ///
    /// As for [`make_read_guard_unchecked`](Self::make_read_guard_unchecked).
    #[inline]
    pub unsafe fn make_arc_read_guard_unchecked(
        self: &Arc<Self>,
        guard: R::SharedGuard,
    ) -> ArcRwLockReadGuard<R, T> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.arc_as_lock_api().make_arc_read_guard_unchecked(guard) }
    }

    /// [`make_write_guard_unchecked`](Self::make_write_guard_unchecked), with a guard that owns a
    /// clone of the `Arc`.
    ///
    /// # Safety
    ///
    /// As for [`make_write_guard_unchecked`](Self::make_write_guard_unchecked).
    #[inline]
    pub unsafe fn make_arc_write_guard_unchecked(
        self: &Arc<Self>,
        guard: R::ExclusiveGuard,
    ) -> ArcRwLockWriteGuard<R, T> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.arc_as_lock_api().make_arc_write_guard_unchecked(guard) }
    }
}

impl<R: RawRwLockTimed, T: ?Sized> RwLock<R, T> {
    /// [`try_read_for`](Self::try_read_for), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_read_arc_for(
        self: &Arc<Self>,
        timeout: R::Duration,
    ) -> Option<ArcRwLockReadGuard<R, T>> {
        self.arc_as_lock_api().try_read_arc_for(timeout)
    }

    /// [`try_read_until`](Self::try_read_until), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_read_arc_until(
        self: &Arc<Self>,
        timeout: R::Instant,
    ) -> Option<ArcRwLockReadGuard<R, T>> {
        self.arc_as_lock_api().try_read_arc_until(timeout)
    }

    /// [`try_write_for`](Self::try_write_for), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_write_arc_for(
        self: &Arc<Self>,
        timeout: R::Duration,
    ) -> Option<ArcRwLockWriteGuard<R, T>> {
        self.arc_as_lock_api().try_write_arc_for(timeout)
    }

    /// [`try_write_until`](Self::try_write_until), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_write_arc_until(
        self: &Arc<Self>,
        timeout: R::Instant,
    ) -> Option<ArcRwLockWriteGuard<R, T>> {
        self.arc_as_lock_api().try_write_arc_until(timeout)
    }
}

impl<R: RawRwLockUpgrade, T: ?Sized> RwLock<R, T> {
    /// [`upgradable_read`](Self::upgradable_read), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn upgradable_read_arc(self: &Arc<Self>) -> ArcRwLockUpgradableReadGuard<R, T> {
        self.arc_as_lock_api().upgradable_read_arc()
    }

    /// [`try_upgradable_read`](Self::try_upgradable_read), with a guard that owns a clone of the
    /// `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_upgradable_read_arc(self: &Arc<Self>) -> Option<ArcRwLockUpgradableReadGuard<R, T>> {
        self.arc_as_lock_api().try_upgradable_read_arc()
    }

    /// [`make_upgradable_guard_unchecked`](Self::make_upgradable_guard_unchecked), with a guard
    /// that owns a clone of the `Arc`.
    ///
    /// # Safety
    ///
    /// As for [`make_upgradable_guard_unchecked`](Self::make_upgradable_guard_unchecked).
    #[inline]
    pub unsafe fn make_upgradable_arc_guard_unchecked(
        self: &Arc<Self>,
        guard: R::UpgradableGuard,
    ) -> ArcRwLockUpgradableReadGuard<R, T> {
        // SAFETY: the caller upholds this function's contract.
        unsafe {
            self.arc_as_lock_api()
                .make_upgradable_arc_guard_unchecked(guard)
        }
    }
}

impl<R: RawRwLockUpgradeTimed, T: ?Sized> RwLock<R, T> {
    /// [`try_upgradable_read_for`](Self::try_upgradable_read_for), with a guard that owns a clone
    /// of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_upgradable_read_arc_for(
        self: &Arc<Self>,
        timeout: R::Duration,
    ) -> Option<ArcRwLockUpgradableReadGuard<R, T>> {
        self.arc_as_lock_api().try_upgradable_read_arc_for(timeout)
    }

    /// [`try_upgradable_read_until`](Self::try_upgradable_read_until), with a guard that owns a
    /// clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_upgradable_read_arc_until(
        self: &Arc<Self>,
        timeout: R::Instant,
    ) -> Option<ArcRwLockUpgradableReadGuard<R, T>> {
        self.arc_as_lock_api()
            .try_upgradable_read_arc_until(timeout)
    }
}
