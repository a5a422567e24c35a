//! The common part of the three kinds of guards: std's guard, and the measurement of the
//! acquisition.

use std::convert::Infallible;
use std::mem::{self, ManuallyDrop};
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use nexus_lockprof_adaptor::{HoldMode, PendingRef, Profiled, ProfiledGuard};

/// What the profiler keeps per lock, beside std's lock.
pub(super) type Watched = Profiled<()>;

/// Std's guard `G` of a lock, released through the profiler.
pub(super) struct Held<'a, G> {
    watched: &'a Watched,
    std: ManuallyDrop<G>,
    pending_ref: PendingRef,
}

impl<'a, G> Held<'a, G> {
    #[inline(always)]
    pub(super) fn new(watched: &'a Watched, std: G, pending_ref: PendingRef) -> Self {
        Held {
            watched,
            std: ManuallyDrop::new(std),
            pending_ref,
        }
    }

    /// Takes the guard apart. The lock stays held.
    #[inline(always)]
    pub(super) fn into_parts(self) -> (&'a Watched, G, PendingRef) {
        let mut held = ManuallyDrop::new(self);
        // SAFETY: `held` is neither dropped nor used after this.
        let std = unsafe { ManuallyDrop::take(&mut held.std) };
        (held.watched, std, mem::take(&mut held.pending_ref))
    }
}

impl<G> Drop for Held<'_, G> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `self` is not used after its drop.
        let std = unsafe { ManuallyDrop::take(&mut self.std) };
        let guard = ProfiledGuard::new(std, mem::take(&mut self.pending_ref));
        // SAFETY: the pending reference came with std's guard, which is dropped here. All locks of
        // this module are on the global engine.
        unsafe { self.watched.release(guard, |(), std| drop(std)) };
    }
}

impl<G> Deref for Held<'_, G> {
    type Target = G;

    #[inline(always)]
    fn deref(&self) -> &G {
        &self.std
    }
}

impl<G> DerefMut for Held<'_, G> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut G {
        &mut self.std
    }
}

/// An acquisition that waits if necessary. `try_` and `block` are std's two ways to acquire the
/// lock.
///
/// Like std, it reads `poisoned` once it has the lock: from then on only this acquisition can
/// poison it. So the profiler can pass plain guards instead of results, which are larger.
#[inline(always)]
pub(super) fn acquire<'a, G, W>(
    watched: &'a Watched,
    site: &'static Location<'static>,
    mode: HoldMode,
    try_: impl Fn() -> TryLockResult<G>,
    block: impl FnOnce() -> LockResult<G>,
    poisoned: impl FnOnce() -> bool,
    wrap: impl FnOnce(Held<'a, G>) -> W,
) -> LockResult<W> {
    let Ok(guard) = watched.acquire::<_, Infallible>(
        site,
        mode,
        // Std cannot say whether its lock is free; only trying tells.
        |()| true,
        |()| acquired(try_()),
        |()| Ok(block().unwrap_or_else(PoisonError::into_inner)),
    );
    held(watched, guard, poisoned, wrap)
}

/// An acquisition that does not wait.
#[inline(always)]
pub(super) fn try_acquire<'a, G, W>(
    watched: &'a Watched,
    site: &'static Location<'static>,
    mode: HoldMode,
    try_: impl Fn() -> TryLockResult<G>,
    poisoned: impl FnOnce() -> bool,
    wrap: impl FnOnce(Held<'a, G>) -> W,
) -> TryLockResult<W> {
    match watched.try_acquire(site, mode, |()| acquired(try_())) {
        Some(guard) => Ok(held(watched, guard, poisoned, wrap)?),
        None => Err(TryLockError::WouldBlock),
    }
}

/// A poisoned lock is acquired too.
#[inline(always)]
fn acquired<G>(tried: TryLockResult<G>) -> Option<G> {
    match tried {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[inline(always)]
fn held<'a, G, W>(
    watched: &'a Watched,
    guard: ProfiledGuard<G>,
    poisoned: impl FnOnce() -> bool,
    wrap: impl FnOnce(Held<'a, G>) -> W,
) -> LockResult<W> {
    let (std, pending_ref) = guard.into_parts();
    let guard = wrap(Held::new(watched, std, pending_ref));
    if poisoned() {
        Err(PoisonError::new(guard))
    } else {
        Ok(guard)
    }
}

/// Maps the value inside, poisoned or not.
#[inline(always)]
pub(super) fn map<A, B>(result: LockResult<A>, change: impl FnOnce(A) -> B) -> LockResult<B> {
    match result {
        Ok(inside) => Ok(change(inside)),
        Err(poisoned) => Err(PoisonError::new(change(poisoned.into_inner()))),
    }
}
