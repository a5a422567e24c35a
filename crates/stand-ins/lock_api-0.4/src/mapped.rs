//! Guards of a part of the data.

use crate::guard::Guard;
use crate::lock::Lock;
use crate::mutex::Mutex;
use crate::raw::{OfMutex, Raw, RawFair, Read, State, Write, Writes, taken};
#[cfg(any(feature = "atomic_usize", lockprof_remutex))]
use crate::remutex::{Again, ReentrantMutex};
use crate::rwlock::RwLock;
use nexus_lockprof_adaptor::Profiled;
use real::{RawMutex, RawRwLock};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Writes a guard type for a part of the data. A guard that may write is invariant in the data's
/// type; a guard for reading is not.
macro_rules! mapped {
    ($(#[$doc:meta])* $name:ident, $data:ty, $sent:ident) => {
        $(#[$doc])*
        #[must_use = "if unused the lock will immediately unlock"]
        #[clippy::has_significant_drop]
        pub struct $name<'a, C: Raw<M>, T: ?Sized, M> {
            core: &'a C,
            data: NonNull<T>,
            state: State,
            marker: PhantomData<($data, M)>,
        }

        // SAFETY: both its fields and what it exposes of the lock can be sent.
        unsafe impl<C: Raw<M> + Sync, T: ?Sized + $sent, M> Send for $name<'_, C, T, M> where
            C::Marker: Send
        {
        }
        // SAFETY: a shared guard gives shared access to the data.
        unsafe impl<C: Raw<M> + Sync, T: ?Sized + Sync, M> Sync for $name<'_, C, T, M> {}

        impl<'a, C: Raw<M>, T: ?Sized, M> $name<'a, C, T, M> {
            /// # Safety
            /// The lock must be held in this mode, by an acquisition with this state that no other
            /// guard has. The data must belong to the lock.
            #[inline(always)]
            unsafe fn new(core: &'a C, data: NonNull<T>, state: State) -> Self {
                $name {
                    core,
                    data,
                    state,
                    marker: PhantomData,
                }
            }

            #[inline(always)]
            fn pointer(s: &Self) -> *mut T {
                s.data.as_ptr()
            }

            /// Takes the guard apart. The lock stays held.
            #[inline(always)]
            fn into_core(s: Self) -> (&'a C, State) {
                let mut s = ManuallyDrop::new(s);
                (s.core, taken(&mut s.state))
            }
        }

        impl<C: RawFair<M>, T: ?Sized, M> $name<'_, C, T, M> {
            /// Releases the lock to a waiter, if there is one.
            #[inline]
            #[track_caller]
            pub fn unlock_fair(s: Self) {
                let (core, state) = Self::into_core(s);
                // SAFETY: a guard holds its lock.
                unsafe { core.unlock_fair(state) };
            }
        }

        impl<C: Raw<M>, T: ?Sized, M> Drop for $name<'_, C, T, M> {
            #[inline]
            fn drop(&mut self) {
                let state = taken(&mut self.state);
                // SAFETY: a guard holds its lock.
                unsafe { self.core.unlock(state) };
            }
        }

        impl<C: Raw<M>, T: ?Sized, M> Deref for $name<'_, C, T, M> {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: the lock is held in a mode that allows reading.
                unsafe { self.data.as_ref() }
            }
        }

        impl<C: Raw<M>, T: ?Sized + fmt::Debug, M> fmt::Debug for $name<'_, C, T, M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<C: Raw<M>, T: ?Sized + fmt::Display, M> fmt::Display for $name<'_, C, T, M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        // SAFETY: the data lives in the lock, which the guard does not contain.
        #[cfg(feature = "owning_ref")]
        unsafe impl<C: Raw<M>, T: ?Sized, M> owning_ref::StableAddress for $name<'_, C, T, M> {}
    };
}

mapped! {
    /// Holds a lock in mode `M`, and gives access to a part of its data.
    Mapped, &'a mut T, Send
}
mapped! {
    /// Holds a lock for reading, and gives access to a part of its data.
    MappedRead, &'a T, Sync
}

impl<C: Raw<M>, T: ?Sized, M: Writes> DerefMut for Mapped<'_, C, T, M> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held in a mode that excludes all others.
        unsafe { self.data.as_mut() }
    }
}

impl<'a, L: Lock + ?Sized, M> Guard<&'a L, M>
where
    L::Core: Raw<M>,
{
    #[inline(always)]
    fn pointer(s: &Self) -> *mut L::Data {
        Self::place(s).data()
    }

    /// Takes the guard apart. The lock stays held.
    #[inline(always)]
    fn into_core(s: Self) -> (&'a L::Core, State) {
        let (lock, state) = Self::into_parts(s);
        (L::core(lock), state)
    }
}

