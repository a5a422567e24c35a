//! The mutex.

use super::future::{Acquire, Finish};
use super::held::{self, Held, Metered, map};
use super::meter::{self, HoldMode::Exclusive, Meter, PendingRef, ProfiledGuard};
use crate::access::access;
use ::tokio::sync::{self, TryLockError};
use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// [`tokio::sync::Mutex`](sync::Mutex), profiled.
///
/// ```
/// use nexus_lockprof::tokio::Mutex;
///
/// let mutex = Mutex::new(1);
/// *mutex.try_lock()? += 1;
/// assert_eq!(*mutex.try_lock()?, 2);
/// # Ok::<(), nexus_lockprof::tokio::TryLockError>(())
/// ```
pub struct Mutex<T: ?Sized> {
    meter: Meter,
    // Last, so that the data may be unsized.
    inner: sync::Mutex<T>,
}

impl<T: ?Sized> Metered for Mutex<T> {
    fn meter(&self) -> &Meter {
        &self.meter
    }
}

impl<T> Mutex<T> {
    /// Creates an unlocked mutex, identified by the place of this call.
    #[track_caller]
    pub fn new(t: T) -> Self {
        Mutex {
            meter: meter::created_at(Location::caller()),
            inner: sync::Mutex::new(t),
        }
    }

    /// [`new`](Self::new), in a constant.
    #[track_caller]
    pub const fn const_new(t: T) -> Self {
        Mutex {
            meter: meter::created_at(Location::caller()),
            inner: sync::Mutex::const_new(t),
        }
    }

    /// Creates an unlocked mutex, identified by a name.
    ///
    /// ```
    /// use nexus_lockprof::tokio::Mutex;
    ///
    /// static SESSIONS: Mutex<u32> = Mutex::named("sessions", 0);
    /// assert!(SESSIONS.try_lock().is_ok());
    /// ```
    pub const fn named(name: &'static str, t: T) -> Self {
        Mutex {
            meter: meter::named(name),
            inner: sync::Mutex::const_new(t),
        }
    }

    /// Consumes the mutex and returns its data.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Acquires the mutex, in turn with all other waiters.
    ///
    /// # Cancel safety
    /// As for tokio's: a cancelled caller loses its place in the queue.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> {
        let site = Location::caller();
        Acquire::new(&self.meter, site, Exclusive, self.inner.lock(), self)
    }

    /// Acquires the mutex if it is free.
    ///
    /// # Errors
    /// If it is not free.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        let held = held::attempt(&self.meter, Location::caller(), Exclusive, || {
            self.inner.try_lock()
        })?;
        Ok(MutexGuard { held, lock: self })
    }

    /// Acquires the mutex, blocking the thread.
    ///
    /// # Panics
    /// Inside a runtime.
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        let Ok(held) = held::blocking(
            &self.meter,
            Location::caller(),
            Exclusive,
            || held::Look::free_if(self.inner.try_lock().is_ok()),
            || Ok::<_, Infallible>(self.inner.blocking_lock()),
        );
        MutexGuard { held, lock: self }
    }

    /// The data: a mutable borrow is already exclusive.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

impl<T: ?Sized + 'static> Mutex<T> {
    /// [`lock`](Self::lock), with a guard that owns the mutex.
    #[track_caller]
    pub fn lock_owned(self: Arc<Self>) -> impl Future<Output = OwnedMutexGuard<T>> {
        let site = Location::caller();
        async move {
            // SAFETY: tokio's guard is dropped before the mutex that ours owns: see `Held`.
            let future = async { unsafe { extended(self.inner.lock().await) } };
            let guard = held::metered(&self.meter, site, Exclusive, future).await;
            OwnedMutexGuard {
                held: Held::new(self, guard),
            }
        }
    }

    /// [`try_lock`](Self::try_lock), with a guard that owns the mutex.
    ///
    /// # Errors
    /// If it is not free.
    #[track_caller]
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        let place = Arc::clone(&self);
        let held = held::attempt(place, Location::caller(), Exclusive, || {
            // SAFETY: tokio's guard is dropped before the mutex that ours owns: see `Held`.
            self.inner
                .try_lock()
                .map(|guard| unsafe { extended(guard) })
        })?;
        Ok(OwnedMutexGuard { held })
    }

    /// [`blocking_lock`](Self::blocking_lock), with a guard that owns the mutex.
    ///
    /// # Panics
    /// Inside a runtime.
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        let place = Arc::clone(&self);
        let Ok(held) = held::blocking(
            place,
            Location::caller(),
            Exclusive,
            || held::Look::free_if(self.inner.try_lock().is_ok()),
            // SAFETY: tokio's guard is dropped before the mutex that ours owns: see `Held`.
            || Ok::<_, Infallible>(unsafe { extended(self.inner.blocking_lock()) }),
        );
        OwnedMutexGuard { held }
    }
}

