//! The engine's own locks, all on the cold path: std's, without poisoning.
//!
//! They are not parking_lot's, because a program may have replaced that by the locks that this
//! engine profiles. Also, std's locks have no table of waiting threads. So a child can unlock one
//! that other threads waited for when it was forked.

use std::sync::{Mutex, MutexGuard, TryLockError};

/// Locks the mutex. A panic while it was locked is no reason to stop: its contents are consistent
/// after each statement, or are replaced.
#[cfg(not(lockprof_sanitize_thread))]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The same for ThreadSanitizer. While `Mutex::lock` waits, it is inside std, which is not
/// instrumented, so the sanitizer would not see that the lock was taken.
#[cfg(lockprof_sanitize_thread)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    loop {
        match try_lock(mutex) {
            Some(guard) => return guard,
            None => std::thread::yield_now(),
        }
    }
}

/// Locks the mutex if nobody has it locked. For the cold path, which must not wait.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Held by a thread that sets something that others wait for, such as a `OnceLock`. It takes no
/// other lock meanwhile.
pub(crate) static SETTING: Mutex<()> = Mutex::new(());
