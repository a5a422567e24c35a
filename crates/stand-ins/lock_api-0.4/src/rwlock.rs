//! The reader-writer lock.

use crate::guard::Guard;
use crate::lock::{Lock, acquire, debug, lock};
use crate::raw::{Raw, RawFair, RawTimed, Read, ReadAgain, Upgradable, Write, unknown};
use nexus_lockprof_adaptor::Profiled;
use real::{
    RawRwLock, RawRwLockFair, RawRwLockRecursive, RawRwLockRecursiveTimed, RawRwLockTimed,
    RawRwLockUpgrade, RawRwLockUpgradeTimed,
};
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::Location;
#[cfg(feature = "arc_lock")]
use std::sync::Arc;

/// A reader-writer lock, over a raw lock `R`.
pub struct RwLock<R, T: ?Sized> {
    core: Profiled<R>,
    data: UnsafeCell<T>,
}

lock! { RwLock [R: RawRwLock], Profiled<R>, [Send + Sync] }

impl<R: RawRwLock, T> RwLock<R, T> {
    /// Creates an unlocked lock, identified by the place of this call.
    #[inline]
    #[track_caller]
    pub const fn new(val: T) -> RwLock<R, T> {
        Self::from_raw(R::INIT, val)
    }
}

impl<R, T> RwLock<R, T> {
    /// Creates a lock from this raw lock, identified by the place of this call.
    #[inline]
    #[track_caller]
    pub const fn from_raw(raw_rwlock: R, val: T) -> RwLock<R, T> {
        RwLock {
            core: Profiled::from_raw_created_at(raw_rwlock, Location::caller()),
            data: UnsafeCell::new(val),
        }
    }

    /// The older name of [`from_raw`](Self::from_raw).
    #[inline]
    #[track_caller]
    pub const fn const_new(raw_rwlock: R, val: T) -> RwLock<R, T> {
        Self::from_raw(raw_rwlock, val)
    }
}

acquire! { [R: RawRwLock, T: ?Sized] RwLock<R, T>, Read, Raw<Read>: read try_read read_arc try_read_arc }
acquire! { [R: RawRwLock, T: ?Sized] RwLock<R, T>, Write, Raw<Write>: write try_write write_arc try_write_arc }
acquire! { [R: RawRwLockUpgrade, T: ?Sized] RwLock<R, T>, Upgradable, Raw<Upgradable>: upgradable_read try_upgradable_read upgradable_read_arc try_upgradable_read_arc }
acquire! { [R: RawRwLockRecursive, T: ?Sized] RwLock<R, T>, Read, Raw<ReadAgain>: read_recursive try_read_recursive read_arc_recursive try_read_recursive_arc }
acquire! { timed [R: RawRwLockTimed, T: ?Sized] RwLock<R, T>, Read, RawTimed<Read>: try_read_for try_read_until try_read_arc_for try_read_arc_until }
acquire! { timed [R: RawRwLockTimed, T: ?Sized] RwLock<R, T>, Write, RawTimed<Write>: try_write_for try_write_until try_write_arc_for try_write_arc_until }
acquire! { timed [R: RawRwLockUpgradeTimed, T: ?Sized] RwLock<R, T>, Upgradable, RawTimed<Upgradable>: try_upgradable_read_for try_upgradable_read_until try_upgradable_read_arc_for try_upgradable_read_arc_until }
acquire! { timed [R: RawRwLockRecursiveTimed, T: ?Sized] RwLock<R, T>, Read, RawTimed<ReadAgain>: try_read_recursive_for try_read_recursive_until try_read_arc_recursive_for try_read_arc_recursive_until }

/// Writes the functions of one mode for holders without a guard.
macro_rules! unchecked {
    ($bound:ident, $mode:ty: $make:ident $make_arc:ident) => {
        impl<R: $bound, T: ?Sized> RwLock<R, T> {
            /// Makes a guard of a lock that is held in this mode.
            ///
            /// # Safety
            /// The caller must hold the lock, without another guard of this acquisition.
            #[inline]
            pub unsafe fn $make(&self) -> Guard<&Self, $mode> {
                // SAFETY: the caller upholds this function's contract.
                unsafe { Guard::new(self, unknown()) }
            }

            /// Makes a guard of a lock that is held in this mode, which owns the lock.
            ///
            /// # Safety
            /// The caller must hold the lock, without another guard of this acquisition.
            #[cfg(feature = "arc_lock")]
            #[inline]
            pub unsafe fn $make_arc(self: &Arc<Self>) -> Guard<Arc<Self>, $mode> {
                // SAFETY: the caller upholds this function's contract.
                unsafe { Guard::new(Arc::clone(self), unknown()) }
            }
        }
    };
    ($mode:ty: $unlock:ident $unlock_fair:ident) => {
        impl<R: RawRwLock, T: ?Sized> RwLock<R, T> {
            /// Releases the lock in this mode.
            ///
            /// # Safety
            /// The caller must hold it by a forgotten guard.
            #[inline]
            #[track_caller]
            pub unsafe fn $unlock(&self) {
                // SAFETY: the caller upholds this function's contract.
                unsafe { Raw::<$mode>::unlock(&self.core, unknown()) };
            }
        }

        impl<R: RawRwLockFair, T: ?Sized> RwLock<R, T> {
            /// Releases the lock fairly, in this mode.
            ///
            /// # Safety
            /// The caller must hold it by a forgotten guard.
            #[inline]
            #[track_caller]
            pub unsafe fn $unlock_fair(&self) {
                // SAFETY: the caller upholds this function's contract.
                unsafe { RawFair::<$mode>::unlock_fair(&self.core, unknown()) };
            }
        }
    };
}
unchecked! { RawRwLock, Read: make_read_guard_unchecked make_arc_read_guard_unchecked }
unchecked! { RawRwLock, Write: make_write_guard_unchecked make_arc_write_guard_unchecked }
unchecked! { RawRwLockUpgrade, Upgradable: make_upgradable_guard_unchecked make_upgradable_arc_guard_unchecked }
unchecked! { Read: force_unlock_read force_unlock_read_fair }
unchecked! { Write: force_unlock_write force_unlock_write_fair }

impl<R: RawRwLock, T: ?Sized> RwLock<R, T> {
    /// Returns whether the lock is held in any mode.
    #[inline]
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.core.raw().is_locked()
    }

    /// Returns whether the lock is held for writing.
    #[cfg(not(lockprof_old_lock_api))]
    #[inline]
    #[track_caller]
    pub fn is_locked_exclusive(&self) -> bool {
        self.core.raw().is_locked_exclusive()
    }

    /// The raw lock. Its use is not seen.
    ///
    /// # Safety
    /// The lock must not be released while there is a guard.
    #[inline]
    pub unsafe fn raw(&self) -> &R {
        self.core.raw()
    }
}

impl<R: RawRwLock, T: ?Sized + fmt::Debug> fmt::Debug for RwLock<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ours = self.core.raw().try_lock_shared();
        // SAFETY: just acquired.
        let guard = is_ours.then(|| unsafe { self.make_read_guard_unchecked() });
        debug(f, "RwLock", guard.as_deref())
    }
}

#[cfg(feature = "serde")]
impl<R: RawRwLock, T: ?Sized + serde::Serialize> serde::Serialize for RwLock<R, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read().serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de, R: RawRwLock, T: serde::Deserialize<'de>> serde::Deserialize<'de> for RwLock<R, T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|data| Self::new(data))
    }
}
