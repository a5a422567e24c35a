//! What our types add to std's.

use nexus_lockprof::std_sync::{
    Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

static MUTEX: Mutex<u8> = Mutex::named("std mutex", 1);
static RWLOCK: RwLock<u8> = RwLock::named("std rwlock", 2);

#[test]
fn named() {
    assert_eq!(*MUTEX.lock().unwrap(), 1);
    assert_eq!(*RWLOCK.read().unwrap(), 2);
}

/// The result types, which programs name in signatures, are std's.
#[test]
fn errors_are_std_s() {
    fn out<T>(result: std::sync::LockResult<T>) -> T {
        result.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
    assert_eq!(*out(MUTEX.lock()), 1);
    let tried: std::sync::TryLockResult<RwLockReadGuard<'_, u8>> = RWLOCK.try_read();
    assert!(tried.is_ok());
    drop(tried);
    let timed: (_, std::sync::WaitTimeoutResult) =
        out(Condvar::new().wait_timeout(out(MUTEX.lock()), std::time::Duration::ZERO));
    assert_eq!(*timed.0, 1);
}

/// The size: std's and three words, or just std's without the feature `profile`.
#[test]
fn sizes() {
    let (lock, guard) = if cfg!(feature = "profile") {
        (24, 16)
    } else {
        (0, 0)
    };
    assert_eq!(
        size_of::<Mutex<u64>>(),
        size_of::<std::sync::Mutex<u64>>() + lock
    );
    assert_eq!(
        size_of::<RwLock<u64>>(),
        size_of::<std::sync::RwLock<u64>>() + lock
    );
    assert_eq!(size_of::<Condvar>(), size_of::<std::sync::Condvar>());
    assert_eq!(
        size_of::<MutexGuard<'_, u64>>(),
        size_of::<std::sync::MutexGuard<'_, u64>>() + guard
    );
    assert_eq!(
        size_of::<RwLockReadGuard<'_, u64>>(),
        size_of::<std::sync::RwLockReadGuard<'_, u64>>() + guard
    );
    assert_eq!(
        size_of::<RwLockWriteGuard<'_, u64>>(),
        size_of::<std::sync::RwLockWriteGuard<'_, u64>>() + guard
    );
}
