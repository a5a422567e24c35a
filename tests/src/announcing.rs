//! A raw lock that announces blocking calls.

use lock_api::{RawMutex, RawMutexTimed, RawRwLock};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// parking_lot's lock, and the number of blocking calls begun so far.
///
/// `Profiled` tries before it blocks, and has read the clock by then. Once the number has grown,
/// the wait has begun, and only the release ends it. That makes waits exact on a manual clock.
pub struct Announcing<R> {
    raw: R,
    blocked: AtomicUsize,
}

impl<R> Announcing<R> {
    /// Returns once `n` blocking calls have begun since the lock was created.
    pub fn await_blocked(&self, n: usize) {
        while self.blocked.load(SeqCst) < n {
            std::thread::yield_now();
        }
    }

    fn announce(&self) -> &R {
        self.blocked.fetch_add(1, SeqCst);
        &self.raw
    }
}

// SAFETY: forwards each call to the raw lock.
unsafe impl<R: RawMutex> RawMutex for Announcing<R> {
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Announcing {
        raw: R::INIT,
        blocked: AtomicUsize::new(0),
    };
    type Guard = R::Guard;

    fn lock(&self) -> Self::Guard {
        self.announce().lock()
    }

    fn try_lock(&self) -> Option<Self::Guard> {
        self.raw.try_lock()
    }

    unsafe fn unlock(&self, guard: Self::Guard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.raw.unlock(guard) }
    }

    fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }
}

// SAFETY: forwards to the raw lock, or fails; a timeout expires at once here, so that no test waits
// for one.
unsafe impl<R: RawMutex> RawMutexTimed for Announcing<R> {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_for(&self, _timeout: Duration) -> Option<Self::Guard> {
        self.announce().try_lock()
    }

    fn try_lock_until(&self, _timeout: Instant) -> Option<Self::Guard> {
        self.announce().try_lock()
    }
}

// SAFETY: forwards each call to the raw lock.
unsafe impl<R: RawRwLock> RawRwLock for Announcing<R> {
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Announcing {
        raw: R::INIT,
        blocked: AtomicUsize::new(0),
    };
    type SharedGuard = R::SharedGuard;
    type ExclusiveGuard = R::ExclusiveGuard;

    fn lock_shared(&self) -> Self::SharedGuard {
        self.announce().lock_shared()
    }

    fn try_lock_shared(&self) -> Option<Self::SharedGuard> {
        self.raw.try_lock_shared()
    }

    unsafe fn unlock_shared(&self, guard: Self::SharedGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.raw.unlock_shared(guard) }
    }

    fn lock_exclusive(&self) -> Self::ExclusiveGuard {
        self.announce().lock_exclusive()
    }

    fn try_lock_exclusive(&self) -> Option<Self::ExclusiveGuard> {
        self.raw.try_lock_exclusive()
    }

    unsafe fn unlock_exclusive(&self, guard: Self::ExclusiveGuard) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.raw.unlock_exclusive(guard) }
    }

    fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    fn is_locked_exclusive(&self) -> bool {
        self.raw.is_locked_exclusive()
    }
}
