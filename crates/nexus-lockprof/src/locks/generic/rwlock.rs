use std::fmt;

use lock_api::{RawRwLock, RawRwLockFair, RawRwLockTimed, RwLockReadGuard, RwLockWriteGuard};

/// A reader-writer lock over the raw lock `R`.
///
/// Most programs use it as [`RwLock`](crate::RwLock) or
/// [`RecursiveRwLock`](crate::RecursiveRwLock).
///
/// Formatting a lock with `{:?}` acquires it for reading, if that is possible at once, to show the
/// data. That acquisition is recorded too, at a line inside `lock_api`, which does the formatting.
#[repr(transparent)]
pub struct RwLock<R, T: ?Sized>(pub(super) lock_api::RwLock<R, T>);

impl<R, T> RwLock<R, T> {
    /// Creates a lock over an existing raw lock.
    ///
    /// ```
    /// use nexus_lockprof::{RawRwLock, RwLock};
    /// use nexus_lockprof::lock_api::RawRwLock as _;
    ///
    /// static LIMIT: RwLock<u32> = RwLock::from_raw(RawRwLock::INIT, 10);
    /// assert_eq!(*LIMIT.read(), 10);
    /// ```
    #[inline]
    pub const fn from_raw(raw_rwlock: R, value: T) -> Self {
        Self(lock_api::RwLock::from_raw(raw_rwlock, value))
    }

    /// Takes the lock apart into its raw lock and its data.
    #[inline]
    pub fn into_inner_with_raw(self) -> (R, T) {
        self.0.into_inner_with_raw()
    }
}

conversions! {
    [R] RwLock => lock_api::RwLock<R, T>, "the guards' `rwlock`",
    {
        ///
        /// ```
        /// use nexus_lockprof::{RwLock, RwLockReadGuard};
        ///
        /// let lock = RwLock::new(1);
        /// let guard = lock.read();
        /// assert!(std::ptr::eq(RwLockReadGuard::rwlock(&guard), lock.as_lock_api()));
        /// ```
    }
    {}
}

impl<R: RawRwLock, T> RwLock<R, T> {
    /// Consumes the lock and returns its data.
    ///
    /// ```
    /// let lock = nexus_lockprof::RwLock::new(3);
    /// assert_eq!(lock.into_inner(), 3);
    /// ```
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<R: RawRwLock, T: ?Sized> RwLock<R, T> {
    /// Acquires the lock for reading, and waits until no writer has it. Recorded at the caller's
    /// line.
    ///
    /// # Panics
    ///
    /// parking_lot's raw locks panic when the reader count overflows.
    ///
    /// ```
    /// let lock = nexus_lockprof::RwLock::new(5);
    /// assert_eq!(*lock.read(), 5);
    /// ```
    #[inline]
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, R, T> {
        self.0.read()
    }

    /// Acquires the lock for reading if that needs no wait.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, R, T>> {
        self.0.try_read()
    }

    /// Acquires the lock for writing, and waits until nobody has it.
    ///
    /// A thread that already holds the lock waits for ever.
    ///
    /// ```
    /// let lock = nexus_lockprof::RwLock::new(5);
    /// *lock.write() += 1;
    /// assert_eq!(*lock.read(), 6);
    /// ```
    #[inline]
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, R, T> {
        self.0.write()
    }

