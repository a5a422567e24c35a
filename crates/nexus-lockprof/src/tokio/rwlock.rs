//! The reader-writer lock.

use super::future::{Acquire, Finish};
use super::held::{self, Held, Metered};
use super::meter::{self, HoldMode::Exclusive, HoldMode::Shared, Meter, PendingRef, ProfiledGuard};
use super::rwlock_guards::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
use ::tokio::sync::{self, TryLockError};
use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// [`tokio::sync::RwLock`](sync::RwLock), profiled.
///
/// ```
/// use nexus_lockprof::tokio::RwLock;
///
/// let lock = RwLock::new(1);
/// *lock.try_write()? += 1;
/// assert_eq!(*lock.try_read()?, 2);
/// # Ok::<(), nexus_lockprof::tokio::TryLockError>(())
/// ```
pub struct RwLock<T: ?Sized> {
    meter: Meter,
    // Last, so that the data may be unsized.
    inner: sync::RwLock<T>,
}

impl<T: ?Sized> Metered for RwLock<T> {
    fn meter(&self) -> &Meter {
        &self.meter
    }
}

impl<T> RwLock<T> {
    /// Creates an unlocked lock, identified by the place of this call.
    #[track_caller]
    pub fn new(value: T) -> Self {
        RwLock {
            meter: meter::created_at(Location::caller()),
            inner: sync::RwLock::new(value),
        }
    }

    /// Creates a lock for at most `max_reads` readers at a time.
    ///
    /// # Panics
    /// If `max_reads` is more than `u32::MAX >> 3`.
    #[track_caller]
    pub fn with_max_readers(value: T, max_reads: u32) -> Self {
        RwLock {
            meter: meter::created_at(Location::caller()),
            inner: sync::RwLock::with_max_readers(value, max_reads),
        }
    }

    /// [`new`](Self::new), in a constant.
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        RwLock {
            meter: meter::created_at(Location::caller()),
            inner: sync::RwLock::const_new(value),
        }
    }

    /// [`with_max_readers`](Self::with_max_readers), in a constant.
    #[track_caller]
    pub const fn const_with_max_readers(value: T, max_reads: u32) -> Self {
        RwLock {
            meter: meter::created_at(Location::caller()),
            inner: sync::RwLock::const_with_max_readers(value, max_reads),
        }
    }

    /// Creates an unlocked lock, identified by a name.
    ///
    /// ```
    /// use nexus_lockprof::tokio::RwLock;
    ///
    /// static ROUTES: RwLock<u32> = RwLock::named("routes", 0);
    /// assert!(ROUTES.try_read().is_ok());
    /// ```
    pub const fn named(name: &'static str, value: T) -> Self {
        RwLock {
            meter: meter::named(name),
            inner: sync::RwLock::const_new(value),
        }
    }

    /// Consumes the lock and returns its data.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

