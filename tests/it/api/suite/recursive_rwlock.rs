//! `RecursiveRwLock`.

use super::locks::{
    MappedRecursiveRwLockReadGuard as MappedRead, MappedRecursiveRwLockWriteGuard as MappedWrite,
    RawRwLockRecursive as Raw, RecursiveRwLock as Lock, RecursiveRwLockReadGuard as ReadGuard,
    RecursiveRwLockUpgradableReadGuard as UpgradableGuard, RecursiveRwLockWriteGuard as WriteGuard,
};

#[path = "rwlock_like.rs"]
mod rwlock_like;

use std::time::{Duration, Instant};

/// The lock is shared while a writer waits, however often this thread reads it.
#[test]
fn a_reader_reads_again_though_a_writer_waits() {
    let lock = Lock::new(0);
    std::thread::scope(|scope| {
        let first = lock.read();
        let writer = scope.spawn(|| *lock.write() += 1);
        for _ in 0..100 {
            let second = lock.read();
            let third = lock.try_read();
            let fourth = lock.try_read_for(Duration::from_secs(600));
            let fifth = lock.try_read_until(Instant::now());
            assert!(third.is_some() && fourth.is_some() && fifth.is_some());
            assert_eq!(*second, *first);
            std::thread::yield_now();
        }
        assert!(!writer.is_finished());
        drop(first);
    });
    assert_eq!(lock.into_inner(), 1);
}

/// Guards of one thread may be dropped in any order.
#[test]
fn guards_end_in_any_order() {
    let lock = Lock::new(());
    let first = lock.read();
    let second = lock.read();
    drop(first);
    assert!(lock.is_locked() && lock.try_write().is_none());
    let third = lock.read();
    drop(second);
    assert!(lock.is_locked() && lock.try_write().is_none());
    drop(third);
    assert!(lock.try_write().is_some());
}

/// A thread may hold more locks than fit in our table of held locks.
#[test]
fn many_locks_at_once() {
    let locks: Vec<_> = (0..20).map(Lock::new).collect();
    let reads: Vec<_> = locks.iter().map(Lock::read).collect();
    let again: Vec<_> = locks.iter().rev().map(Lock::read).collect();
    assert_eq!(reads.iter().map(|read| **read).sum::<i32>(), 190);
    drop(reads);
    assert!(
        locks
            .iter()
            .all(|lock| lock.is_locked() && lock.try_write().is_none())
    );
    drop(again);
    assert!(locks.iter().all(|lock| lock.try_write().is_some()));
}

/// A lock at the address of one whose read guard was forgotten is a different lock.
#[test]
fn a_forgotten_guard_does_not_haunt_the_address() {
    let mut lock = Lock::new(1);
    std::mem::forget(lock.read());
    assert!(lock.try_write().is_none());
    lock = Lock::new(2);
    assert!(!lock.is_locked());
    let read = lock.read();
    let again = lock.read();
    drop(read);
    assert!(lock.try_write().is_none());
    drop(again);
    *lock.write() += 1;
    assert_eq!(lock.into_inner(), 3);
}

#[test]
fn read_under_an_upgradable_guard() {
    let lock = Lock::new(1);
    let upgradable = lock.upgradable_read();
    let read = lock.read();
    let Err(upgradable) = UpgradableGuard::try_upgrade(upgradable) else {
        panic!("it is read")
    };
    drop(read);
    *UpgradableGuard::upgrade(upgradable) = 2;
    let read = lock.read();
    let upgradable = lock.upgradable_read();
    drop(read);
    let read = UpgradableGuard::downgrade(upgradable);
    let upgradable = lock.upgradable_read();
    drop(read);
    *UpgradableGuard::upgrade(upgradable) += 1;
    assert_eq!(lock.into_inner(), 3);
}

/// A reader with another read on its own thread has nobody to yield to.
#[test]
fn bump_under_another_read() {
    let lock = Lock::new(0);
    std::thread::scope(|scope| {
        let first = lock.read();
        let mut second = lock.read();
        scope.spawn(|| *lock.write() += 1);
        for _ in 0..100 {
            ReadGuard::bump(&mut second);
            assert_eq!(*first, 0);
        }
        drop(first);
        while *second == 0 {
            ReadGuard::bump(&mut second);
        }
    });
}
