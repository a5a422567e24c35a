//! The reader-writer lock.

use crate::future::{Acquiring, Reader, ReaderArc, Upgrading};
use crate::guard::{
    Guard, Lock, Meter, Place, READ, Reading, ReadingArc, UPGRADABLE, WRITE, acquire, debug,
    is_worth_a_try,
};
use crate::own;
use nexus_lockprof_adaptor::{HoldMode, Profiled, ProfiledGuard};
use std::cell::UnsafeCell;
use std::convert::{Infallible, identity};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// An asynchronous reader-writer lock.
pub struct RwLock<T: ?Sized> {
    meter: Meter,
    inner: real::RwLock<()>,
    data: UnsafeCell<T>,
}

// SAFETY: it owns its data.
unsafe impl<T: Send + ?Sized> Send for RwLock<T> {}
// SAFETY: one writer at a time has the data, or the readers share it.
unsafe impl<T: Send + Sync + ?Sized> Sync for RwLock<T> {}

impl<T: ?Sized> Lock for RwLock<T> {
    type Data = T;

    fn meter(&self) -> &Profiled<()> {
        &self.meter
    }

    fn data(&self) -> *mut T {
        self.data.get()
    }
}

impl<T> RwLock<T> {
    /// Creates an unlocked lock, identified by the place of this call.
    #[must_use]
    #[inline]
    #[track_caller]
    pub const fn new(t: T) -> RwLock<T> {
        RwLock {
            meter: Meter::from_raw_created_at((), Location::caller()),
            inner: real::RwLock::new(()),
            data: UnsafeCell::new(t),
        }
    }

    /// Consumes the lock and returns its data.
    #[must_use]
    #[inline]
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// The data: a mutable borrow is already exclusive.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

acquire! {
    [T: ?Sized] RwLock<T>, READ, Read, ReadFuture, [Reader<'l, T>: Reader] => [Reading<'l, T>: Reading::new]:
    read try_read read_blocking
}
acquire! {
    arc [T] RwLock<T>, READ, Read, ReadFuture, [ReaderArc<'l, T>: ReaderArc] => [ReadingArc<T>: ReadingArc::new]:
    read read_arc, try_read try_read_arc, read_blocking read_arc_blocking
}
acquire! {
    [T: ?Sized] RwLock<T>, UPGRADABLE, Upgradable, UpgradableFuture, [&'l Self: identity] => [&'l Self: identity]:
    upgradable_read try_upgradable_read upgradable_read_blocking
}
acquire! {
    arc [T: ?Sized] RwLock<T>, UPGRADABLE, Upgradable, UpgradableFuture, [&'l Arc<Self>: identity] => [Arc<Self>: identity]:
    upgradable_read upgradable_read_arc, try_upgradable_read try_upgradable_read_arc,
    upgradable_read_blocking upgradable_read_arc_blocking
}
acquire! {
    [T: ?Sized] RwLock<T>, WRITE, Write, WriteFuture, [&'l Self: identity] => [&'l Self: identity]:
    write try_write write_blocking
}
acquire! {
    arc [T: ?Sized] RwLock<T>, WRITE, Write, WriteFuture, [&'l Arc<Self>: identity] => [Arc<Self>: identity]:
    write write_arc, try_write try_write_arc, write_blocking write_arc_blocking
}

/// A place of a reader-writer lock. It keeps guards of other locks from having these functions.
pub trait OfRwLock: Place {}
impl<T: ?Sized> OfRwLock for &RwLock<T> {}
impl<T: ?Sized> OfRwLock for Arc<RwLock<T>> {}

/// A place of a reader-writer lock that a reader can take over.
pub trait OfReader: OfRwLock {
    /// The reader's place.
    type Reading: Place;

    /// Turns into the reader's place.
    fn reading(self) -> Self::Reading;
}

impl<'a, T: ?Sized> OfReader for &'a RwLock<T> {
    type Reading = Reading<'a, T>;

    fn reading(self) -> Reading<'a, T> {
        Reading::new(self)
    }
}

impl<T> OfReader for Arc<RwLock<T>> {
    type Reading = ReadingArc<T>;

    fn reading(self) -> ReadingArc<T> {
        ReadingArc::new(self)
    }
}

impl<P: OfReader> Guard<P, own::Write<'static>> {
    /// Turns the writer into a reader, and lets other readers in.
    #[inline]
    #[track_caller]
    pub fn downgrade(guard: Self) -> Guard<P::Reading, own::Read<'static>> {
        let (place, guard) = Self::into_parts(guard);
        let site = Location::caller();
        // SAFETY: the guard belonged to this lock; all locks here are on the global engine.
        unsafe {
            let guard = place
                .meter()
                .change_with(site, HoldMode::Shared, guard, |(), guard| {
                    real::RwLockWriteGuard::downgrade(guard)
                });
            Guard::new(place.reading(), guard)
        }
    }
}

impl<P: OfRwLock> Guard<P, own::Write<'static>> {
    /// Turns the writer into an upgradable reader, and lets readers in.
    #[inline]
    #[track_caller]
    pub fn downgrade_to_upgradable(guard: Self) -> Guard<P, own::Upgradable<'static>> {
        let (place, guard) = Self::into_parts(guard);
        let site = Location::caller();
        // SAFETY: as in `downgrade`.
        unsafe {
            let guard =
                place
                    .meter()
                    .change_with(site, HoldMode::Upgradable, guard, |(), guard| {
                        real::RwLockWriteGuard::downgrade_to_upgradable(guard)
                    });
            Guard::new(place, guard)
        }
    }
}

