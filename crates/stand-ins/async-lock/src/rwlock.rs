//! The reader-writer lock.

use crate::guard::{Lock, Meter, debug};
use nexus_lockprof_adaptor::Profiled;
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::Location;

/// An asynchronous reader-writer lock.
pub struct RwLock<T: ?Sized> {
    pub(crate) meter: Meter,
    pub(crate) inner: real::RwLock<()>,
    data: UnsafeCell<T>,
}

// SAFETY: it owns its data.
unsafe impl<T: Send + ?Sized> Send for RwLock<T> {}
// SAFETY: one writer at a time has the data, or the readers share it.
unsafe impl<T: Send + Sync + ?Sized> Sync for RwLock<T> {}

impl<T: ?Sized> Lock for RwLock<T> {
    type Data = T;

    fn meter(&self) -> &Profiled<()> {
        &self.meter
    }

    fn data(&self) -> *mut T {
        self.data.get()
    }
}

impl<T> RwLock<T> {
    /// Creates an unlocked lock, identified by the place of this call.
    #[must_use]
    #[inline]
    #[track_caller]
    pub const fn new(t: T) -> RwLock<T> {
        RwLock {
            meter: Meter::from_raw_created_at((), Location::caller()),
            inner: real::RwLock::new(()),
            data: UnsafeCell::new(t),
        }
    }

    /// Consumes the lock and returns its data.
    #[must_use]
    #[inline]
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// The data: a mutable borrow is already exclusive.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guard = self.inner.try_read();
        // SAFETY: the guard holds the lock meanwhile.
        let data = guard.as_ref().map(|_| unsafe { &*self.data.get() });
        debug(f, ["RwLock", "value"], data)
    }
}

impl<T> From<T> for RwLock<T> {
    #[inline]
    #[track_caller]
    fn from(val: T) -> RwLock<T> {
        RwLock::new(val)
    }
}

impl<T: Default> Default for RwLock<T> {
    #[inline]
    #[track_caller]
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}
