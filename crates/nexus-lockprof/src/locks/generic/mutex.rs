use std::fmt;

use lock_api::{MutexGuard, RawMutex, RawMutexFair, RawMutexTimed};

/// A mutual exclusion lock over the raw lock `R`.
///
/// Most programs use it as [`Mutex`](crate::Mutex) or [`FairMutex`](crate::FairMutex).
///
/// Formatting a mutex with `{:?}` acquires it, if it is free, to show the data. That acquisition is
/// recorded too, at a line inside `lock_api`, which does the formatting.
#[repr(transparent)]
pub struct Mutex<R, T: ?Sized>(lock_api::Mutex<R, T>);

impl<R, T> Mutex<R, T> {
    /// Creates a mutex over an existing raw lock.
    ///
    /// ```
    /// use nexus_lockprof::{Mutex, RawMutex};
    /// use nexus_lockprof::lock_api::RawMutex as _;
    ///
    /// static HITS: Mutex<u32> = Mutex::from_raw(RawMutex::INIT, 7);
    /// assert_eq!(*HITS.lock(), 7);
    /// ```
    #[inline]
    pub const fn from_raw(raw_mutex: R, value: T) -> Self {
        Self(lock_api::Mutex::from_raw(raw_mutex, value))
    }

    /// Takes the mutex apart into its raw lock and its data.
    #[inline]
    pub fn into_inner_with_raw(self) -> (R, T) {
        self.0.into_inner_with_raw()
    }
}

conversions! {
    [R] Mutex => lock_api::Mutex<R, T>, "`MutexGuard::mutex`",
    {
        ///
        /// ```
        /// use nexus_lockprof::{Mutex, MutexGuard};
        ///
        /// let mutex = Mutex::named("jobs", vec![1, 2]);
        /// let guard = mutex.lock();
        /// assert!(std::ptr::eq(MutexGuard::mutex(&guard), mutex.as_lock_api()));
        /// let same: &Mutex<Vec<i32>> = Mutex::from_lock_api_ref(MutexGuard::mutex(&guard));
        /// assert!(same.is_locked());
        /// ```
    }
    {
        ///
        /// ```
        /// use nexus_lockprof::{ArcMutexGuard, Mutex};
        /// use std::sync::Arc;
        ///
        /// let mutex = Arc::new(Mutex::new(1));
        /// let guard = mutex.lock_arc();
        /// let same = Mutex::arc_from_lock_api(ArcMutexGuard::into_arc(guard));
        /// assert!(Arc::ptr_eq(&mutex, &same));
        /// ```
    }
}

impl<R: RawMutex, T> Mutex<R, T> {
    /// Consumes the mutex and returns its data.
    ///
    /// ```
    /// let mutex = nexus_lockprof::Mutex::new(3);
    /// assert_eq!(mutex.into_inner(), 3);
    /// ```
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<R: RawMutex, T: ?Sized> Mutex<R, T> {
    /// Acquires the mutex, and waits until it is free. Recorded at the caller's line.
    ///
    /// A thread that locks a mutex it already holds waits for ever; use
    /// [`ReentrantMutex`](crate::ReentrantMutex) for that.
    ///
    /// ```
    /// let mutex = nexus_lockprof::Mutex::new(0);
    /// *mutex.lock() += 1;
    /// assert_eq!(*mutex.lock(), 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, R, T> {
        self.0.lock()
    }

    /// Acquires the mutex if it is free. Returns `None` if it is not, without waiting.
    ///
    /// ```
    /// let mutex = nexus_lockprof::Mutex::new(0);
    /// let guard = mutex.lock();
    /// assert!(mutex.try_lock().is_none());
    /// drop(guard);
    /// assert!(mutex.try_lock().is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, R, T>> {
        self.0.try_lock()
    }

    /// The data, without locking: `&mut self` proves that nobody else can reach it.
    ///
    /// A forgotten guard leaves the lock locked; this does not unlock it.
    #[inline]
    pub const fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Returns whether the mutex is locked right now. Records nothing.
    ///
    /// The answer may already be out of date.
    ///
    /// ```
    /// let mutex = nexus_lockprof::Mutex::new(());
    /// assert!(!mutex.is_locked());
    /// let _guard = mutex.lock();
    /// assert!(mutex.is_locked());
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// Makes a guard for an acquisition whose state is `guard`.
    ///
    /// # Safety
    ///
    /// The calling context must hold this mutex by the acquisition that `guard` belongs to. No
    /// other guard may stand for that acquisition, and no existing reference to the data may
    /// conflict with access through the new guard.
    #[inline]
    pub unsafe fn make_guard_unchecked(&self, guard: R::Guard) -> MutexGuard<'_, R, T> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.make_guard_unchecked(guard) }
    }

    /// Releases an acquisition whose state was kept without a guard.
    ///
    /// # Safety
    ///
    /// The calling context must hold this mutex by the acquisition that `guard` belongs to. No live
    /// guard may release it too, and no reference to the data may be used afterwards without
    /// synchronisation.
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock(&self, guard: R::Guard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.force_unlock(guard) }
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

impl<R: RawMutexFair, T: ?Sized> Mutex<R, T> {
    /// [`force_unlock`](Self::force_unlock), handing the mutex to a waiting thread if there is one.
    ///
    /// # Safety
    ///
    /// As for [`force_unlock`](Self::force_unlock).
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock_fair(&self, guard: R::Guard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.force_unlock_fair(guard) }
    }
}

impl<R: RawMutexTimed, T: ?Sized> Mutex<R, T> {
    /// Acquires the mutex, waiting at most `timeout`. `None` if time ran out.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mutex = nexus_lockprof::Mutex::new(0);
    /// let _guard = mutex.lock();
    /// assert!(mutex.try_lock_for(Duration::from_millis(1)).is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock_for(&self, timeout: R::Duration) -> Option<MutexGuard<'_, R, T>> {
        self.0.try_lock_for(timeout)
    }

    /// Acquires the mutex, waiting at most until `timeout`. `None` if time ran out.
    #[inline]
    #[track_caller]
    pub fn try_lock_until(&self, timeout: R::Instant) -> Option<MutexGuard<'_, R, T>> {
        self.0.try_lock_until(timeout)
    }
}

impl<R: RawMutex, T: ?Sized + fmt::Debug> fmt::Debug for Mutex<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Serialises the data, under the lock.
#[cfg(feature = "serde")]
impl<R: RawMutex, T: ?Sized + serde::Serialize> serde::Serialize for Mutex<R, T> {
    #[track_caller]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock().serialize(serializer)
    }
}
