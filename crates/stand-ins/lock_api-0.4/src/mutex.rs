//! The mutex.

use crate::guard::Guard;
use crate::lock::{Lock, acquire, debug, lock};
use crate::raw::{OfMutex, Raw, RawFair, RawTimed, unknown};
use nexus_lockprof_adaptor::Profiled;
use real::{RawMutex, RawMutexFair, RawMutexTimed};
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::Location;
#[cfg(feature = "arc_lock")]
use std::sync::Arc;

/// A mutual exclusion lock, over a raw lock `R`.
pub struct Mutex<R, T: ?Sized> {
    pub(crate) core: Profiled<R>,
    pub(crate) data: UnsafeCell<T>,
}

lock! { Mutex [R: RawMutex], Profiled<R>, [Send] }

impl<R: RawMutex, T> Mutex<R, T> {
    /// Creates an unlocked mutex, identified by the place of this call.
    #[inline]
    #[track_caller]
    pub const fn new(val: T) -> Mutex<R, T> {
        Self::from_raw(R::INIT, val)
    }
}

impl<R, T> Mutex<R, T> {
    /// Creates a mutex from this raw lock, identified by the place of this call.
    #[inline]
    #[track_caller]
    pub const fn from_raw(raw_mutex: R, val: T) -> Mutex<R, T> {
        Mutex {
            core: Profiled::from_raw_created_at(raw_mutex, Location::caller()),
            data: UnsafeCell::new(val),
        }
    }

    /// The older name of [`from_raw`](Self::from_raw).
    #[inline]
    #[track_caller]
    pub const fn const_new(raw_mutex: R, val: T) -> Mutex<R, T> {
        Self::from_raw(raw_mutex, val)
    }
}

acquire! { [R: RawMutex, T: ?Sized] Mutex<R, T>, OfMutex, Raw<OfMutex>: lock try_lock lock_arc try_lock_arc }
acquire! { timed [R: RawMutexTimed, T: ?Sized] Mutex<R, T>, OfMutex, RawTimed<OfMutex>: try_lock_for try_lock_until try_lock_arc_for try_lock_arc_until }

impl<R: RawMutex, T: ?Sized> Mutex<R, T> {
    /// Makes a guard of a locked mutex.
    ///
    /// # Safety
    /// The caller must hold the mutex, without another guard.
    #[inline]
    pub unsafe fn make_guard_unchecked(&self) -> Guard<&Self, OfMutex> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { Guard::new(self, unknown()) }
    }

    /// Makes a guard of a locked mutex, which owns the mutex.
    ///
    /// # Safety
    /// The caller must hold the mutex, without another guard.
    #[cfg(feature = "arc_lock")]
    #[inline]
    pub unsafe fn make_arc_guard_unchecked(self: &Arc<Self>) -> Guard<Arc<Self>, OfMutex> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { Guard::new(Arc::clone(self), unknown()) }
    }

    /// Returns whether the mutex is locked.
    #[inline]
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.core.raw().is_locked()
    }

    /// Unlocks the mutex.
    ///
    /// # Safety
    /// The caller must hold the mutex by a forgotten guard.
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock(&self) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.core.unlock(unknown()) };
    }

    /// The raw lock. Its use is not seen.
    ///
    /// # Safety
    /// The mutex must not be unlocked while there is a guard.
    #[inline]
    pub unsafe fn raw(&self) -> &R {
        self.core.raw()
    }
}

impl<R: RawMutexFair, T: ?Sized> Mutex<R, T> {
    /// Unlocks the mutex fairly.
    ///
    /// # Safety
    /// As for [`force_unlock`](Self::force_unlock).
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock_fair(&self) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.core.unlock_fair(unknown()) };
    }
}

impl<'a, R: RawMutex, T: ?Sized> Guard<&'a Mutex<R, T>, OfMutex> {
    /// The guard's mutex.
    pub fn mutex(s: &Self) -> &'a Mutex<R, T> {
        Self::place(s)
    }

    /// The data. The mutex stays locked for ever.
    #[inline]
    pub fn leak(s: Self) -> &'a mut T {
        let (mutex, _) = Self::into_parts(s);
        // SAFETY: the mutex stays locked for ever.
        unsafe { &mut *mutex.data.get() }
    }
}

#[cfg(feature = "arc_lock")]
impl<R: RawMutex, T: ?Sized> Guard<Arc<Mutex<R, T>>, OfMutex> {
    /// The guard's mutex.
    #[inline]
    pub fn mutex(s: &Self) -> &Arc<Mutex<R, T>> {
        Self::place(s)
    }
}

impl<R: RawMutex, T: ?Sized + fmt::Debug> fmt::Debug for Mutex<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ours = self.core.raw().try_lock();
        // SAFETY: just acquired.
        let guard = is_ours.then(|| unsafe { self.make_guard_unchecked() });
        debug(f, "Mutex", guard.as_deref())
    }
}

#[cfg(feature = "serde")]
impl<R: RawMutex, T: ?Sized + serde::Serialize> serde::Serialize for Mutex<R, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock().serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de, R: RawMutex, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Mutex<R, T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|data| Self::new(data))
    }
}
