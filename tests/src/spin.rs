//! A lock for a global allocator.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering::*};

/// A raw lock that spins. It allocates nothing, so that it can guard an allocator.
#[derive(Debug)]
pub struct Spin(AtomicBool);

// SAFETY: only one thread at a time changes the flag from false to true.
unsafe impl lock_api::RawMutex for Spin {
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Spin(AtomicBool::new(false));
    type Guard = lock_api::GuardSend;

    fn lock(&self) -> Self::Guard {
        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            // There may be more threads than processors, so the holder may not be running.
            // SAFETY: the call has no arguments.
            unsafe { libc::sched_yield() };
            spin_loop();
        }
    }

    fn try_lock(&self) -> Option<Self::Guard> {
        (!self.0.swap(true, Acquire)).then(lock_api::GuardSend::default)
    }

    unsafe fn unlock(&self, _guard: Self::Guard) {
        self.0.store(false, Release);
    }

    fn is_locked(&self) -> bool {
        self.0.load(Relaxed)
    }
}