    /// Acquires the lock for writing if nobody has it.
    ///
    /// ```
    /// let lock = nexus_lockprof::RwLock::new(5);
    /// let _reader = lock.read();
    /// assert!(lock.try_write().is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, R, T>> {
        self.0.try_write()
    }

    /// The data, without locking: `&mut self` proves that nobody else can reach it.
    ///
    /// A forgotten guard leaves the lock locked; this does not unlock it.
    #[inline]
    pub const fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Returns whether anyone holds the lock right now, in any mode. Records nothing.
    ///
    /// The answer may already be out of date.
    #[inline]
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// Returns whether a writer holds the lock right now. Records nothing.
    ///
    /// The answer may already be out of date.
    ///
    /// ```
    /// let lock = nexus_lockprof::RwLock::new(5);
    /// let _reader = lock.read();
    /// assert!(lock.is_locked() && !lock.is_locked_exclusive());
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_locked_exclusive(&self) -> bool {
        self.0.is_locked_exclusive()
    }

    /// Makes a guard for a read whose state is `guard`.
    ///
    /// # Safety
    ///
    /// The calling context must hold this lock for reading by the acquisition that `guard` belongs
    /// to. No other guard may stand for that acquisition, and no existing reference to the data may
    /// conflict with access through the new guard.
    #[inline]
    pub unsafe fn make_read_guard_unchecked(
        &self,
        guard: R::SharedGuard,
    ) -> RwLockReadGuard<'_, R, T> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.make_read_guard_unchecked(guard) }
    }

    /// Makes a guard for a write whose state is `guard`.
    ///
    /// # Safety
    ///
    /// As for [`make_read_guard_unchecked`](Self::make_read_guard_unchecked), for writing.
    #[inline]
    pub unsafe fn make_write_guard_unchecked(
        &self,
        guard: R::ExclusiveGuard,
    ) -> RwLockWriteGuard<'_, R, T> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.make_write_guard_unchecked(guard) }
    }

    /// Releases a read whose state was kept without a guard.
    ///
    /// # Safety
    ///
    /// The calling context must hold this lock for reading by the acquisition that `guard` belongs
    /// to. No live guard may release it too, and no reference to the data may be used afterwards
    /// without synchronisation.
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock_read(&self, guard: R::SharedGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.force_unlock_read(guard) }
    }

    /// Releases a write whose state was kept without a guard.
    ///
    /// # Safety
    ///
    /// As for [`force_unlock_read`](Self::force_unlock_read), for writing.
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock_write(&self, guard: R::ExclusiveGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.force_unlock_write(guard) }
    }

    /// The raw lock.
    ///
    /// # Safety
    ///
    /// Every live guard must stay valid: a guard must not be used or dropped while its lock is
    /// released.
    #[inline]
    pub unsafe fn raw(&self) -> &R {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.raw() }
    }

    /// A pointer to the data, never null. The caller must synchronise reads and writes through it.
    #[inline]
    pub const fn data_ptr(&self) -> *mut T {
        self.0.data_ptr()
    }
}

impl<R: RawRwLockFair, T: ?Sized> RwLock<R, T> {
    /// [`force_unlock_read`](Self::force_unlock_read), giving waiting threads priority.
    ///
    /// # Safety
    ///
    /// As for [`force_unlock_read`](Self::force_unlock_read).
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock_read_fair(&self, guard: R::SharedGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.force_unlock_read_fair(guard) }
    }

    /// [`force_unlock_write`](Self::force_unlock_write), giving waiting threads priority.
    ///
    /// # Safety
    ///
    /// As for [`force_unlock_write`](Self::force_unlock_write).
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock_write_fair(&self, guard: R::ExclusiveGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.force_unlock_write_fair(guard) }
    }
}

impl<R: RawRwLockTimed, T: ?Sized> RwLock<R, T> {
    /// Acquires the lock for reading, waiting at most `timeout`. `None` if time ran out.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_read_for(&self, timeout: R::Duration) -> Option<RwLockReadGuard<'_, R, T>> {
        self.0.try_read_for(timeout)
    }

    /// Acquires the lock for reading, waiting at most until `timeout`. `None` if time ran out.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_read_until(&self, timeout: R::Instant) -> Option<RwLockReadGuard<'_, R, T>> {
        self.0.try_read_until(timeout)
    }

    /// Acquires the lock for writing, waiting at most `timeout`. `None` if time ran out.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = nexus_lockprof::RwLock::new(5);
    /// let _reader = lock.read();
    /// assert!(lock.try_write_for(Duration::from_millis(1)).is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_write_for(&self, timeout: R::Duration) -> Option<RwLockWriteGuard<'_, R, T>> {
        self.0.try_write_for(timeout)
    }

    /// Acquires the lock for writing, waiting at most until `timeout`. `None` if time ran out.
    #[inline]
    #[track_caller]
    pub fn try_write_until(&self, timeout: R::Instant) -> Option<RwLockWriteGuard<'_, R, T>> {
        self.0.try_write_until(timeout)
    }
}

impl<R: RawRwLock, T: ?Sized + fmt::Debug> fmt::Debug for RwLock<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Serialises the data, under a read lock.
#[cfg(feature = "serde")]
impl<R: RawRwLock, T: ?Sized + serde::Serialize> serde::Serialize for RwLock<R, T> {
    #[track_caller]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read().serialize(serializer)
    }
}
