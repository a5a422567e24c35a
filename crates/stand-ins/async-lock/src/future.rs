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

/// What a future has of its lock.
pub trait Start {
    /// What its guard has.
    type Place: Place;

    /// That, for one guard.
    fn place(&self) -> Self::Place;

    /// What the profiler keeps of the lock.
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

/// What a reader's future has of its lock.
pub struct Reader<'a, T: ?Sized>(pub(crate) &'a RwLock<T>);

// SAFETY: it gives shared access to the data, as async-lock's own.
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

/// The same of a reader whose guard is to own the lock.
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

/// Async-lock's future `F` of an acquisition, and what is measured of it.
#[must_use = "futures do nothing unless polled"]
pub struct Acquiring<S, F> {
    // The lock's, as is the future: both are dropped before what has the lock, which is last.
    wait: TaskWait<'static, (), Global>,
    future: F,
    start: S,
}

impl<S: Start, F> Acquiring<S, F> {
    /// # Safety
    /// The future is of the lock inside that at `start`.
    #[inline]
    pub(crate) unsafe fn new(
        start: S,
        site: &'static Location<'static>,
        mode: HoldMode,
        future: F,
    ) -> Self {
        let wait = start.meter().task_wait(site, mode);
        // SAFETY: what has the lock is dropped after this.
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
        // SAFETY: `future` is not moved: it is used through this pin only.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above; it is pinned as the whole is, which is `Unpin` only if it is.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let polled = this.wait.poll(|| future.poll(context), |_| true, || true);
        // SAFETY: just acquired.
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

/// A reader that becomes the writer.
#[must_use = "futures do nothing unless polled"]
pub struct Upgrading<P: Place> {
    future: own::UpgradeFuture<'static>,
    /// The reader's, and its place, until it is the writer.
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
        // SAFETY: `future` is not moved: it is used through this pin only.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let Poll::Ready(writer) = future.poll(context) else {
            return Poll::Pending;
        };
        let Some((place, pending_ref)) = this.before.take() else {
            panic!("`Upgrade` polled after completion");
        };
        // SAFETY: the pending reference is the reader's, which is the writer now; all locks here are on the global engine.
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
        // Async-lock's future releases the lock.
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
