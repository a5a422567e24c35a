//! The engine's own locks, all on the cold path: std's, without poisoning.
//!
//! Not parking_lot's, which a program may have replaced by the locks that this engine profiles. And a child that was
//! forked off while other threads waited for one can unlock it: there is no table of waiting threads.

use crate::aggregate::Aggregator;
use std::sync::{Mutex, MutexGuard};

/// Locks. A panic while it was locked is no reason to stop: what it guards is whole after each statement, or replaced.
#[cfg(not(lockprof_sanitize_thread))]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The same for ThreadSanitizer: where `Mutex::lock` waits it is inside std, which is not instrumented, and the sanitizer does
/// not see that the lock was taken.
#[cfg(lockprof_sanitize_thread)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    use std::sync::TryLockError;
    loop {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
}

/// All locks of a core, held.
#[cfg(unix)]
pub(crate) struct Still<'a> {
    pub(crate) _changes: MutexGuard<'a, u64>,
    pub(crate) _aggregator: MutexGuard<'a, Option<Box<Aggregator>>>,
}
