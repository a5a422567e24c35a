//! The guards: one type, generic over the place of its lock and the mode.

use crate::lock::Lock;
use crate::raw::{Raw, RawFair, Site, State, Writes, taken};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;

/// How a guard finds its lock.
pub trait LockPtr {
    /// The raw lock, profiled.
    type Core;
    /// The data.
    type Data: ?Sized;

    /// The raw lock, profiled.
    fn core(&self) -> &Self::Core;

    /// The data.
    fn data(&self) -> *mut Self::Data;
}

macro_rules! place {
    ($place:ty) => {
        impl<L: Lock + ?Sized> LockPtr for $place {
            type Core = L::Core;
            type Data = L::Data;

            #[inline(always)]
            fn core(&self) -> &L::Core {
                L::core(self)
            }

            #[inline(always)]
            fn data(&self) -> *mut L::Data {
                L::data(self)
            }
        }
    };
}
place!(&L);
place!(Arc<L>);

/// Holds a lock in mode `M`, until dropped.
#[must_use = "if unused the lock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct Guard<P: LockPtr, M>
where
    P::Core: Raw<M>,
{
    place: P,
    state: State,
    marker: PhantomData<(M, *const ())>,
}

// SAFETY: both its fields and what it exposes of the lock can be sent.
unsafe impl<P: LockPtr + Send, M> Send for Guard<P, M>
where
    P::Core: Raw<M>,
    <P::Core as Raw<M>>::Marker: Send,
{
}
// SAFETY: a shared guard gives access to the lock, and shared access to the data.
unsafe impl<P: LockPtr, M> Sync for Guard<P, M>
where
    P::Core: Raw<M> + Sync,
    P::Data: Sync,
{
}

impl<P: LockPtr, M> Guard<P, M>
where
    P::Core: Raw<M>,
{
    /// # Safety
    /// The lock at `place` must be held in this mode, by an acquisition with this state that no
    /// other guard has.
    #[inline(always)]
    pub(crate) unsafe fn new(place: P, state: State) -> Self {
        Guard {
            place,
            state,
            marker: PhantomData,
        }
    }

    /// Takes the guard apart. The lock stays held.
    #[inline(always)]
    pub(crate) fn into_parts(s: Self) -> (P, State) {
        let mut s = ManuallyDrop::new(s);
        let state = taken(&mut s.state);
        // SAFETY: read only once, because `s` is not dropped.
        (unsafe { std::ptr::read(&s.place) }, state)
    }

    #[inline(always)]
    pub(crate) fn place(s: &Self) -> &P {
        &s.place
    }

    /// The profiled raw lock, and the guard's state of this acquisition.
    #[doc(hidden)]
    #[inline]
    pub fn lockprof_parts(s: &mut Self) -> (&P::Core, &mut State) {
        (s.place.core(), &mut s.state)
    }

    /// Releases the lock while `f` runs.
    #[inline]
    #[track_caller]
    pub fn unlocked<F, U>(s: &mut Self, f: F) -> U
    where
        F: FnOnce() -> U,
    {
        let site = Location::caller();
        let state = taken(&mut s.state);
        // SAFETY: a guard holds its lock. It is locked again before this guard is used.
        unsafe { s.place.core().unlock(state) };
        let _again = Again { guard: s, site };
        f()
    }
}

impl<P: LockPtr, M> Guard<P, M>
where
    P::Core: RawFair<M>,
{
    /// Releases the lock to a waiter, if there is one.
    #[inline]
    #[track_caller]
    pub fn unlock_fair(s: Self) {
        let (place, state) = Self::into_parts(s);
        // SAFETY: a guard holds its lock.
        unsafe { place.core().unlock_fair(state) };
    }

    /// Releases the lock fairly while `f` runs.
    #[inline]
    #[track_caller]
    pub fn unlocked_fair<F, U>(s: &mut Self, f: F) -> U
    where
        F: FnOnce() -> U,
    {
        let site = Location::caller();
        let state = taken(&mut s.state);
        // SAFETY: a guard holds its lock. It is locked again before this guard is used.
        unsafe { s.place.core().unlock_fair(state) };
        let _again = Again { guard: s, site };
        f()
    }

    /// Yields the lock to a waiter, if there is one, and takes it back.
    #[inline]
    #[track_caller]
    pub fn bump(s: &mut Self) {
        // SAFETY: a guard holds its lock.
        unsafe { s.place.core().bump(Location::caller(), &mut s.state) };
    }
}

/// Re-acquires the lock for a guard whose lock was released.
struct Again<'g, P: LockPtr, M>
where
    P::Core: Raw<M>,
{
    guard: &'g mut Guard<P, M>,
    site: Site,
}

impl<P: LockPtr, M> Drop for Again<'_, P, M>
where
    P::Core: Raw<M>,
{
    #[inline]
    fn drop(&mut self) {
        self.guard.state = self.guard.place.core().lock(self.site);
    }
}

impl<L: Lock + ?Sized, M> Guard<Arc<L>, M>
where
    L::Core: Raw<M>,
{
    /// Releases the lock, and returns it.
    #[inline]
    #[track_caller]
    pub fn into_arc(s: Self) -> Arc<L> {
        let (place, state) = Self::into_parts(s);
        // SAFETY: a guard holds its lock.
        unsafe { L::core(&place).unlock(state) };
        place
    }
}

impl<L: Lock + ?Sized, M> Guard<Arc<L>, M>
where
    L::Core: RawFair<M>,
{
    /// Releases the lock to a waiter, if there is one, and returns it.
    #[inline]
    pub fn into_arc_fair(s: Self) -> Arc<L> {
        let (place, state) = Self::into_parts(s);
        // SAFETY: a guard holds its lock.
        unsafe { L::core(&place).unlock_fair(state) };
        place
    }
}

impl<P: LockPtr, M> Drop for Guard<P, M>
where
    P::Core: Raw<M>,
{
    #[inline]
    fn drop(&mut self) {
        let state = taken(&mut self.state);
        // SAFETY: a guard holds its lock.
        unsafe { self.place.core().unlock(state) };
    }
}

impl<P: LockPtr, M> Deref for Guard<P, M>
where
    P::Core: Raw<M>,
{
    type Target = P::Data;

    #[inline]
    fn deref(&self) -> &P::Data {
        // SAFETY: the lock is held in a mode that allows reading.
        unsafe { &*self.place.data() }
    }
}

impl<P: LockPtr, M: Writes> DerefMut for Guard<P, M>
where
    P::Core: Raw<M>,
{
    #[inline]
    fn deref_mut(&mut self) -> &mut P::Data {
        // SAFETY: the lock is held in a mode that excludes all others.
        unsafe { &mut *self.place.data() }
    }
}

impl<P: LockPtr, M> fmt::Debug for Guard<P, M>
where
    P::Core: Raw<M>,
    P::Data: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<P: LockPtr, M> fmt::Display for Guard<P, M>
where
    P::Core: Raw<M>,
    P::Data: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

// SAFETY: the data lives in the lock, which the guard does not contain.
#[cfg(feature = "owning_ref")]
unsafe impl<L: Lock + ?Sized, M> owning_ref::StableAddress for Guard<&L, M> where L::Core: Raw<M> {}
