//! The futures.

use crate::guard::{Guard, LockPtr};
use crate::lock::{Lock, Meter};
use nexus_lockprof_adaptor::{BeforeWaking, Global, HoldMode, ProfiledGuard, TaskWait};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A lock as its future sees it.
pub trait Start {
    /// What its guard needs.
    type LockPtr: LockPtr;

    /// The place for one guard.
    fn place(&self) -> Self::LockPtr;

    /// What the profiler keeps per lock.
    fn meter(&self) -> &Meter;
}

impl<'a, L: Lock + ?Sized> Start for &'a L {
    type LockPtr = &'a L;

    fn place(&self) -> &'a L {
        self
    }

    fn meter(&self) -> &Meter {
        L::meter(self)
    }
}

macro_rules! start_arc {
    ($start:ty) => {
        impl<L: Lock + ?Sized> Start for $start {
            type LockPtr = Arc<L>;

            fn place(&self) -> Arc<L> {
                Arc::clone(self)
            }

            fn meter(&self) -> &Meter {
                L::meter(self)
            }
        }
    };
}
start_arc!(Arc<L>);
start_arc!(&Arc<L>);

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
    type Output = Guard<S::LockPtr, F::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is never moved: only this pin reaches it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: `future` is pinned with the whole struct, which is `Unpin` only if `future` is.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let (waking, start) = (BeforeWaking::Releases, &this.start);
        // SAFETY: the lock was just acquired.
        let finish = |guard, pending_ref| unsafe {
            Guard::new(start.place(), ProfiledGuard::new(guard, pending_ref))
        };
        this.wait
            .poll(future, context, waking, |_| true, || true, finish)
    }
}

impl<S, F: fmt::Debug> fmt::Debug for Acquiring<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.future.fmt(f)
    }
}
