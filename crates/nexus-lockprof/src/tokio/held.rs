//! The common part of all guards: tokio's guard, and the measurement of the acquisition.

use super::future::is_for_the_lock;
use super::meter::{HoldMode, Meter, PendingRef, ProfiledGuard};
use std::any::Any;
use std::cell::Cell;
use std::convert::Infallible;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;

/// How a guard finds its lock.
pub(super) trait LockPtr {
    fn meter(&self) -> &Meter;
}

/// A lock that has a meter.
pub(super) trait Metered {
    fn meter(&self) -> &Meter;
}

/// For guards that know only the meter of their lock.
impl Metered for Meter {
    #[inline]
    fn meter(&self) -> &Meter {
        self
    }
}

/// For guards that borrow.
impl<L: Metered + ?Sized> LockPtr for &L {
    #[inline]
    fn meter(&self) -> &Meter {
        L::meter(self)
    }
}

/// For guards that own.
impl<L: Metered + ?Sized> LockPtr for Arc<L> {
    #[inline]
    fn meter(&self) -> &Meter {
        L::meter(self)
    }
}

/// Tokio's guard `G` of the lock at `place`, released through the profiler.
///
/// If `place` owns the lock, `G` borrows from it under an extended lifetime. It is dropped before
/// `place`.
pub(super) struct Held<P: LockPtr, G> {
    guard: ManuallyDrop<G>,
    pending_ref: PendingRef,
    place: P,
}

impl<P: LockPtr, G> Held<P, G> {
    #[inline]
    pub(super) fn new(place: P, guard: ProfiledGuard<G>) -> Self {
        let (guard, pending_ref) = guard.into_parts();
        Held {
            guard: ManuallyDrop::new(guard),
            pending_ref,
            place,
        }
    }

    #[inline]
    fn into_parts(self) -> (P, G, PendingRef) {
        let mut held = ManuallyDrop::new(self);
        let pending_ref = std::mem::take(&mut held.pending_ref);
        // SAFETY: `held` is not dropped, and each of these two fields is taken once.
        unsafe {
            let guard = ManuallyDrop::take(&mut held.guard);
            let place = std::ptr::read(&held.place);
            (place, guard, pending_ref)
        }
    }

    /// The same acquisition with another of tokio's guards.
    pub(super) fn map<H>(self, change: impl FnOnce(G) -> H) -> Held<P, H> {
        let mapped = self.try_map(|guard| Ok::<_, Infallible>(change(guard)));
        match mapped {
            Ok(mapped) => mapped,
            Err(never) => match *never.guard {},
        }
    }

    /// Like [`map`](Self::map). If `change` unwinds, tokio releases the lock, and the measurement
    /// is still recorded.
    pub(super) fn try_map<H, B>(
        self,
        change: impl FnOnce(G) -> Result<H, B>,
    ) -> Result<Held<P, H>, Held<P, B>> {
        let (place, guard, pending_ref) = self.into_parts();
        let rest = Held::new(place, ProfiledGuard::new((), pending_ref));
        let changed = change(guard);
        let (place, (), pending_ref) = rest.into_parts();
        match changed {
            Ok(guard) => Ok(Held::new(place, ProfiledGuard::new(guard, pending_ref))),
            Err(guard) => Err(Held::new(place, ProfiledGuard::new(guard, pending_ref))),
        }
    }

    /// Ends one hold and begins another of the same lock; `next` makes the pending reference.
    pub(super) fn again(&mut self, next: impl FnOnce(&Meter, PendingRef) -> PendingRef) {
        let before = std::mem::take(&mut self.pending_ref);
        self.pending_ref = next(self.place.meter(), before);
    }

    /// Returns the place without the guard: the lock stays held, but this hold ends.
    pub(super) fn forget(self, forget: impl FnOnce(G)) {
        let _released = self.map(forget);
    }

    #[inline]
    pub(super) fn place(&self) -> &P {
        &self.place
    }
}

impl<P: LockPtr, G> Drop for Held<P, G> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: `self` is not used after its drop.
        let guard = unsafe { ManuallyDrop::take(&mut self.guard) };
        let guard = ProfiledGuard::new(guard, std::mem::take(&mut self.pending_ref));
        // SAFETY: the pending reference came with tokio's guard, which is dropped here. All locks
        // of this module are on the global engine.
        unsafe { self.place.meter().release(guard, |(), guard| drop(guard)) };
    }
}

impl<P: LockPtr, G> Deref for Held<P, G> {
    type Target = G;

    #[inline]
    fn deref(&self) -> &G {
        &self.guard
    }
}

