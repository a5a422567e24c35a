//! The guards: one type, generic over the place of its lock and async-lock's own guard.

use crate::lock::{Lock, Meter};
use crate::own;
use nexus_lockprof_adaptor::{HoldMode, PendingRef, ProfiledGuard};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// How a guard finds its lock.
pub trait LockPtr {
    /// The lock's data.
    type Data: ?Sized;

    /// What the profiler keeps per lock.
    fn meter(&self) -> &Meter;

    /// The lock's data.
    fn data(&self) -> *mut Self::Data;
}

macro_rules! place {
    ($place:ty) => {
        impl<L: Lock + ?Sized> LockPtr for $place {
            type Data = L::Data;

            fn meter(&self) -> &Meter {
                L::meter(self)
            }

            fn data(&self) -> *mut L::Data {
                L::data(self)
            }
        }
    };
}
place!(&L);
place!(Arc<L>);

type Data<P> = <P as LockPtr>::Data;

/// An async-lock guard whose owner may read the data.
pub trait Reads {}
/// An async-lock guard whose owner may write the data.
pub trait Writes: Reads {}
impl Reads for own::Mutex<'_> {}
impl Writes for own::Mutex<'_> {}
impl Reads for own::Read<'_> {}
impl Reads for own::Upgradable<'_> {}
impl Reads for own::Write<'_> {}
impl Writes for own::Write<'_> {}

/// Holds the lock at a place by async-lock's guard `G`, until dropped.
#[clippy::has_significant_drop]
pub struct Guard<P: LockPtr, G> {
    /// Belongs to the lock inside the one at `place`, and is dropped before `place`.
    guard: ManuallyDrop<G>,
    pending_ref: PendingRef,
    place: P,
    /// `Send` and `Sync` are implemented below.
    marker: PhantomData<*const ()>,
}

impl<P: LockPtr, G> Guard<P, G> {
    /// # Safety
    /// The guard must belong to the lock inside the one at `place`, and the pending reference to
    /// this acquisition.
    #[inline]
    pub(crate) unsafe fn new(place: P, guard: ProfiledGuard<G>) -> Self {
        let (guard, pending_ref) = guard.into_parts();
        Guard {
            guard: ManuallyDrop::new(guard),
            pending_ref,
            place,
            marker: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn into_parts(s: Self) -> (P, ProfiledGuard<G>) {
        let mut s = ManuallyDrop::new(s);
        let pending_ref = std::mem::take(&mut s.pending_ref);
        // SAFETY: `s` is not dropped, and each of these two is taken once.
        unsafe {
            let guard = ManuallyDrop::take(&mut s.guard);
            (
                std::ptr::read(&s.place),
                ProfiledGuard::new(guard, pending_ref),
            )
        }
    }

    #[inline]
    pub(crate) fn place(s: &Self) -> &P {
        &s.place
    }
}

impl<P: LockPtr, G> Drop for Guard<P, G> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it is not used after this.
        let guard = unsafe { ManuallyDrop::take(&mut self.guard) };
        let guard = ProfiledGuard::new(guard, std::mem::take(&mut self.pending_ref));
        // SAFETY: the pending reference belongs to this acquisition; all locks here are on the
        // global engine.
        unsafe { self.place.meter().release(guard, |(), guard| drop(guard)) };
    }
}

impl<P: LockPtr, G: Reads> Deref for Guard<P, G> {
    type Target = Data<P>;

    #[inline]
    fn deref(&self) -> &Data<P> {
        // SAFETY: the lock is held in a mode that allows reading.
        unsafe { &*self.place.data() }
    }
}

impl<P: LockPtr, G: Writes> DerefMut for Guard<P, G> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Data<P> {
        // SAFETY: the lock is held in a mode that excludes all others.
        unsafe { &mut *self.place.data() }
    }
}

impl<P: LockPtr, G: Reads> fmt::Debug for Guard<P, G>
where
    Data<P>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<P: LockPtr, G: Reads> fmt::Display for Guard<P, G>
where
    Data<P>: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Writes when guards are `Send` and `Sync`: when async-lock's own are. The impls cover all
/// lifetimes, though only one occurs. rustc forgets which one when it asks whether an `async`
/// function's future is `Send`.
macro_rules! auto_traits {
    ($($guard:ident $place:ty: [$($send:tt)*] [$($sync:tt)*];)*) => {$(
        // SAFETY: the same bounds as the type it stands in for.
        unsafe impl<T: $($send)*> Send for Guard<$place, own::$guard<'_>> {}
        // SAFETY: the same bounds as the type it stands in for.
        unsafe impl<T: $($sync)*> Sync for Guard<$place, own::$guard<'_>> {}
    )*};
}
// SAFETY: a semaphore has no data, so only the fields matter: the place can be sent, and
// async-lock's own guard and the pending reference always can.
unsafe impl<P: LockPtr + Send> Send for Guard<P, own::Permit<'_>> {}
// SAFETY: a semaphore has no data, and a shared guard gives access only to the place.
unsafe impl<P: LockPtr + Sync> Sync for Guard<P, own::Permit<'_>> {}

