//! The futures.

use crate::guard::{Guard, Lock, Place, Reading, ReadingArc};
use crate::own;
use crate::rwlock::{OfRwLock, RwLock};
use nexus_lockprof_adaptor::{Global, HoldMode, PendingRef, Profiled, ProfiledGuard, TaskWait};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What a future needs of its lock.
pub trait Start {
    /// What its guard needs.
    type Place: Place;

    /// The place for one guard.
    fn place(&self) -> Self::Place;

    /// What the profiler keeps per lock.
    fn meter(&self) -> &Profiled<()>;
}

impl<'a, L: Lock + ?Sized> Start for &'a L {
    type Place = &'a L;

    fn place(&self) -> &'a L {
        self
    }

    fn meter(&self) -> &Profiled<()> {
        L::meter(self)
    }
}

impl<L: Lock + ?Sized> Start for Arc<L> {
    type Place = Arc<L>;

    fn place(&self) -> Arc<L> {
        Arc::clone(self)
    }

    fn meter(&self) -> &Profiled<()> {
        L::meter(self)
    }
}

impl<L: Lock + ?Sized> Start for &Arc<L> {
    type Place = Arc<L>;

    fn place(&self) -> Arc<L> {
        Arc::clone(self)
    }

    fn meter(&self) -> &Profiled<()> {
        L::meter(self)
    }
}

/// What a reader's future needs of its lock.
pub struct Reader<'a, T: ?Sized>(pub(crate) &'a RwLock<T>);

// SAFETY: like async-lock's own, it gives shared access to the data.
unsafe impl<T: ?Sized + Sync> Send for Reader<'_, T> {}

impl<'a, T: ?Sized> Start for Reader<'a, T> {
    type Place = Reading<'a, T>;

    fn place(&self) -> Reading<'a, T> {
        Reading::new(self.0)
    }

    fn meter(&self) -> &Profiled<()> {
        self.0.meter()
    }
}

/// [`Reader`], for a guard that owns the lock.
pub struct ReaderArc<'a, T>(pub(crate) &'a Arc<RwLock<T>>);

impl<T> Start for ReaderArc<'_, T> {
    type Place = ReadingArc<T>;

    fn place(&self) -> ReadingArc<T> {
        ReadingArc::new(Arc::clone(self.0))
    }

    fn meter(&self) -> &Profiled<()> {
        RwLock::meter(self.0)
    }
}

/// Async-lock's future `F` of an acquisition, and its measurement.
#[must_use = "futures do nothing unless polled"]
pub struct Acquiring<S, F> {
    // It belongs to the lock, as does the future. Both are dropped before `start`, which owns or
    // borrows the lock and is last.
    wait: TaskWait<'static, (), Global>,
    future: F,
    start: S,
}

impl<S: Start, F> Acquiring<S, F> {
    /// # Safety
    /// The future must belong to the lock inside the one at `start`.
    #[inline]
    pub(crate) unsafe fn new(
        start: S,
        site: &'static Location<'static>,
        mode: HoldMode,
        future: F,
    ) -> Self {
        let wait = start.meter().task_wait(site, mode);
        // SAFETY: the lock's owner is dropped after this.
        let wait = unsafe {
            std::mem::transmute::<TaskWait<'_, (), Global>, TaskWait<'static, (), Global>>(wait)
        };
        Acquiring {
            wait,
            future,
            start,
        }
    }
}

impl<S: Start, F: Future> Future for Acquiring<S, F> {
    type Output = Guard<S::Place, F::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is never moved: only this pin reaches it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: `future` is pinned with the whole struct, which is `Unpin` only if `future` is.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let polled = this.wait.poll(|| future.poll(context), |_| true, || true);
        // SAFETY: the lock was just acquired.
        polled.map(|(guard, pending_ref)| unsafe {
            Guard::new(this.start.place(), ProfiledGuard::new(guard, pending_ref))
        })
    }
}

impl<S, F: fmt::Debug> fmt::Debug for Acquiring<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.future.fmt(f)
    }
}

/// A reader that is becoming the writer.
#[must_use = "futures do nothing unless polled"]
pub struct Upgrading<P: Place> {
    future: own::UpgradeFuture<'static>,
    /// The reader's place and pending reference, until it is the writer.
    before: Option<(P, PendingRef)>,
    site: &'static Location<'static>,
}

impl<P: Place> Upgrading<P> {
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
        // SAFETY: the pending reference is the reader's, which is now the writer. All locks here are on the
        // global engine.
        unsafe {
            let reader = ProfiledGuard::new(writer, pending_ref);
            let meter = place.meter();
            let writer =
                meter.change_with(this.site, HoldMode::Exclusive, reader, |(), writer| writer);
            Poll::Ready(Guard::new(place, writer))
        }
    }
}

impl<P: Place> Drop for Upgrading<P> {
    fn drop(&mut self) {
        // Async-lock's future releases the lock itself.
        if let Some((place, pending_ref)) = &mut self.before {
            let reader = ProfiledGuard::new((), std::mem::take(pending_ref));
            // SAFETY: the pending reference is the reader's; all locks here are on the global engine.
            unsafe { place.meter().release(reader, |(), ()| ()) };
        }
    }
}

impl<P: Place> fmt::Debug for Upgrading<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.future.fmt(f)
    }
}