/// Writes `map` and its siblings, from one kind of guard to another.
macro_rules! map {
    ([$($generics:tt)*] $guard:ty => $mapped:ident, $core:ty, $mode:ty, [$($mut:tt)*], $or:ident) => {
        impl<'a, $($generics)*> $guard {
            /// Makes a guard of a part of the data.
            #[inline]
            pub fn map<U: ?Sized, F>(s: Self, f: F) -> $mapped<'a, $core, U, $mode>
            where
                F: FnOnce(&$($mut)* T) -> &$($mut)* U,
            {
                // SAFETY: the guard gives this access.
                let data = NonNull::from(f(unsafe { &$($mut)* *Self::pointer(&s) }));
                let (core, state) = Self::into_core(s);
                // SAFETY: the state was this guard's, and the data belongs to the lock.
                unsafe { $mapped::new(core, data, state) }
            }

            /// Makes a guard of a part of the data, if there is one.
            ///
            /// # Errors
            /// The guard, unchanged.
            #[inline]
            pub fn try_map<U: ?Sized, F>(s: Self, f: F) -> Result<$mapped<'a, $core, U, $mode>, Self>
            where
                F: FnOnce(&$($mut)* T) -> Option<&$($mut)* U>,
            {
                // SAFETY: the guard gives this access.
                let Some(data) = f(unsafe { &$($mut)* *Self::pointer(&s) }).map(NonNull::from) else {
                    return Err(s);
                };
                let (core, state) = Self::into_core(s);
                // SAFETY: the state was this guard's, and the data belongs to the lock.
                Ok(unsafe { $mapped::new(core, data, state) })
            }

            /// Makes a guard of a part of the data, if there is one.
            ///
            /// # Errors
            /// The guard, unchanged, and `f`'s error.
            #[inline]
            pub fn $or<U: ?Sized, F, E>(s: Self, f: F) -> Result<$mapped<'a, $core, U, $mode>, (Self, E)>
            where
                F: FnOnce(&$($mut)* T) -> Result<&$($mut)* U, E>,
            {
                // SAFETY: the guard gives this access.
                let data = match f(unsafe { &$($mut)* *Self::pointer(&s) }) {
                    Ok(data) => NonNull::from(data),
                    Err(error) => return Err((s, error)),
                };
                let (core, state) = Self::into_core(s);
                // SAFETY: the state was this guard's, and the data belongs to the lock.
                Ok(unsafe { $mapped::new(core, data, state) })
            }
        }
    };
}

map! { [R: RawMutex, T: ?Sized] Guard<&'a Mutex<R, T>, OfMutex> => Mapped, Profiled<R>, OfMutex, [mut], try_map_or_err }
map! { [R: RawMutex, T: ?Sized] Mapped<'a, Profiled<R>, T, OfMutex> => Mapped, Profiled<R>, OfMutex, [mut], try_map_or_err }
map! { [R: RawRwLock, T: ?Sized] Guard<&'a RwLock<R, T>, Write> => Mapped, Profiled<R>, Write, [mut], try_map_or_err }
map! { [R: RawRwLock, T: ?Sized] Mapped<'a, Profiled<R>, T, Write> => Mapped, Profiled<R>, Write, [mut], try_map_or_err }
map! { [R: RawRwLock, T: ?Sized] Guard<&'a RwLock<R, T>, Read> => MappedRead, Profiled<R>, Read, [], try_map_or_err }
// lock_api gives it this name.
map! { [R: RawRwLock, T: ?Sized] MappedRead<'a, Profiled<R>, T, Read> => MappedRead, Profiled<R>, Read, [], try_map_or_else }
#[cfg(any(feature = "atomic_usize", lockprof_remutex))]
use {crate::remutex::Reentrant, real::GetThreadId};
#[cfg(any(feature = "atomic_usize", lockprof_remutex))]
map! { [R: RawMutex, G: GetThreadId, T: ?Sized] Guard<&'a ReentrantMutex<R, G, T>, Again> => MappedRead, Reentrant<R, G>, Again, [], try_map_or_err }
#[cfg(any(feature = "atomic_usize", lockprof_remutex))]
map! { [R: RawMutex, G: GetThreadId, T: ?Sized] MappedRead<'a, Reentrant<R, G>, T, Again> => MappedRead, Reentrant<R, G>, Again, [], try_map_or_err }