pub(crate) use auto_traits;

/// Async-lock offers no way to ask whether a lock is free without taking it.
pub(crate) fn is_worth_a_try((): &()) -> bool {
    false
}

pub(crate) const READ: HoldMode = HoldMode::Shared;
pub(crate) const UPGRADABLE: HoldMode = HoldMode::Upgradable;
pub(crate) const WRITE: HoldMode = HoldMode::Exclusive;

/// Writes the ways to acquire a lock in one mode, with the futures' and guards' access to it.
macro_rules! acquire {
    (
        [$($generics:tt)*] $lock:ty, $mode:ident, $guard:ident, $future:ident,
        [$start:ty: $begin:expr] => [$place:ty: $found:expr]: $name:ident $try_name:ident $blocking:ident
    ) => {
        impl<$($generics)*> $lock {
            /// Acquires the lock.
            #[inline]
            #[track_caller]
            pub fn $name<'l>(&'l self) -> Acquiring<$start, own::$future<'static>> {
                let future = self.inner.$name();
                // SAFETY: the future belongs to the lock in `self`, which outlives it.
                unsafe {
                    let future = std::mem::transmute::<own::$future<'_>, own::$future<'static>>(future);
                    Acquiring::new($begin(self), Location::caller(), $mode, future)
                }
            }

            /// Acquires the lock if that needs no wait.
            #[inline]
            #[track_caller]
            pub fn $try_name<'l>(&'l self) -> Option<Guard<$place, own::$guard<'static>>> {
                let guard = self.meter.try_acquire(Location::caller(), $mode, |()| self.inner.$try_name())?;
                // SAFETY: just acquired.
                unsafe { self.meter.may_leave_thread(&guard) };
                let (guard, pending_ref) = guard.into_parts();
                // SAFETY: just acquired, and dropped before the lock.
                unsafe {
                    let guard = std::mem::transmute::<own::$guard<'_>, own::$guard<'static>>(guard);
                    Some(Guard::new($found(self), ProfiledGuard::new(guard, pending_ref)))
                }
            }

            /// Acquires the lock, blocking the thread.
            #[cfg(not(lockprof_no_blocking))]
            #[inline]
            #[track_caller]
            pub fn $blocking<'l>(&'l self) -> Guard<$place, own::$guard<'static>> {
                let Ok(guard) = self.meter.acquire(
                    Location::caller(),
                    $mode,
                    is_worth_a_try,
                    |()| self.inner.$try_name(),
                    |()| Ok::<_, Infallible>(self.inner.$blocking()),
                );
                // SAFETY: just acquired.
                unsafe { self.meter.may_leave_thread(&guard) };
                let (guard, pending_ref) = guard.into_parts();
                // SAFETY: just acquired, and dropped before the lock.
                unsafe {
                    let guard = std::mem::transmute::<own::$guard<'_>, own::$guard<'static>>(guard);
                    Guard::new($found(self), ProfiledGuard::new(guard, pending_ref))
                }
            }
        }
    };
    (
        arc [$($generics:tt)*] $lock:ty, $mode:ident, $guard:ident, $future:ident,
        [$start:ty: $begin:expr] => [$place:ty: $found:expr]:
        $name:ident $arc:ident, $try_name:ident $try_arc:ident, $blocking:ident $blocking_arc:ident
    ) => {
        impl<$($generics)*> $lock {
            /// Acquires the lock, with a guard that owns it.
            #[inline]
            #[track_caller]
            #[allow(clippy::needless_lifetimes, reason = "some futures have it")]
            pub fn $arc<'l>(self: &'l Arc<Self>) -> Acquiring<$start, own::$future<'static>> {
                let future = self.inner.$name();
                // SAFETY: the future belongs to the lock in `self`. `start` owns that lock, or
                // borrows from its owner.
                unsafe {
                    let future = std::mem::transmute::<own::$future<'_>, own::$future<'static>>(future);
                    Acquiring::new($begin(self), Location::caller(), $mode, future)
                }
            }

            /// Acquires the lock if that needs no wait, with a guard that owns it.
            #[inline]
            #[track_caller]
            pub fn $try_arc(self: &Arc<Self>) -> Option<Guard<$place, own::$guard<'static>>> {
                let (_, guard) = Guard::into_parts(self.$try_name()?);
                // SAFETY: the guard belongs to this lock, which the new guard owns.
                Some(unsafe { Guard::new($found(Arc::clone(self)), guard) })
            }

            /// Acquires the lock, blocking the thread, with a guard that owns it.
            #[cfg(not(lockprof_no_blocking))]
            #[inline]
            #[track_caller]
            pub fn $blocking_arc(self: &Arc<Self>) -> Guard<$place, own::$guard<'static>> {
                let (_, guard) = Guard::into_parts(self.$blocking());
                // SAFETY: the guard belongs to this lock, which the new guard owns.
                unsafe { Guard::new($found(Arc::clone(self)), guard) }
            }
        }
    };
}
pub(crate) use acquire;
