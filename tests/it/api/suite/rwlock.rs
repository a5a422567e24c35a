//! `RwLock`.

use super::locks::{
    MappedRwLockReadGuard as MappedRead, MappedRwLockWriteGuard as MappedWrite, RawRwLock as Raw,
    RwLock as Lock, RwLockReadGuard as ReadGuard, RwLockUpgradableReadGuard as UpgradableGuard,
    RwLockWriteGuard as WriteGuard,
};

#[path = "rwlock_like.rs"]
mod rwlock_like;

/// A reader waits behind a waiting writer.
#[test]
fn a_waiting_writer_stops_new_readers() {
    let lock = Lock::new(0);
    std::thread::scope(|scope| {
        let reader = lock.read();
        scope.spawn(|| *lock.write() += 1);
        while lock.try_read().is_some() {
            std::thread::yield_now();
        }
        assert_eq!(*reader, 0);
    });
    assert_eq!(lock.into_inner(), 1);
}

/// The reader that `bump`s lets the waiting writer through.
#[test]
fn bump_lets_the_writer_through() {
    let lock = Lock::new(0);
    std::thread::scope(|scope| {
        let mut reader = lock.read();
        scope.spawn(|| *lock.write() += 1);
        while *reader == 0 {
            ReadGuard::bump(&mut reader);
        }
    });
}
