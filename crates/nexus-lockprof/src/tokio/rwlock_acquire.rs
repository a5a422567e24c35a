//! The ways to acquire a reader-writer lock.

use super::future::{Acquire, Finish};
use super::held::{self, Held};
use super::meter::{HoldMode::Exclusive, HoldMode::Shared, PendingRef, ProfiledGuard};
use super::rwlock::RwLock;
use super::rwlock_guards::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
use ::tokio::sync::{self, TryLockError};
use std::convert::Infallible;
use std::panic::Location;
use std::sync::Arc;

/// Writes the five ways to acquire in one mode.
macro_rules! mode {
    (
        $mode:ident: $verb:literal, $guard:ident, $owned:ident, $extended:ident,
        $lock:ident, $try_lock:ident, $blocking:ident, $lock_owned:ident, $try_owned:ident
    ) => {
        impl<T: ?Sized> RwLock<T> {
            #[doc = concat!("Acquires the lock for ", $verb, ", in turn with all other waiters.")]
            ///
            /// # Cancel safety
            /// As for tokio's: a cancelled caller loses its place in the queue.
            #[inline]
            #[track_caller]
            pub fn $lock(&self) -> impl Future<Output = $guard<'_, T>> {
                let site = Location::caller();
                Acquire::new(&self.meter, site, $mode, self.inner.$lock(), self)
            }

            #[doc = concat!("Acquires the lock for ", $verb, " if that needs no wait.")]
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

            #[doc = concat!("Acquires the lock for ", $verb, ", blocking the thread.")]
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
                    // SAFETY: tokio's guard is dropped before the lock that ours owns: see `Held`.
                    let future = async { unsafe { $extended(self.inner.$lock().await) } };
                    let guard = held::metered(&self.meter, site, $mode, future).await;
                    $owned {
                        held: Held::new(self, guard),
                    }
                }
            }

            #[doc = concat!("Acquires the lock for ", $verb, " if that needs no wait, with a guard that owns it.")]
            ///
            /// # Errors
            /// If it would have to wait.
            #[track_caller]
            pub fn $try_owned(self: Arc<Self>) -> Result<$owned<T>, TryLockError> {
                let place = Arc::clone(&self);
                let held = held::attempt(place, Location::caller(), $mode, || {
                    // SAFETY: tokio's guard is dropped before the lock that ours owns: see `Held`.
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
