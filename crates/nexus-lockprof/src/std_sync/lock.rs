//! The common part of the two locks.

/// Writes a lock and all of it but the ways to acquire it. `$acquire` names one of them, for the
/// examples.
macro_rules! lock {
    ($(#[$doc:meta])* $lock:ident, $acquire:literal) => {
        $(#[$doc])*
        pub struct $lock<T: ?Sized> {
            watched: Watched,
            // Last, so that the data may be unsized.
            std: std::sync::$lock<T>,
        }

        impl<T> $lock<T> {
            /// Creates an unlocked lock, identified by the place of this call. All locks created by
            /// one call in the source form one lock class.
            ///
            /// ```
            #[doc = concat!("use nexus_lockprof::std_sync::", stringify!($lock), ";")]
            ///
            #[doc = concat!("static TABLE: ", stringify!($lock), "<u32> = ", stringify!($lock), "::new(0);")]
            #[doc = concat!("assert!(TABLE.", $acquire, "().is_ok());")]
            /// ```
            #[inline]
            #[track_caller]
            pub const fn new(t: T) -> Self {
                $lock {
                    watched: Watched::from_raw_created_at((), Location::caller()),
                    std: std::sync::$lock::new(t),
                }
            }

            /// Creates an unlocked lock, identified by `name`. All locks of one name form one lock
            /// class, wherever they were created.
            ///
            /// ```
            #[doc = concat!("use nexus_lockprof::std_sync::", stringify!($lock), ";")]
            ///
            #[doc = concat!("static SESSIONS: ", stringify!($lock), "<u32> = ", stringify!($lock), "::named(\"sessions\", 0);")]
            #[doc = concat!("assert!(SESSIONS.", $acquire, "().is_ok());")]
            /// ```
            #[inline]
            pub const fn named(name: &'static str, t: T) -> Self {
                $lock {
                    watched: Watched::from_raw_named((), name),
                    std: std::sync::$lock::new(t),
                }
            }

            /// Consumes the lock and returns its data.
            ///
            /// # Errors
            /// If the lock is poisoned. The error holds the data.
            ///
            /// ```
            #[doc = concat!("let lock = nexus_lockprof::std_sync::", stringify!($lock), "::new(7);")]
            /// assert_eq!(lock.into_inner().unwrap(), 7);
            /// ```
            #[inline]
            pub fn into_inner(self) -> LockResult<T> {
                self.std.into_inner()
            }
        }

        impl<T: ?Sized> $lock<T> {
            /// Returns whether a thread panicked with exclusive access.
            ///
            /// ```
            #[doc = concat!("let lock = nexus_lockprof::std_sync::", stringify!($lock), "::new(());")]
            /// assert!(!lock.is_poisoned());
            /// ```
            #[inline]
            pub fn is_poisoned(&self) -> bool {
                self.std.is_poisoned()
            }

            /// Clears the poison: declares the data valid again.
            ///
            /// ```
            #[doc = concat!("nexus_lockprof::std_sync::", stringify!($lock), "::new(()).clear_poison();")]
            /// ```
            #[inline]
            pub fn clear_poison(&self) {
                self.std.clear_poison();
            }

            /// The data, without locking: a mutable borrow is already exclusive.
            ///
            /// # Errors
            /// If the lock is poisoned. The error holds the data.
            ///
            /// ```
            #[doc = concat!("let mut lock = nexus_lockprof::std_sync::", stringify!($lock), "::new(0);")]
            /// *lock.get_mut().unwrap() = 10;
            #[doc = concat!("assert_eq!(*lock.", $acquire, "().unwrap(), 10);")]
            /// ```
            #[inline]
            pub fn get_mut(&mut self) -> LockResult<&mut T> {
                self.std.get_mut()
            }
        }

        from_value!($lock);

        /// Like std's lock: shows the data, or `<locked>`, and whether it is poisoned. Not
        /// recorded.
        impl<T: ?Sized + fmt::Debug> fmt::Debug for $lock<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.std.fmt(f)
            }
        }
    };
}

pub(super) use lock;
