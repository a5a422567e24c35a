//! `FairMutex`.

use super::locks::{
    FairMutex as Lock, FairMutexGuard as Guard, MappedFairMutexGuard as Mapped, RawFairMutex as Raw,
};

#[path = "mutex_like.rs"]
mod mutex_like;

/// Dropping the guard hands the mutex to a waiter: a thread that takes it repeatedly lets each
/// other thread through.
#[test]
fn a_waiter_gets_through() {
    let mutex = Lock::new(0);
    std::thread::scope(|scope| {
        for round in 1..=3 {
            let mut guard = mutex.lock();
            scope.spawn(|| *mutex.lock() += 1);
            while *guard < round {
                drop(guard);
                guard = mutex.lock();
            }
        }
    });
    assert_eq!(mutex.into_inner(), 3);
}
