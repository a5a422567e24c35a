//! The mutex.

use std::fmt;
use std::panic::Location;
use std::sync::{LockResult, TryLockResult};

use nexus_lockprof_adaptor::HoldMode::Exclusive;

use crate::access::access;

use super::held::{Held, Watched, acquire, try_acquire};
use super::lock::lock;

lock! {
    /// [`std::sync::Mutex`], profiled: a mutual exclusion lock. A panic of its holder poisons it.
    ///
    /// It is 24 bytes larger than std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use nexus_lockprof::std_sync::{Arc, Mutex};
    /// use std::thread;
    ///
    /// let hits = Arc::new(Mutex::new(0));
    /// let threads: Vec<_> = (0..4)
    ///     .map(|_| {
    ///         let hits = Arc::clone(&hits);
    ///         thread::spawn(move || *hits.lock().unwrap() += 1)
    ///     })
    ///     .collect();
    /// for thread in threads {
    ///     thread.join().unwrap();
    /// }
    /// assert_eq!(*hits.lock().unwrap(), 4);
    /// ```
    ///
    /// A panic while it is held poisons it:
    ///
    /// ```
    /// use nexus_lockprof::std_sync::Mutex;
    /// use std::panic::catch_unwind;
    ///
    /// static JOBS: Mutex<u32> = Mutex::named("jobs", 1);
    ///
    /// let panicked = catch_unwind(|| {
    ///     let _jobs = JOBS.lock();
    ///     panic!("half way through");
    /// });
    /// assert!(panicked.is_err() && JOBS.is_poisoned());
    /// let mut jobs = JOBS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    /// *jobs = 0; // made good
    /// JOBS.clear_poison();
    /// ```
    Mutex, "lock"
}

impl<T: ?Sized> Mutex<T> {
    /// Acquires the mutex, and waits until it is free.
    ///
    /// # Errors
    /// If the mutex is poisoned. The error holds the guard.
    ///
    /// # Panics
    /// Where std's does: possibly if this thread already holds it. Otherwise it waits for ever.
    ///
    /// ```
    /// let mutex = nexus_lockprof::std_sync::Mutex::new(1);
    /// *mutex.lock().unwrap() += 1;
    /// assert_eq!(*mutex.lock().unwrap(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        acquire(
            &self.watched,
            Location::caller(),
            Exclusive,
            || self.std.try_lock(),
            || self.std.lock(),
            || self.std.is_poisoned(),
            MutexGuard,
        )
    }

    /// Acquires the mutex if it is free.
    ///
    /// # Errors
    /// [`WouldBlock`](super::TryLockError::WouldBlock) if it is not free.
    /// [`Poisoned`](super::TryLockError::Poisoned), with the guard, if it is free but poisoned.
    ///
    /// ```
    /// use nexus_lockprof::std_sync::{Mutex, TryLockError};
    ///
    /// let mutex = Mutex::new(1);
    /// let _guard = mutex.try_lock().unwrap();
    /// assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        try_acquire(
            &self.watched,
            Location::caller(),
            Exclusive,
            || self.std.try_lock(),
            || self.std.is_poisoned(),
            MutexGuard,
        )
    }
}

/// Holds a [`Mutex`] until dropped, and gives access to its data.
///
/// ```
/// use nexus_lockprof::std_sync::{Mutex, MutexGuard};
///
/// let mutex = Mutex::new(String::from("a"));
/// let mut guard: MutexGuard<'_, String> = mutex.lock().unwrap();
/// guard.push('b');
/// assert_eq!(guard.to_string(), "ab");
/// ```
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized + 'a>(pub(super) Held<'a, std::sync::MutexGuard<'a, T>>);

access! {
    mut 0:
    [T: ?Sized] MutexGuard<'_, T> => T;
}
