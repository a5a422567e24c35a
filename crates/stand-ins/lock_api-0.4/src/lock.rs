//! The common part of the locks: access to the raw lock and the data, and the ways to acquire.

use std::fmt;

/// A lock with data.
pub trait Lock {
    /// Its raw lock, profiled.
    type Core;
    /// Its data.
    type Data: ?Sized;

    /// Its raw lock, profiled.
    fn core(&self) -> &Self::Core;

    /// Its data.
    fn data(&self) -> *mut Self::Data;
}

/// Formats a lock.
pub(crate) fn debug<T: fmt::Debug>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    data: Option<T>,
) -> fmt::Result {
    let mut shown = f.debug_struct(name);
    match data {
        Some(data) => shown.field("data", &data),
        None => shown.field("data", &format_args!("<locked>")),
    };
    shown.finish()
}

/// Writes the ways to acquire a lock in one mode: `name`, `try_name`, and both with guards that own
/// the lock.
macro_rules! acquire {
    ([$($generics:tt)*] $lock:ty, $mode:ty, $trait:path: $name:ident $try_name:ident $arc:ident $try_arc:ident) => {
        impl<$($generics)*> $lock {
            /// Acquires the lock, blocking the thread.
            #[inline]
            #[track_caller]
            pub fn $name(&self) -> Guard<&Self, $mode> {
                let state = <_ as $trait>::lock(&self.core, Location::caller());
                // SAFETY: just acquired.
                unsafe { Guard::new(self, state) }
            }

            /// Acquires the lock if that needs no wait.
            #[inline]
            #[track_caller]
            pub fn $try_name(&self) -> Option<Guard<&Self, $mode>> {
                let state = <_ as $trait>::try_lock(&self.core, Location::caller())?;
                // SAFETY: just acquired.
                Some(unsafe { Guard::new(self, state) })
            }

            /// Acquires the lock, with a guard that owns it.
            #[cfg(feature = "arc_lock")]
            #[inline]
            #[track_caller]
            pub fn $arc(self: &Arc<Self>) -> Guard<Arc<Self>, $mode> {
                let state = <_ as $trait>::lock(&self.core, Location::caller());
                // SAFETY: just acquired.
                unsafe { Guard::new(Arc::clone(self), state) }
            }

            /// Acquires the lock if that needs no wait, with a guard that owns it.
            #[cfg(feature = "arc_lock")]
            #[inline]
            #[track_caller]
            pub fn $try_arc(self: &Arc<Self>) -> Option<Guard<Arc<Self>, $mode>> {
                let state = <_ as $trait>::try_lock(&self.core, Location::caller())?;
                // SAFETY: just acquired.
                Some(unsafe { Guard::new(Arc::clone(self), state) })
            }
        }
    };
    (timed [$($generics:tt)*] $lock:ty, $mode:ty, $trait:path: $for_:ident $until:ident $arc_for:ident $arc_until:ident) => {
        acquire! { one [$($generics)*] $lock, $mode, $trait, try_lock_for, Duration: $for_ $arc_for }
        acquire! { one [$($generics)*] $lock, $mode, $trait, try_lock_until, Instant: $until $arc_until }
    };
    (one [$($generics:tt)*] $lock:ty, $mode:ty, $trait:path, $how:ident, $when:ident: $name:ident $arc:ident) => {
        impl<$($generics)*> $lock {
            /// Acquires the lock unless time runs out.
            #[inline]
            #[track_caller]
            pub fn $name(&self, timeout: R::$when) -> Option<Guard<&Self, $mode>> {
                let state = <_ as $trait>::$how(&self.core, timeout, Location::caller())?;
                // SAFETY: just acquired.
                Some(unsafe { Guard::new(self, state) })
            }

            /// Acquires the lock unless time runs out, with a guard that owns it.
            #[cfg(feature = "arc_lock")]
            #[inline]
            #[track_caller]
            pub fn $arc(self: &Arc<Self>, timeout: R::$when) -> Option<Guard<Arc<Self>, $mode>> {
                let state = <_ as $trait>::$how(&self.core, timeout, Location::caller())?;
                // SAFETY: just acquired.
                Some(unsafe { Guard::new(Arc::clone(self), state) })
            }
        }
    };
}
/// Writes what locks share besides acquisition.
macro_rules! lock {
    ($lock:ident [$($param:ident: $bound:ident),*], $core:ty, [$($sync:tt)*]) => {
        // SAFETY: it owns its data.
        unsafe impl<$($param: $bound + Send,)* T: ?Sized + Send> Send for $lock<$($param,)* T> {}
        // SAFETY: one thread at a time has the data, or the readers share it.
        unsafe impl<$($param: $bound + Sync,)* T: ?Sized + $($sync)*> Sync for $lock<$($param,)* T> {}

        impl<$($param,)* T: ?Sized> Lock for $lock<$($param,)* T> {
            type Core = $core;
            type Data = T;

            #[inline(always)]
            fn core(&self) -> &$core {
                &self.core
            }

            #[inline(always)]
            fn data(&self) -> *mut T {
                self.data.get()
            }
        }

        impl<$($param: $bound,)* T> $lock<$($param,)* T> {
            /// Consumes the lock and returns its data.
            #[inline]
            pub fn into_inner(self) -> T {
                self.data.into_inner()
            }
        }

        impl<$($param: $bound,)* T: ?Sized> $lock<$($param,)* T> {
            /// The data: a mutable borrow is already exclusive.
            #[inline]
            pub fn get_mut(&mut self) -> &mut T {
                self.data.get_mut()
            }

            /// A pointer to the data.
            #[inline]
            pub fn data_ptr(&self) -> *mut T {
                self.data.get()
            }
        }

        impl<$($param: $bound,)* T: Default> Default for $lock<$($param,)* T> {
            #[inline]
            #[track_caller]
            fn default() -> Self {
                Self::new(T::default())
            }
        }

        impl<$($param: $bound,)* T> From<T> for $lock<$($param,)* T> {
            #[inline]
            #[track_caller]
            fn from(t: T) -> Self {
                Self::new(t)
            }
        }
    };
}

pub(crate) use {acquire, lock};
