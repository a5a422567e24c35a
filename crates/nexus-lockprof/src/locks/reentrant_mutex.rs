use std::fmt;
use std::panic::Location;
#[cfg(feature = "arc_lock")]
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RawThreadId;

#[cfg(feature = "arc_lock")]
use lock_api::ArcReentrantMutexGuard;

use crate::raw::{self, RawReentrant, reentrant_site};

type Inner<T> = lock_api::ReentrantMutex<RawReentrant, RawThreadId, T>;

/// A mutex that its holder may lock again.
///
/// The guards give shared access only, since a thread can have several of them. Use a `Cell` or
/// `RefCell` inside to change the data. Locking again is not an acquisition: it does not count, and
/// the hold lasts until the last guard is dropped.
///
/// Formatting a mutex with `{:?}` acquires it, if it is free, to show the data. That acquisition is
/// recorded too, at a line inside `lock_api`, which does the formatting. So are the re-acquisitions
/// in `ReentrantMutexGuard::unlocked` and `bump`.
///
/// # Examples
///
/// ```
/// use nexus_lockprof::ReentrantMutex;
/// use std::cell::Cell;
///
/// static LOG_DEPTH: ReentrantMutex<Cell<u32>> = ReentrantMutex::named("log", Cell::new(0));
///
/// let outer = LOG_DEPTH.lock();
/// let inner = LOG_DEPTH.lock();
/// inner.set(outer.get() + 1);
/// assert_eq!(LOG_DEPTH.lock().get(), 1);
/// ```
#[repr(transparent)]
pub struct ReentrantMutex<T: ?Sized>(Inner<T>);

/// Holds a [`ReentrantMutex`] until dropped, and gives shared access to its data.
///
/// This is `lock_api`'s guard, with all its functions. `ReentrantMutexGuard::remutex` returns
/// `lock_api`'s mutex; [`ReentrantMutex::from_lock_api_ref`] turns it into ours.
pub type ReentrantMutexGuard<'a, T> =
    lock_api::ReentrantMutexGuard<'a, RawReentrant, RawThreadId, T>;

/// Holds a [`ReentrantMutex`] until dropped, and gives shared access to a part of its data.
pub type MappedReentrantMutexGuard<'a, T> =
    lock_api::MappedReentrantMutexGuard<'a, RawReentrant, RawThreadId, T>;

constructors!(
    ReentrantMutex,
    raw::reentrant_at,
    raw::reentrant_named,
    |raw, value| Self::from_raw(raw, RawThreadId, value)
);

impl<T> ReentrantMutex<T> {
    /// Creates a mutex over an existing raw lock.
    #[inline]
    pub const fn from_raw(raw_mutex: RawReentrant, get_thread_id: RawThreadId, value: T) -> Self {
        Self(lock_api::ReentrantMutex::from_raw(
            raw_mutex,
            get_thread_id,
            value,
        ))
    }

    /// Consumes the mutex and returns its data.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// Takes the mutex apart into its raw lock, its source of thread ids and its data.
    #[inline]
    pub fn into_inner_with_raw(self) -> (RawReentrant, RawThreadId, T) {
        self.0.into_inner_with_raw()
    }
}

conversions! {
    [] ReentrantMutex => Inner<T>, "`ReentrantMutexGuard::remutex`",
    {
        ///
        /// Acquisitions through it are recorded at a line inside `lock_api`.
    }
    {}
}

