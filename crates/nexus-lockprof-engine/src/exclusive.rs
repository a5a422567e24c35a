//! The engine's own locks, all on the cold path: std's, without poisoning.
//!
//! Not parking_lot's, which a program may have replaced by the locks that this engine profiles. And a child that was
//! forked off while other threads waited for one can unlock it: there is no table of waiting threads.

use crate::aggregate::Aggregator;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Locks. A panic while it was locked is no reason to stop: what it guards is whole after each statement, or replaced.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks, if nobody has it locked: for the cold path, which must not wait.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// All locks of a core, held.
#[cfg(unix)]
pub(crate) struct Still<'a> {
    pub(crate) _changes: MutexGuard<'a, u64>,
    pub(crate) _aggregator: MutexGuard<'a, Option<Box<Aggregator>>>,
}
