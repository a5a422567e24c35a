//! Feature `profile` off: std's own types, and newtypes for the two that need `named`.

use std::fmt;

use super::{LockResult, TryLockResult};

pub use std::sync::{Condvar, MutexGuard, RwLockReadGuard, RwLockWriteGuard};

/// Writes what both locks share. The methods that acquire are parameters.
macro_rules! newtype {
    ($lock:ident: $($doc:literal)*; $($method:ident -> $result:ident<$guard:ident>, $about:literal;)*) => {
        $(#[doc = $doc])*
        #[repr(transparent)]
        pub struct $lock<T: ?Sized>(std::sync::$lock<T>);

        impl<T> $lock<T> {
            /// Creates an unlocked lock.
            #[inline]
            pub const fn new(t: T) -> Self {
                $lock(std::sync::$lock::new(t))
            }

            /// Creates an unlocked lock. The name matters only with the feature `profile`.
            #[inline]
            pub const fn named(_name: &'static str, t: T) -> Self {
                Self::new(t)
            }

            /// Consumes the lock and returns its data.
            ///
            /// # Errors
            /// If the lock is poisoned. The error holds the data.
            #[inline]
            pub fn into_inner(self) -> LockResult<T> {
                self.0.into_inner()
            }
        }

        impl<T: ?Sized> $lock<T> {
            $(
                #[doc = $about]
                ///
                /// # Errors
                /// As for std's.
                #[inline]
                pub fn $method(&self) -> $result<$guard<'_, T>> {
                    self.0.$method()
                }
            )*

            /// Returns whether a thread panicked with exclusive access.
            #[inline]
            pub fn is_poisoned(&self) -> bool {
                self.0.is_poisoned()
            }

            /// Clears the poison: declares the data valid again.
            #[inline]
            pub fn clear_poison(&self) {
                self.0.clear_poison();
            }

            /// The data, without locking.
            ///
            /// # Errors
            /// If the lock is poisoned. The error holds the data.
            #[inline]
            pub fn get_mut(&mut self) -> LockResult<&mut T> {
                self.0.get_mut()
            }
        }

        impl<T: Default> Default for $lock<T> {
            #[inline]
            fn default() -> Self {
                Self::new(T::default())
            }
        }

        impl<T> From<T> for $lock<T> {
            #[inline]
            fn from(t: T) -> Self {
                Self::new(t)
            }
        }

        impl<T: ?Sized + fmt::Debug> fmt::Debug for $lock<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

newtype! { Mutex:
    "[`std::sync::Mutex`], with `named`: the feature `profile` is off."
    ""
    "```"
    "use nexus_lockprof::std_sync::Mutex;"
    ""
    "static JOBS: Mutex<u32> = Mutex::named(\"jobs\", 1);"
    "assert_eq!(*JOBS.lock().unwrap(), 1);"
    "```";
    lock -> LockResult<MutexGuard>, "Acquires the mutex, and waits until it is free.";
    try_lock -> TryLockResult<MutexGuard>, "Acquires the mutex if it is free.";
}

newtype! { RwLock:
    "[`std::sync::RwLock`], with `named`: the feature `profile` is off."
    ""
    "```"
    "use nexus_lockprof::std_sync::RwLock;"
    ""
    "static ROUTES: RwLock<u32> = RwLock::named(\"routes\", 1);"
    "assert_eq!(*ROUTES.read().unwrap(), 1);"
    "```";
    read -> LockResult<RwLockReadGuard>, "Acquires shared access, and waits until there is no writer.";
    try_read -> TryLockResult<RwLockReadGuard>, "Acquires shared access if that needs no wait.";
    write -> LockResult<RwLockWriteGuard>, "Acquires exclusive access, and waits until nobody else has access.";
    try_write -> TryLockResult<RwLockWriteGuard>, "Acquires exclusive access if the lock is free.";
}
