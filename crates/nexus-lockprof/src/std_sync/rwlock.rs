//! The reader-writer lock.

use std::fmt;
use std::panic::Location;
use std::sync::{LockResult, TryLockResult};

use nexus_lockprof_adaptor::HoldMode::{Exclusive, Shared};
use nexus_lockprof_adaptor::ProfiledGuard;

use crate::access::access;

use super::held::{Held, Watched, acquire, try_acquire};
use super::lock::lock;

lock! {
    /// [`std::sync::RwLock`], profiled: many readers or one writer. A writer's panic poisons it, a
    /// reader's does not.
    ///
    /// A read and a write at one place are two acquisition points. The lock is 24 bytes larger than
    /// std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use nexus_lockprof::std_sync::RwLock;
    ///
    /// static ROUTES: RwLock<Vec<&str>> = RwLock::named("routes", Vec::new());
    ///
    /// ROUTES.write().unwrap().push("/");
    /// let (one, two) = (ROUTES.read().unwrap(), ROUTES.try_read().unwrap());
    /// assert_eq!(one.len() + two.len(), 2);
    /// assert!(ROUTES.try_write().is_err());
    /// ```
    RwLock, "write"
}

impl<T: ?Sized> RwLock<T> {
    /// Acquires shared access, and waits until there is no writer.
    ///
    /// # Errors
    /// If the lock is poisoned. The error holds the guard.
    ///
    /// # Panics
    /// Where std's does: possibly if this thread already holds it. Otherwise it waits for ever.
    ///
    /// ```
    /// let lock = nexus_lockprof::std_sync::RwLock::new(1);
    /// assert_eq!(*lock.read().unwrap(), 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        acquire(
            &self.watched,
            Location::caller(),
            Shared,
            || self.std.try_read(),
            || self.std.read(),
            || self.std.is_poisoned(),
            RwLockReadGuard,
        )
    }

    /// Acquires shared access if that needs no wait.
    ///
    /// # Errors
    /// [`WouldBlock`](super::TryLockError::WouldBlock) if it would have to wait.
    /// [`Poisoned`](super::TryLockError::Poisoned), with the guard, if it would not but the lock is
    /// poisoned.
    ///
    /// ```
    /// let lock = nexus_lockprof::std_sync::RwLock::new(1);
    /// let _write = lock.write().unwrap();
    /// assert!(lock.try_read().is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        try_acquire(
            &self.watched,
            Location::caller(),
            Shared,
            || self.std.try_read(),
            || self.std.is_poisoned(),
            RwLockReadGuard,
        )
    }

    /// Acquires exclusive access, and waits until nobody else has access.
    ///
    /// # Errors
    /// If the lock is poisoned. The error holds the guard.
    ///
    /// # Panics
    /// As for [`read`](Self::read).
    ///
    /// ```
    /// let lock = nexus_lockprof::std_sync::RwLock::new(1);
    /// *lock.write().unwrap() += 1;
    /// assert_eq!(*lock.read().unwrap(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        acquire(
            &self.watched,
            Location::caller(),
            Exclusive,
            || self.std.try_write(),
            || self.std.write(),
            || self.std.is_poisoned(),
            RwLockWriteGuard,
        )
    }

    /// Acquires exclusive access if the lock is free.
    ///
    /// # Errors
    /// As for [`try_read`](Self::try_read).
    ///
    /// ```
    /// let lock = nexus_lockprof::std_sync::RwLock::new(1);
    /// let _read = lock.read().unwrap();
    /// assert!(lock.try_write().is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        try_acquire(
            &self.watched,
            Location::caller(),
            Exclusive,
            || self.std.try_write(),
            || self.std.is_poisoned(),
            RwLockWriteGuard,
        )
    }
}

/// Holds an [`RwLock`] for reading until dropped.
///
/// ```
/// use nexus_lockprof::std_sync::{RwLock, RwLockReadGuard};
///
/// let lock = RwLock::new(1);
/// let guard: RwLockReadGuard<'_, i32> = lock.read().unwrap();
/// assert_eq!(*guard, 1);
/// ```
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a>(Held<'a, std::sync::RwLockReadGuard<'a, T>>);

/// Holds an [`RwLock`] for writing until dropped.
///
/// ```
/// use nexus_lockprof::std_sync::{RwLock, RwLockWriteGuard};
///
/// let lock = RwLock::new(1);
/// let mut guard: RwLockWriteGuard<'_, i32> = lock.write().unwrap();
/// *guard += 1;
/// let guard = RwLockWriteGuard::downgrade(guard);
/// assert_eq!((*guard, *lock.read().unwrap()), (2, 2));
/// ```
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a>(Held<'a, std::sync::RwLockWriteGuard<'a, T>>);

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Turns write access into read access, without letting another writer in between. Ends one
    /// acquisition and records a new one, at the line of this call. See the type's example.
    #[inline]
    #[track_caller]
    pub fn downgrade(s: Self) -> RwLockReadGuard<'a, T> {
        let (watched, std, pending_ref) = s.0.into_parts();
        let guard = ProfiledGuard::new(std, pending_ref);
        // SAFETY: these are the parts of this guard. Its lock is on the global engine, like all
        // locks of this module.
        let guard = unsafe {
            watched.change_with(Location::caller(), Shared, guard, |(), std| {
                std::sync::RwLockWriteGuard::downgrade(std)
            })
        };
        let (std, pending_ref) = guard.into_parts();
        RwLockReadGuard(Held::new(watched, std, pending_ref))
    }
}

access! {
    0:
    [T: ?Sized] RwLockReadGuard<'_, T> => T;
}
access! {
    mut 0:
    [T: ?Sized] RwLockWriteGuard<'_, T> => T;
}
