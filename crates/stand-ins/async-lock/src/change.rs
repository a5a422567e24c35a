//! Guards of a [`RwLock`] that change their mode: downgrades and upgrades.

use crate::guard::{Guard, LockPtr};
use crate::own;
use crate::reading::{Reading, ReadingArc};
use crate::rwlock::RwLock;
use nexus_lockprof_adaptor::{HoldMode, PendingRef, ProfiledGuard};
#[cfg(not(lockprof_no_blocking))]
use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A place of a reader-writer lock. It keeps guards of other locks from having these functions.
pub trait OfRwLock: LockPtr {}
impl<T: ?Sized> OfRwLock for &RwLock<T> {}
impl<T: ?Sized> OfRwLock for Arc<RwLock<T>> {}

/// A place of a reader-writer lock that a reader can take over.
pub trait OfReader: OfRwLock {
    /// The reader's place.
    type Reading: LockPtr;

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
        let change = real::RwLockWriteGuard::downgrade;
        changed(guard, HoldMode::Shared, P::reading, change)
    }
}

impl<P: OfRwLock> Guard<P, own::Write<'static>> {
    /// Turns the writer into an upgradable reader, and lets readers in.
    #[inline]
    #[track_caller]
    pub fn downgrade_to_upgradable(guard: Self) -> Guard<P, own::Upgradable<'static>> {
        let change = real::RwLockWriteGuard::downgrade_to_upgradable;
        changed(guard, HoldMode::Upgradable, |place| place, change)
    }
}

impl<P: OfReader> Guard<P, own::Upgradable<'static>> {
    /// Turns the upgradable reader into a reader, so that another one can upgrade.
    #[inline]
    #[track_caller]
    pub fn downgrade(guard: Self) -> Guard<P::Reading, own::Read<'static>> {
        let change = real::RwLockUpgradableReadGuard::downgrade;
        changed(guard, HoldMode::Shared, P::reading, change)
    }
}

/// Changes a guard's mode without waiting: `turn` makes the new guard's place, and `change`
/// async-lock's new guard.
#[inline(always)]
#[track_caller]
fn changed<P: LockPtr, G, Q: LockPtr, H>(
    guard: Guard<P, G>,
    mode: HoldMode,
    turn: impl FnOnce(P) -> Q,
    change: impl FnOnce(G) -> H,
) -> Guard<Q, H> {
    let (place, guard) = Guard::into_parts(guard);
    let site = Location::caller();
    // SAFETY: the guard belonged to this lock; all locks here are on the global engine.
    unsafe {
        let change = |(): &(), guard| change(guard);
        let guard = place.meter().change_with(site, mode, guard, change);
        Guard::new(turn(place), guard)
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

/// A reader that is becoming the writer.
#[must_use = "futures do nothing unless polled"]
pub struct Upgrading<P: LockPtr> {
    future: own::UpgradeFuture<'static>,
    /// The reader's place and pending reference, until it is the writer.
    before: Option<(P, PendingRef)>,
    site: &'static Location<'static>,
}

impl<P: LockPtr> Upgrading<P> {
    #[track_caller]
    pub(crate) fn new(guard: Guard<P, own::Upgradable<'static>>) -> Self {
        let (place, guard) = Guard::into_parts(guard);
        let (guard, pending_ref) = guard.into_parts();
        Upgrading {
            future: real::RwLockUpgradableReadGuard::upgrade(guard),
            before: Some((place, pending_ref)),
            site: Location::caller(),
        }
    }
}

impl<P: OfRwLock> Future for Upgrading<P> {
    type Output = Guard<P, own::Write<'static>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is never moved: only this pin reaches it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: `future` is pinned with the whole struct, which is `Unpin` only if `future` is.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let Poll::Ready(writer) = future.poll(context) else {
            return Poll::Pending;
        };
        let Some((place, pending_ref)) = this.before.take() else {
            panic!("`Upgrade` polled after completion");
        };
        // SAFETY: the pending reference is the reader's, which is now the writer. All locks here
        // are on the global engine.
        unsafe {
            let reader = ProfiledGuard::new(writer, pending_ref);
            let meter = place.meter();
            let writer =
                meter.change_with(this.site, HoldMode::Exclusive, reader, |(), writer| writer);
            Poll::Ready(Guard::new(place, writer))
        }
    }
}

impl<P: LockPtr> Drop for Upgrading<P> {
    fn drop(&mut self) {
        // Async-lock's future releases the lock itself.
        if let Some((place, pending_ref)) = &mut self.before {
            let reader = ProfiledGuard::new((), std::mem::take(pending_ref));
            // SAFETY: the pending reference is the reader's; all locks here are on the global
            // engine.
            unsafe { place.meter().release(reader, |(), ()| ()) };
        }
    }
}

impl<P: LockPtr> fmt::Debug for Upgrading<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.future.fmt(f)
    }
}
