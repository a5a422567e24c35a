//! The engine's own locks, all on the cold path: std's, without poisoning.
//!
//! Not parking_lot's, which a program may have replaced by the locks that this engine profiles. And a child that was
//! forked off while other threads waited for one can unlock it: there is no table of waiting threads.

use std::sync::{Mutex, MutexGuard, TryLockError};

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
    loop {
        match try_lock(mutex) {
            Some(guard) => return guard,
            None => std::thread::yield_now(),
        }
    }
}

/// Locks, if nobody has it locked: for the cold path, which must not wait.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Locked by who sets something that others wait for until it is set, such as a `OnceLock`. Nothing else is locked meanwhile.
pub(crate) static SETTING: Mutex<()> = Mutex::new(());
