use std::fmt;

use lock_api::{RawRwLock, RawRwLockFair, RawRwLockTimed, RwLockReadGuard, RwLockWriteGuard};

/// A reader-writer lock over the raw lock `R`.
///
/// Known to most programs as [`RwLock`](crate::RwLock) or
/// [`RecursiveRwLock`](crate::RecursiveRwLock).
///
/// Formatting a lock with `{:?}` takes it for reading, if that is possible at once, to show the
/// data. That is an acquisition like any other, and recorded at a line inside `lock_api`, which
/// does the formatting.
#[repr(transparent)]
pub struct RwLock<R, T: ?Sized>(pub(super) lock_api::RwLock<R, T>);

impl<R, T> RwLock<R, T> {
    /// Creates a lock over a raw lock that was made beforehand.
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

    /// Wraps `lock_api`'s lock.
    #[inline]
    pub const fn from_lock_api(rwlock: lock_api::RwLock<R, T>) -> Self {
        Self(rwlock)
    }

    /// Unwraps to `lock_api`'s lock.
    #[inline]
    pub fn into_lock_api(self) -> lock_api::RwLock<R, T> {
        self.0
    }
}

impl<R, T: ?Sized> RwLock<R, T> {
    /// This lock as `lock_api`'s, for code that is generic over `lock_api::RwLock`.
    ///
    /// ```
    /// use nexus_lockprof::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.read();
    /// assert!(std::ptr::eq(RwLockReadGuard::rwlock(&guard), lock.as_lock_api()));
    /// ```
    #[inline]
    pub const fn as_lock_api(&self) -> &lock_api::RwLock<R, T> {
        &self.0
    }

    /// The way back from [`as_lock_api`](Self::as_lock_api), and from what the guards' `rwlock`
    /// returns.
    #[inline]
    pub const fn from_lock_api_ref(rwlock: &lock_api::RwLock<R, T>) -> &Self {
        // SAFETY: `Self` is a transparent wrapper of the pointee, so layout, metadata and validity
        // are the same, and the lifetime is kept.
        unsafe { &*(std::ptr::from_ref(rwlock) as *const Self) }
    }
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
    /// Acquires the lock for reading, waiting until no writer has it. The acquisition is recorded
    /// at the caller's line.
    ///
    /// # Panics
    ///
    /// parking_lot's raw locks panic when the count of readers overflows.
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

    /// Acquires the lock for reading if that is possible without waiting.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, R, T>> {
        self.0.try_read()
    }

    /// Acquires the lock for writing, waiting until nobody has it.
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
    /// A lock left behind by a forgotten guard stays as it is.
    #[inline]
    pub const fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Whether the lock is held in any way at this moment. Records nothing.
    ///
    /// The answer may be out of date when it arrives.
    #[inline]
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// Whether a writer holds the lock at this moment. Records nothing.
    ///
    /// The answer may be out of date when it arrives.
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
    /// The calling context holds this lock for reading by the acquisition that `guard` is the state
    /// of, no other guard stands for that acquisition, and no existing reference to the data
    /// conflicts with access through the new guard.
    #[inline]
    pub unsafe fn make_read_guard_unchecked(
        &self,
        guard: R::SharedGuard,
    ) -> RwLockReadGuard<'_, R, T> {
        // SAFETY: the caller's promise.
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
        // SAFETY: the caller's promise.
        unsafe { self.0.make_write_guard_unchecked(guard) }
    }

    /// Releases a read whose state was kept without a guard.
    ///
    /// # Safety
    ///
    /// The calling context holds this lock for reading by the acquisition that `guard` is the state
    /// of, no live guard will release it too, and no reference to the data is used afterwards
    /// without synchronisation.
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock_read(&self, guard: R::SharedGuard) {
        // SAFETY: the caller's promise.
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
        // SAFETY: the caller's promise.
        unsafe { self.0.force_unlock_write(guard) }
    }

    /// The raw lock.
    ///
    /// # Safety
    ///
    /// What is done with it must leave every live guard valid: a guard must not be used or dropped
    /// while its lock is released.
    #[inline]
    pub unsafe fn raw(&self) -> &R {
        // SAFETY: the caller's promise.
        unsafe { self.0.raw() }
    }

    /// A pointer to the data, never null. Reads and writes through it must be synchronised by the
    /// caller.
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
        // SAFETY: the caller's promise.
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
        // SAFETY: the caller's promise.
        unsafe { self.0.force_unlock_write_fair(guard) }
    }
}

impl<R: RawRwLockTimed, T: ?Sized> RwLock<R, T> {
    /// Acquires the lock for reading, waiting no longer than `timeout`; `None` if the time ran out.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_read_for(&self, timeout: R::Duration) -> Option<RwLockReadGuard<'_, R, T>> {
        self.0.try_read_for(timeout)
    }

    /// Acquires the lock for reading, waiting no longer than until `timeout`; `None` if the time
    /// ran out.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_read_until(&self, timeout: R::Instant) -> Option<RwLockReadGuard<'_, R, T>> {
        self.0.try_read_until(timeout)
    }

    /// Acquires the lock for writing, waiting no longer than `timeout`; `None` if the time ran out.
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

    /// Acquires the lock for writing, waiting no longer than until `timeout`; `None` if the time
    /// ran out.
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