impl<P: LockPtr, G> DerefMut for Held<P, G> {
    #[inline]
    fn deref_mut(&mut self) -> &mut G {
        &mut self.guard
    }
}

/// Acquires as a task does. Tokio's `future` cannot fail.
pub(super) async fn metered<G>(
    meter: &Meter,
    site: &'static Location<'static>,
    mode: HoldMode,
    future: impl Future<Output = G>,
) -> ProfiledGuard<G> {
    let future = async { Ok::<_, Infallible>(future.await) };
    let Ok(guard) = meter
        .acquire_task(site, mode, future, is_for_the_lock)
        .await;
    guard
}

/// The state of a lock right now.
#[derive(Clone, Copy)]
pub(super) enum Look {
    Free,
    Taken,
    /// Closed for good: nothing can be acquired.
    Closed,
}

impl Look {
    pub(super) fn free_if(free: bool) -> Self {
        if free { Look::Free } else { Look::Taken }
    }
}

/// Why a lock that looked free was not acquired.
enum Refused<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

/// Acquires as a thread does, by tokio's two ways `look` and `block`. Inside a runtime `block`
/// panics even if it need not wait, so it is always called.
pub(super) fn blocking<P: LockPtr, G, E>(
    place: P,
    site: &'static Location<'static>,
    mode: HoldMode,
    look: impl FnOnce() -> Look,
    block: impl Fn() -> Result<G, E>,
) -> Result<Held<P, G>, E> {
    let is_free = match look() {
        Look::Free => true,
        Look::Taken => false,
        // There is nothing to wait for.
        Look::Closed => {
            return block()
                .map(|guard| Held::new(place, ProfiledGuard::new(guard, PendingRef::default())));
        }
    };
    let refused = Cell::new(None);
    let unless_taken = |(): &()| {
        if !is_free {
            return None;
        }
        // A try must not unwind, so the panic resumes below.
        match catch_unwind(AssertUnwindSafe(&block)) {
            Ok(Ok(guard)) => return Some(guard),
            Ok(Err(error)) => refused.set(Some(Refused::Error(error))),
            Err(panic) => refused.set(Some(Refused::Panic(panic))),
        }
        None
    };
    let waiting = |(): &()| match refused.take() {
        Some(Refused::Error(error)) => Err(error),
        Some(Refused::Panic(panic)) => resume_unwind(panic),
        None => block(),
    };
    let guard = place
        .meter()
        .acquire(site, mode, |()| false, unless_taken, waiting)?;
    // SAFETY: just acquired.
    unsafe { place.meter().may_leave_thread(&guard) };
    Ok(Held::new(place, guard))
}

/// Acquires without waiting, or fails as tokio's `try_` does.
pub(super) fn attempt<P: LockPtr, G, E>(
    place: P,
    site: &'static Location<'static>,
    mode: HoldMode,
    try_: impl Fn() -> Result<G, E>,
) -> Result<Held<P, G>, E> {
    let refused = Cell::new(None);
    loop {
        let guard = place.meter().try_acquire(site, mode, |()| {
            try_().map_err(|error| refused.set(Some(error))).ok()
        });
        if let Some(guard) = guard {
            // SAFETY: just acquired.
            unsafe { place.meter().may_leave_thread(&guard) };
            return Ok(Held::new(place, guard));
        }
        // There always is an error.
        if let Some(error) = refused.take() {
            return Err(error);
        }
    }
}

/// Writes `map` and `try_map`, from a guard for `$data` to one for a part of it.
macro_rules! map {
    (
        [$($generics:tt)*] $inner:ident, $data:ty => $part:ident,
        $mapped:ident<$($arguments:tt),*>, $($ref:tt)+
    ) => {
        /// Makes a guard of a part of the data.
        pub fn map<$($generics)*>(this: Self, f: F) -> $mapped<$($arguments),*>
        where
            F: FnOnce($($ref)+ $data) -> $($ref)+ $part,
        {
            $mapped {
                held: this.held.map(|guard| ::tokio::sync::$inner::map(guard, f)),
            }
        }

        /// Makes a guard of a part of the data, if there is one.
        ///
        /// # Errors
        /// The guard, unchanged.
        pub fn try_map<$($generics)*>(
            this: Self,
            f: F,
        ) -> Result<$mapped<$($arguments),*>, Self>
        where
            F: FnOnce($($ref)+ $data) -> Option<$($ref)+ $part>,
        {
            let mapped = this.held.try_map(|guard| ::tokio::sync::$inner::try_map(guard, f));
            mapped
                .map(|held| $mapped { held })
                .map_err(|held| Self { held })
        }
    };
}

pub(super) use map;
