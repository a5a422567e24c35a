//! The mutex.

use crate::future::Acquiring;
use crate::guard::{Guard, Lock, Meter, WRITE, acquire, auto_traits, debug, is_worth_a_try};
use crate::own;
use nexus_lockprof_adaptor::{Profiled, ProfiledGuard};
use std::cell::UnsafeCell;
use std::convert::{Infallible, identity};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// An asynchronous mutual exclusion lock.
pub struct Mutex<T: ?Sized> {
    meter: Meter,
    inner: real::Mutex<()>,
    data: UnsafeCell<T>,
}

// SAFETY: it owns its data.
unsafe impl<T: Send + ?Sized> Send for Mutex<T> {}
// SAFETY: only one thread at a time has the data.
unsafe impl<T: Send + ?Sized> Sync for Mutex<T> {}

impl<T: ?Sized> Lock for Mutex<T> {
    type Data = T;

    fn meter(&self) -> &Profiled<()> {
        &self.meter
    }

    fn data(&self) -> *mut T {
        self.data.get()
    }
}

impl<T> Mutex<T> {
    /// Creates an unlocked mutex, identified by the place of this call.
    #[track_caller]
    pub const fn new(data: T) -> Mutex<T> {
        Mutex {
            meter: Meter::from_raw_created_at((), Location::caller()),
            inner: real::Mutex::new(()),
            data: UnsafeCell::new(data),
        }
    }

    /// Consumes the mutex and returns its data.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// The data: a mutable borrow is already exclusive.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

acquire! {
    [T: ?Sized] Mutex<T>, WRITE, Mutex, MutexFuture, [&'l Self: identity] => [&'l Self: identity]:
    lock try_lock lock_blocking
}
acquire! {
    arc [T: ?Sized] Mutex<T>, WRITE, Mutex, MutexFuture, [Arc<Self>: Arc::clone] => [Arc<Self>: identity]:
    lock lock_arc, try_lock try_lock_arc, lock_blocking lock_arc_blocking
}

auto_traits! {
    Mutex &Mutex<T>: [Send + ?Sized] [Sync + ?Sized];
    Mutex Arc<Mutex<T>>: [Send + ?Sized] [Sync + ?Sized];
}

impl<'a, T: ?Sized> Guard<&'a Mutex<T>, own::Mutex<'static>> {
    /// The guard's mutex.
    pub fn source(guard: &Self) -> &'a Mutex<T> {
        Self::place(guard)
    }
}

impl<T: ?Sized> Guard<Arc<Mutex<T>>, own::Mutex<'static>> {
    /// The guard's mutex.
    pub fn source(guard: &Self) -> &Arc<Mutex<T>>
    where
        T: Send,
    {
        Self::place(guard)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guard = self.inner.try_lock();
        // SAFETY: the guard holds the lock meanwhile.
        let data = guard.as_ref().map(|_| unsafe { &*self.data.get() });
        debug(f, ["Mutex", "data"], data)
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(val: T) -> Mutex<T> {
        Mutex::new(val)
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}