/// Writes the five ways to acquire in one mode.
macro_rules! mode {
    (
        $mode:ident: $verb:literal, $guard:ident, $owned:ident, $extended:ident,
        $lock:ident, $try_lock:ident, $blocking:ident, $lock_owned:ident, $try_owned:ident
    ) => {
        impl<T: ?Sized> RwLock<T> {
            #[doc = concat!("Acquires the lock for ", $verb, ", in turn with all others who wait.")]
            ///
            /// # Cancel safety
            /// As for tokio's: a cancelled caller loses its place in the queue.
            #[inline]
            #[track_caller]
            pub fn $lock(&self) -> impl Future<Output = $guard<'_, T>> {
                let site = Location::caller();
                Acquire::new(&self.meter, site, $mode, self.inner.$lock(), self)
            }

            #[doc = concat!("Acquires the lock for ", $verb, " if that can be had at once.")]
            ///
            /// # Errors
            /// If it would have to wait.
            #[inline]
            #[track_caller]
            pub fn $try_lock(&self) -> Result<$guard<'_, T>, TryLockError> {
                let try_ = || self.inner.$try_lock();
                let held = held::attempt(&self.meter, Location::caller(), $mode, try_)?;
                Ok($guard { held })
            }

            #[doc = concat!("Acquires the lock for ", $verb, ", and blocks the thread meanwhile.")]
            ///
            /// # Panics
            /// Inside a runtime.
            #[track_caller]
            pub fn $blocking(&self) -> $guard<'_, T> {
                let Ok(held) = held::blocking(
                    &self.meter,
                    Location::caller(),
                    $mode,
                    || held::Look::free_if(self.inner.$try_lock().is_ok()),
                    || Ok::<_, Infallible>(self.inner.$blocking()),
                );
                $guard { held }
            }
        }

        impl<'a, T: ?Sized> Finish<sync::$guard<'a, T>> for &'a RwLock<T> {
            type Output = $guard<'a, T>;

            #[inline(always)]
            fn is_owned(_: &sync::$guard<'a, T>) -> bool {
                true
            }

            #[inline(always)]
            fn finish(self, guard: sync::$guard<'a, T>, pending_ref: PendingRef) -> $guard<'a, T> {
                let guard = ProfiledGuard::new(guard, pending_ref);
                $guard {
                    held: Held::new(&self.meter, guard),
                }
            }
        }

        impl<T: ?Sized + 'static> RwLock<T> {
            #[doc = concat!("Acquires the lock for ", $verb, ", with a guard that owns it.")]
            #[track_caller]
            pub fn $lock_owned(self: Arc<Self>) -> impl Future<Output = $owned<T>> {
                let site = Location::caller();
                async move {
                    // SAFETY: the guard is dropped before the lock that it owns: see `Held`.
                    let future = async { unsafe { $extended(self.inner.$lock().await) } };
                    let guard = held::metered(&self.meter, site, $mode, future).await;
                    $owned {
                        held: Held::new(self, guard),
                    }
                }
            }

            #[doc = concat!("Acquires the lock for ", $verb, " if that can be had at once, with a guard that owns it.")]
            ///
            /// # Errors
            /// If it would have to wait.
            #[track_caller]
            pub fn $try_owned(self: Arc<Self>) -> Result<$owned<T>, TryLockError> {
                let place = Arc::clone(&self);
                let held = held::attempt(place, Location::caller(), $mode, || {
                    // SAFETY: the guard is dropped before the lock that it owns: see `Held`.
                    self.inner.$try_lock().map(|guard| unsafe { $extended(guard) })
                })?;
                Ok($owned { held })
            }
        }
    };
}

mode! {
    Shared: "reading", RwLockReadGuard, OwnedRwLockReadGuard, extended_read,
    read, try_read, blocking_read, read_owned, try_read_owned
}
mode! {
    Exclusive: "writing", RwLockWriteGuard, OwnedRwLockWriteGuard, extended_write,
    write, try_write, blocking_write, write_owned, try_write_owned
}

impl<T: ?Sized> RwLock<T> {
    /// The data: a mutable borrow is already exclusive.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

/// # Safety
/// The lock must outlive the guard.
unsafe fn extended_read<T: ?Sized>(
    guard: sync::RwLockReadGuard<'_, T>,
) -> sync::RwLockReadGuard<'static, T> {
    type Guard<'a, T> = sync::RwLockReadGuard<'a, T>;
    // SAFETY: the caller guarantees it; only the lifetime changes.
    unsafe { std::mem::transmute::<Guard<'_, T>, Guard<'static, T>>(guard) }
}

/// # Safety
/// The lock must outlive the guard.
unsafe fn extended_write<T: ?Sized>(
    guard: sync::RwLockWriteGuard<'_, T>,
) -> sync::RwLockWriteGuard<'static, T> {
    type Guard<'a, T> = sync::RwLockWriteGuard<'a, T>;
    // SAFETY: the caller guarantees it; only the lifetime changes.
    unsafe { std::mem::transmute::<Guard<'_, T>, Guard<'static, T>>(guard) }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
