//! The common part of the locks.

use nexus_lockprof_adaptor::Profiled;

/// What the profiler keeps per lock.
pub(crate) type Meter = Profiled<()>;

/// A lock that has a meter and data.
pub trait Lock {
    /// Its data.
    type Data: ?Sized;

    /// What the profiler keeps per lock.
    fn meter(&self) -> &Meter;

    /// Its data.
    fn data(&self) -> *mut Self::Data;
}

/// Writes a lock with data, but for the ways to acquire it. `$try_read` gives access for `Debug`,
/// which shows the data as `$field`.
macro_rules! lock {
    ($(#[$doc:meta])* $lock:ident: [$($sync:tt)*], $field:literal $try_read:ident) => {
        $(#[$doc])*
        pub struct $lock<T: ?Sized> {
            pub(crate) meter: Meter,
            pub(crate) inner: real::$lock<()>,
            data: UnsafeCell<T>,
        }

        // SAFETY: it owns its data.
        unsafe impl<T: Send + ?Sized> Send for $lock<T> {}
        // SAFETY: one thread at a time has the data, or the readers share it.
        unsafe impl<T: $($sync)* + ?Sized> Sync for $lock<T> {}

        impl<T: ?Sized> Lock for $lock<T> {
            type Data = T;

            fn meter(&self) -> &Meter {
                &self.meter
            }

            fn data(&self) -> *mut T {
                self.data.get()
            }
        }

        impl<T> $lock<T> {
            /// Creates an unlocked lock, identified by the place of this call.
            #[inline]
            #[track_caller]
            pub const fn new(data: T) -> Self {
                $lock {
                    meter: Meter::of_tasks_created_at(nexus_lockprof_adaptor::Global, Location::caller()),
                    inner: real::$lock::new(()),
                    data: UnsafeCell::new(data),
                }
            }

            /// Consumes the lock and returns its data.
            #[inline]
            pub fn into_inner(self) -> T {
                self.data.into_inner()
            }
        }

        impl<T: ?Sized> $lock<T> {
            /// The data: a mutable borrow is already exclusive.
            #[inline]
            pub fn get_mut(&mut self) -> &mut T {
                self.data.get_mut()
            }
        }

        impl<T: fmt::Debug + ?Sized> fmt::Debug for $lock<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let guard = self.inner.$try_read();
                let mut shown = f.debug_struct(stringify!($lock));
                match guard {
                    Some(_held) => {
                        // SAFETY: the guard holds the lock meanwhile.
                        let data = unsafe { &*self.data.get() };
                        shown.field($field, &data)
                    }
                    None => shown.field($field, &format_args!("<locked>")),
                };
                shown.finish()
            }
        }

        impl<T> From<T> for $lock<T> {
            #[inline]
            #[track_caller]
            fn from(data: T) -> Self {
                Self::new(data)
            }
        }

        impl<T: Default> Default for $lock<T> {
            #[inline]
            #[track_caller]
            fn default() -> Self {
                Self::new(T::default())
            }
        }
    };
}

pub(crate) use lock;