impl<P: OfReader> Guard<P, own::Upgradable<'static>> {
    /// Turns the upgradable reader into a reader, so that another one can upgrade.
    #[inline]
    #[track_caller]
    pub fn downgrade(guard: Self) -> Guard<P::Reading, own::Read<'static>> {
        let (place, guard) = Self::into_parts(guard);
        let site = Location::caller();
        // SAFETY: the guard belonged to this lock; all locks here are on the global engine.
        unsafe {
            let guard = place
                .meter()
                .change_with(site, HoldMode::Shared, guard, |(), guard| {
                    real::RwLockUpgradableReadGuard::downgrade(guard)
                });
            Guard::new(place.reading(), guard)
        }
    }
}

impl<P: OfRwLock> Guard<P, own::Upgradable<'static>> {
    /// Becomes the writer if there is no other reader.
    ///
    /// # Errors
    /// The guard, unchanged.
    #[inline]
    #[track_caller]
    pub fn try_upgrade(guard: Self) -> Result<Guard<P, own::Write<'static>>, Self> {
        let (place, guard) = Self::into_parts(guard);
        // SAFETY: the guard belonged to this lock; all locks here are on the global engine.
        unsafe {
            let upgraded =
                place
                    .meter()
                    .try_upgrade_with(Location::caller(), guard, |(), guard| {
                        real::RwLockUpgradableReadGuard::try_upgrade(guard)
                    });
            match upgraded {
                Ok(guard) => Ok(Guard::new(place, guard)),
                Err(guard) => Err(Guard::new(place, guard)),
            }
        }
    }

    /// Becomes the writer once there is no other reader.
    #[inline]
    #[track_caller]
    pub fn upgrade(guard: Self) -> Upgrading<P> {
        Upgrading::new(guard)
    }

    /// Becomes the writer once there is no other reader, blocking the thread.
    #[cfg(not(lockprof_no_blocking))]
    #[inline]
    #[track_caller]
    pub fn upgrade_blocking(guard: Self) -> Guard<P, own::Write<'static>> {
        let (place, guard) = Self::into_parts(guard);
        let site = Location::caller();
        // SAFETY: the guard belonged to this lock; all locks here are on the global engine.
        unsafe {
            let Ok(guard) = place.meter().upgrade_with::<_, _, Infallible>(
                site,
                guard,
                |(), guard| real::RwLockUpgradableReadGuard::try_upgrade(guard),
                |(), guard| Ok(real::RwLockUpgradableReadGuard::upgrade_blocking(guard)),
            );
            Guard::new(place, guard)
        }
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guard = self.inner.try_read();
        // SAFETY: the guard holds the lock meanwhile.
        let data = guard.as_ref().map(|_| unsafe { &*self.data.get() });
        debug(f, ["RwLock", "value"], data)
    }
}

impl<T> From<T> for RwLock<T> {
    #[inline]
    #[track_caller]
    fn from(val: T) -> RwLock<T> {
        RwLock::new(val)
    }
}

impl<T: Default> Default for RwLock<T> {
    #[inline]
    #[track_caller]
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}
