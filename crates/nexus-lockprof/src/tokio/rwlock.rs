//! The reader-writer lock.

use super::held::Metered;
use super::meter::{self, Meter};
use ::tokio::sync;
use std::fmt;
use std::panic::Location;

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
    pub(super) meter: Meter,
    // Last, so that the data may be unsized.
    pub(super) inner: sync::RwLock<T>,
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

impl<T: ?Sized> RwLock<T> {
    /// The data: a mutable borrow is already exclusive.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
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
