//! The semaphore.

use crate::future::Acquiring;
use crate::guard::{Guard, LockPtr, READ, acquire, is_worth_a_try};
use crate::lock::{Lock, Meter};
use crate::own;
use nexus_lockprof_adaptor::{Global, ProfiledGuard};
use std::convert::{Infallible, identity};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// An asynchronous counter of permits. Its acquisitions are shared.
pub struct Semaphore {
    meter: Meter,
    inner: real::Semaphore,
}

impl Lock for Semaphore {
    type Data = ();

    fn meter(&self) -> &Meter {
        &self.meter
    }

    fn data(&self) -> *mut () {
        std::ptr::NonNull::dangling().as_ptr()
    }
}

impl Semaphore {
    /// Creates a semaphore with `n` permits, identified by the place of this call.
    #[track_caller]
    pub const fn new(n: usize) -> Semaphore {
        Semaphore {
            meter: Meter::of_tasks_created_at(Global, Location::caller()),
            inner: real::Semaphore::new(n),
        }
    }

    /// Adds `n` permits.
    pub fn add_permits(&self, n: usize) {
        self.inner.add_permits(n);
    }

    /// How many permits are free.
    #[cfg(not(lockprof_no_permits))]
    pub fn available_permits(&self) -> usize {
        self.inner.available_permits()
    }
}

acquire! {
    [] Semaphore, READ, Permit, PermitFuture, [&'l Self: identity] => [&'l Self: identity]:
    acquire try_acquire acquire_blocking
}
acquire! {
    arc [] Semaphore, READ, Permit, PermitFuture, [Arc<Self>: Arc::clone] => [Arc<Self>: identity]:
    acquire acquire_arc, try_acquire try_acquire_arc, acquire_blocking acquire_arc_blocking
}

impl<P: LockPtr> Guard<P, own::Permit<'static>> {
    /// Never returns the permit. The hold ends now.
    #[inline]
    pub fn forget(self) {
        let (place, guard) = Self::into_parts(self);
        let forget = |(): &(), permit| std::mem::forget::<own::Permit<'_>>(permit);
        // SAFETY: the guard belonged to this lock; all locks here are on the global engine.
        unsafe { place.meter().release(guard, forget) };
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<P: LockPtr + fmt::Debug> fmt::Debug for Guard<P, own::Permit<'static>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SemaphoreGuard")
            .field(Self::place(self))
            .finish()
    }
}