/// # Safety
/// The mutex must outlive the guard.
unsafe fn extended<T: ?Sized>(guard: sync::MutexGuard<'_, T>) -> sync::MutexGuard<'static, T> {
    // SAFETY: the caller guarantees it; only the lifetime changes.
    unsafe { std::mem::transmute::<sync::MutexGuard<'_, T>, sync::MutexGuard<'static, T>>(guard) }
}

impl<'a, T: ?Sized> Finish<sync::MutexGuard<'a, T>> for &'a Mutex<T> {
    type Output = MutexGuard<'a, T>;

    #[inline(always)]
    fn is_owned(_: &sync::MutexGuard<'a, T>) -> bool {
        true
    }

    #[inline(always)]
    fn finish(self, guard: sync::MutexGuard<'a, T>, pending_ref: PendingRef) -> MutexGuard<'a, T> {
        MutexGuard {
            held: Held::new(&self.meter, ProfiledGuard::new(guard, pending_ref)),
            lock: self,
        }
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(t: T) -> Self {
        Self::new(t)
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Holds a [`Mutex`] until dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized> {
    held: Held<&'a Meter, sync::MutexGuard<'a, T>>,
    lock: &'a Mutex<T>,
}

/// Holds a [`Mutex`] until dropped, and gives access to a part of its data.
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    held: Held<&'a Meter, sync::MappedMutexGuard<'a, T>>,
}

/// Holds a [`Mutex`] until dropped, and shares ownership of it.
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct OwnedMutexGuard<T: ?Sized + 'static> {
    held: Held<Arc<Mutex<T>>, sync::MutexGuard<'static, T>>,
}

/// Holds a [`Mutex`] until dropped, gives access to a part of its data, and shares ownership of it.
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct OwnedMappedMutexGuard<T: ?Sized + 'static, U: ?Sized + 'static = T> {
    held: Held<Arc<Mutex<T>>, sync::MappedMutexGuard<'static, U>>,
}

access! {
    mut held:
    [T: ?Sized] MutexGuard<'_, T> => T;
    [T: ?Sized] MappedMutexGuard<'_, T> => T;
    [T: ?Sized + 'static] OwnedMutexGuard<T> => T;
    [T: ?Sized + 'static, U: ?Sized + 'static] OwnedMappedMutexGuard<T, U> => U;
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Makes a guard of a part of the data.
    pub fn map<U: ?Sized, F>(this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let map = |guard| sync::MutexGuard::map(guard, f);
        MappedMutexGuard {
            held: this.held.map(map),
        }
    }

    /// Makes a guard of a part of the data, if there is one.
    ///
    /// # Errors
    /// The guard, unchanged.
    pub fn try_map<U: ?Sized, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let lock = this.lock;
        let mapped = this
            .held
            .try_map(|guard| sync::MutexGuard::try_map(guard, f));
        mapped
            .map(|held| MappedMutexGuard { held })
            .map_err(|held| MutexGuard { held, lock })
    }

    /// The guard's mutex.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.lock
    }
}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    map!([U, F] MappedMutexGuard, T => U, MappedMutexGuard<'a, U>, &mut);
}

impl<T: ?Sized + 'static> OwnedMutexGuard<T> {
    map!([U: ?Sized, F] MutexGuard, T => U, OwnedMappedMutexGuard<T, U>, &mut);

    /// The guard's mutex.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        this.held.place()
    }
}

impl<T: ?Sized + 'static, U: ?Sized + 'static> OwnedMappedMutexGuard<T, U> {
    map!([S, F] MappedMutexGuard, U => S, OwnedMappedMutexGuard<T, S>, &mut);
}