// Each acquiring method first notes where it was called, because the raw lock cannot find out: see
// `raw/reentrant.rs`.
impl<T: ?Sized> ReentrantMutex<T> {
    /// Acquires the mutex, and waits while another thread holds it. This thread's first acquisition
    /// is recorded at the caller's line.
    ///
    /// # Panics
    ///
    /// If the count of this thread's guards overflows.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> ReentrantMutexGuard<'_, T> {
        let _site = reentrant_site(Location::caller());
        self.0.lock()
    }

    /// Acquires the mutex if no other thread holds it, without waiting.
    ///
    /// # Panics
    ///
    /// As for [`lock`](Self::lock).
    ///
    /// ```
    /// let mutex = nexus_lockprof::ReentrantMutex::new(0);
    /// let _guard = mutex.lock();
    /// assert!(mutex.try_lock().is_some());
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert!(mutex.try_lock().is_none()));
    /// });
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<ReentrantMutexGuard<'_, T>> {
        let _site = reentrant_site(Location::caller());
        self.0.try_lock()
    }

    /// Acquires the mutex, waiting at most `timeout`. `None` if time ran out.
    ///
    /// # Panics
    ///
    /// As for [`lock`](Self::lock).
    #[inline]
    #[track_caller]
    pub fn try_lock_for(&self, timeout: Duration) -> Option<ReentrantMutexGuard<'_, T>> {
        let _site = reentrant_site(Location::caller());
        self.0.try_lock_for(timeout)
    }

    /// Acquires the mutex, waiting at most until `timeout`. `None` if time ran out.
    ///
    /// # Panics
    ///
    /// As for [`lock`](Self::lock).
    #[inline]
    #[track_caller]
    pub fn try_lock_until(&self, timeout: Instant) -> Option<ReentrantMutexGuard<'_, T>> {
        let _site = reentrant_site(Location::caller());
        self.0.try_lock_until(timeout)
    }

    /// The data, without locking: `&mut self` proves that nobody else can reach it.
    ///
    /// A forgotten guard leaves the lock locked; this does not unlock it.
    #[inline]
    pub const fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Returns whether any thread holds the mutex right now. Records nothing.
    ///
    /// The answer may already be out of date.
    #[inline]
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// Returns whether this thread holds the mutex. Records nothing.
    ///
    /// ```
    /// let mutex = nexus_lockprof::ReentrantMutex::new(0);
    /// let _guard = mutex.lock();
    /// assert!(mutex.is_owned_by_current_thread());
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_owned_by_current_thread(&self) -> bool {
        self.0.is_owned_by_current_thread()
    }

    /// Makes a guard for an acquisition by this thread.
    ///
    /// # Safety
    ///
    /// This thread must hold the mutex by an acquisition whose guard was forgotten. No existing
    /// reference to the data may conflict with access through the new guard.
    #[inline]
    pub unsafe fn make_guard_unchecked(&self) -> ReentrantMutexGuard<'_, T> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.make_guard_unchecked() }
    }

    /// Releases one acquisition by this thread whose guard was forgotten.
    ///
    /// # Safety
    ///
    /// This thread must hold the mutex by an acquisition whose guard was forgotten. No reference to
    /// the data may be used afterwards without synchronisation.
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock(&self) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.force_unlock() }
    }

    /// [`force_unlock`](Self::force_unlock). If this was the last acquisition, hands the mutex to a
    /// waiting thread, if there is one.
    ///
    /// # Safety
    ///
    /// As for [`force_unlock`](Self::force_unlock).
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock_fair(&self) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.force_unlock_fair() }
    }

    /// The raw lock.
    ///
    /// # Safety
    ///
    /// Every live guard must stay valid, and so must the mutex's record of its owner.
    #[inline]
    pub unsafe fn raw(&self) -> &RawReentrant {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.0.raw() }
    }

    /// A pointer to the data, never null. Holding the mutex does not allow writes through it,
    /// because another guard of this thread may be reading.
    #[inline]
    pub const fn data_ptr(&self) -> *mut T {
        self.0.data_ptr()
    }
}

#[cfg(feature = "arc_lock")]
impl<T: ?Sized> ReentrantMutex<T> {
    /// [`lock`](Self::lock), with a guard that owns a clone of the `Arc`.
    ///
    /// ```
    /// use nexus_lockprof::{ArcReentrantMutexGuard, RawReentrant, RawThreadId, ReentrantMutex};
    /// use std::sync::Arc;
    ///
    /// fn locked() -> ArcReentrantMutexGuard<RawReentrant, RawThreadId, u32> {
    ///     Arc::new(ReentrantMutex::new(4)).lock_arc()
    /// }
    /// assert_eq!(*locked(), 4);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_arc(self: &Arc<Self>) -> ArcReentrantMutexGuard<RawReentrant, RawThreadId, T> {
        let _site = reentrant_site(Location::caller());
        self.arc_as_lock_api().lock_arc()
    }

    /// [`try_lock`](Self::try_lock), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_lock_arc(
        self: &Arc<Self>,
    ) -> Option<ArcReentrantMutexGuard<RawReentrant, RawThreadId, T>> {
        let _site = reentrant_site(Location::caller());
        self.arc_as_lock_api().try_lock_arc()
    }

    /// [`try_lock_for`](Self::try_lock_for), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_lock_arc_for(
        self: &Arc<Self>,
        timeout: Duration,
    ) -> Option<ArcReentrantMutexGuard<RawReentrant, RawThreadId, T>> {
        let _site = reentrant_site(Location::caller());
        self.arc_as_lock_api().try_lock_arc_for(timeout)
    }

    /// [`try_lock_until`](Self::try_lock_until), with a guard that owns a clone of the `Arc`.
    #[inline]
    #[track_caller]
    pub fn try_lock_arc_until(
        self: &Arc<Self>,
        timeout: Instant,
    ) -> Option<ArcReentrantMutexGuard<RawReentrant, RawThreadId, T>> {
        let _site = reentrant_site(Location::caller());
        self.arc_as_lock_api().try_lock_arc_until(timeout)
    }

    /// [`make_guard_unchecked`](Self::make_guard_unchecked), with a guard that owns a clone of the
    /// `Arc`.
    ///
    /// # Safety
    ///
    /// As for [`make_guard_unchecked`](Self::make_guard_unchecked).
    #[inline]
    pub unsafe fn make_arc_guard_unchecked(
        self: &Arc<Self>,
    ) -> ArcReentrantMutexGuard<RawReentrant, RawThreadId, T> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.arc_as_lock_api().make_arc_guard_unchecked() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Serialises the data, under the lock.
#[cfg(feature = "serde")]
impl<T: ?Sized + serde::Serialize> serde::Serialize for ReentrantMutex<T> {
    #[track_caller]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock().serialize(serializer)
    }
}
