//! The raw lock under `ReentrantMutex`, which learns its acquisition site from a thread-local.
//!
//! `lock_api` calls the raw lock of a reentrant mutex from inside a closure, and a closure does not
//! pass on the caller's location. `Location::caller()` would be `lock_api`'s own line for every
//! acquisition in the program. So [`ReentrantMutex`](crate::ReentrantMutex) leaves its caller's
//! location in [`SITE`] during the call.

use std::cell::Cell;
use std::panic::Location;
use std::time::{Duration, Instant};

use lock_api::{RawMutex, RawMutexFair, RawMutexTimed};

use crate::Profiled;

thread_local! {
    // Const and without a destructor: no lazy initialisation, and usable while other thread-locals
    // are destroyed.
    static SITE: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// Keeps a site for the next raw acquisition on this thread, until dropped.
///
/// Dropping it removes the site, even if a recursive acquisition never reached the raw lock.
/// Otherwise a later acquisition by `lock_api` itself (`ReentrantMutexGuard::unlocked` locks again)
/// would be recorded at an unrelated line.
pub(crate) struct ReentrantSite(());

/// Leaves `site` for the raw lock to find.
#[inline]
pub(crate) fn reentrant_site(site: &'static Location<'static>) -> ReentrantSite {
    SITE.set(Some(site));
    ReentrantSite(())
}

impl Drop for ReentrantSite {
    #[inline]
    fn drop(&mut self) {
        SITE.set(None);
    }
}

/// The site left for this acquisition, or the caller's own. Whoever left it removes it.
#[inline]
#[track_caller]
fn site() -> &'static Location<'static> {
    match SITE.get() {
        Some(site) => site,
        None => Location::caller(),
    }
}

/// The raw lock under [`ReentrantMutex`](crate::ReentrantMutex).
///
/// It records like [`RawMutex`](crate::RawMutex). Only the way it learns its acquisition site
/// differs. Where `ReentrantMutex` leaves no site (in `lock_api`'s `ReentrantMutexGuard::unlocked`
/// and `bump`), it records the acquisition at a line inside `lock_api`.
///
/// ```
/// use nexus_lockprof::{RawReentrant, RawThreadId, ReentrantMutex, lock_api};
///
/// type Guard<'a, T> = lock_api::ReentrantMutexGuard<'a, RawReentrant, RawThreadId, T>;
///
/// fn value(guard: Guard<'_, u32>) -> u32 {
///     *guard
/// }
/// assert_eq!(value(ReentrantMutex::new(2).lock()), 2);
/// ```
#[repr(transparent)]
pub struct RawReentrant(Profiled<parking_lot::RawMutex>);

impl RawReentrant {
    /// A lock identified by its creation site.
    #[inline]
    pub(crate) const fn created_at(created: &'static Location<'static>) -> Self {
        Self(Profiled::created_at(created))
    }

    /// A lock identified by a name.
    #[inline]
    pub(crate) const fn named(name: &'static str) -> Self {
        Self(Profiled::named(name))
    }
}

// SAFETY: every operation is the wrapped lock's, which upholds the contract.
unsafe impl RawMutex for RawReentrant {
    const INIT: Self = Self(<Profiled<parking_lot::RawMutex> as RawMutex>::INIT);

    type Guard = <Profiled<parking_lot::RawMutex> as RawMutex>::Guard;

    #[inline]
    #[track_caller]
    fn lock(&self) -> Self::Guard {
        self.0.lock_at(site())
    }

    #[inline]
    #[track_caller]
    fn try_lock(&self) -> Option<Self::Guard> {
        self.0.try_lock_at(site())
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock(&self, guard: Self::Guard) {
        // SAFETY: the caller hands over the state of an acquisition of this lock.
        unsafe { self.0.unlock(guard) }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

// SAFETY: every operation is the wrapped lock's, which upholds the contract.
unsafe impl RawMutexFair for RawReentrant {
    #[inline]
    #[track_caller]
    unsafe fn unlock_fair(&self, guard: Self::Guard) {
        // SAFETY: the caller hands over the state of an acquisition of this lock.
        unsafe { self.0.unlock_fair(guard) }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump(&self, guard: &mut Self::Guard) {
        // SAFETY: the caller lends the state of an acquisition of this lock.
        unsafe { self.0.bump(guard) }
    }
}

// SAFETY: every operation is the wrapped lock's, which upholds the contract.
unsafe impl RawMutexTimed for RawReentrant {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    #[track_caller]
    fn try_lock_for(&self, timeout: Duration) -> Option<Self::Guard> {
        self.0.try_lock_for_at(timeout, site())
    }

    #[inline]
    #[track_caller]
    fn try_lock_until(&self, timeout: Instant) -> Option<Self::Guard> {
        self.0.try_lock_until_at(timeout, site())
    }
}
