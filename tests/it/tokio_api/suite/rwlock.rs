//! `RwLock`.

use super::super::super::{Task, now};
use super::locks::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
use super::{in_runtime, quiet_panic, unwinds};
use std::sync::Arc;

static IN_A_STATIC: RwLock<u32> = RwLock::const_new(1);
static FOR_TWO: RwLock<u32> = RwLock::const_with_max_readers(1, 2);

#[test]
fn create() {
    assert_eq!(*now(IN_A_STATIC.read()), 1);
    assert_eq!(RwLock::<u32>::default().into_inner(), 0);
    assert_eq!(RwLock::from(3).into_inner(), 3);
    let mut lock = RwLock::new(4);
    *lock.get_mut() += 1;
    assert_eq!(lock.into_inner(), 5);
    unwinds(|| RwLock::with_max_readers(0, u32::MAX));
}

#[test]
fn so_many_readers() {
    for lock in [&FOR_TWO, &RwLock::with_max_readers(1, 2)] {
        let readers = [now(lock.read()), now(lock.read())];
        assert!(lock.try_read().is_err());
        drop(readers);
        assert!(lock.try_write().is_ok());
    }
}

#[test]
fn modes_exclude_each_other() {
    let lock = RwLock::new(0);
    let readers = (now(lock.read()), lock.try_read().unwrap());
    assert!(lock.try_write().is_err());
    drop(readers);
    *now(lock.write()) += 1;
    let writer = lock.try_write().unwrap();
    assert!(lock.try_read().is_err() && lock.try_write().is_err());
    drop(writer);
    assert_eq!(*lock.try_read().unwrap(), 1);
}

/// A reader waits behind a waiting writer.
#[test]
fn in_turn() {
    let lock = RwLock::new(0);
    let reader = now(lock.read());
    let mut writer = Task::new(lock.write());
    writer.pending();
    let mut late = Task::new(lock.read());
    late.pending();
    assert!(lock.try_read().is_err());
    drop(reader);
    let writing = writer.ready();
    late.pending();
    drop(writing);
    drop(late.ready());
    assert!(lock.try_write().is_ok());
}

#[test]
fn cancelled() {
    for polls in 0..3 {
        let lock = RwLock::new(());
        let reader = now(lock.read());
        let mut gone = Task::new(lock.write());
        for _ in 0..polls {
            gone.pending();
        }
        let mut next = Task::new(lock.read());
        if polls > 0 {
            next.pending();
        }
        drop(gone);
        let second = next.ready();
        drop((reader, second));
        assert!(lock.try_write().is_ok());
    }
}

#[test]
fn block() {
    let lock = RwLock::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..100 {
                    *lock.blocking_write() += 1;
                    assert!(*lock.blocking_read() > 0);
                }
            });
        }
    });
    assert_eq!(*lock.blocking_read(), 200);
    in_runtime(|| {
        unwinds(|| lock.blocking_read());
        unwinds(|| lock.blocking_write());
    });
    assert!(lock.try_write().is_ok());
}

#[test]
fn owned() {
    let lock = Arc::new(RwLock::new(1));
    let read: OwnedRwLockReadGuard<i32> = now(Arc::clone(&lock).read_owned());
    assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&read), &lock));
    let other = Arc::clone(&lock).try_read_owned().unwrap();
    assert!(Arc::clone(&lock).try_write_owned().is_err());
    assert_eq!(format!("{read} {other:?}"), "1 1");
    drop((read, other));
    let mut write: OwnedRwLockWriteGuard<i32> = now(Arc::clone(&lock).write_owned());
    *write += 1;
    assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&write), &lock));
    assert_eq!(format!("{write} {write:?}"), "2 2");
    assert!(Arc::clone(&lock).try_read_owned().is_err());
    drop(lock);
    assert_eq!(*write, 2, "it keeps the lock");
}

#[test]
fn map() {
    let lock = RwLock::new((1, [2, 3]));
    let array: RwLockReadGuard<'_, [i32; 2]> =
        RwLockReadGuard::map(now(lock.read()), |pair| &pair.1);
    let Err(array) = RwLockReadGuard::try_map(array, |_| None::<&i32>) else {
        panic!("it is none")
    };
    let Ok(last) = RwLockReadGuard::try_map(array, |array| array.last()) else {
        panic!("it is some")
    };
    assert_eq!(format!("{last} {last:?}"), "3 3");
    assert!(lock.try_write().is_err() && lock.try_read().is_ok());
    drop(last);

    let array: RwLockMappedWriteGuard<'_, [i32; 2]> =
        RwLockWriteGuard::map(now(lock.write()), |pair| &mut pair.1);
    let Err(array) = RwLockMappedWriteGuard::try_map(array, |_| None::<&mut i32>) else {
        panic!("it is none")
    };
    let Ok(mut last) = RwLockMappedWriteGuard::try_map(array, |array| array.last_mut()) else {
        panic!("it is some")
    };
    *last += 1;
    assert!(lock.try_read().is_err());
    drop(RwLockMappedWriteGuard::map(last, |last| last));
    let whole = RwLockWriteGuard::into_mapped(now(lock.write()));
    assert_eq!(whole.1, [2, 4]);
    drop(whole);
    unwinds(|| RwLockWriteGuard::map(lock.try_write().unwrap(), |_| -> &mut i32 { quiet_panic() }));
    assert!(lock.try_write().is_ok());
}

#[test]
fn map_owned() {
    let lock = Arc::new(RwLock::new((1, [2, 3])));
    let read = now(Arc::clone(&lock).read_owned());
    let array: OwnedRwLockReadGuard<_, [i32; 2]> = OwnedRwLockReadGuard::map(read, |pair| &pair.1);
    let Err(array) = OwnedRwLockReadGuard::try_map(array, |_| None::<&i32>) else {
        panic!("it is none")
    };
    assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&array), &lock));
    drop(array);

    let write = now(Arc::clone(&lock).write_owned());
    let array: OwnedRwLockMappedWriteGuard<_, [i32; 2]> =
        OwnedRwLockWriteGuard::map(write, |pair| &mut pair.1);
    let Ok(mut last) = OwnedRwLockMappedWriteGuard::try_map(array, |array| array.last_mut()) else {
        panic!("it is some")
    };
    *last += 1;
    assert!(Arc::ptr_eq(
        OwnedRwLockMappedWriteGuard::rwlock(&last),
        &lock
    ));
    drop(OwnedRwLockMappedWriteGuard::map(last, |last| last));
    let whole = OwnedRwLockWriteGuard::into_mapped(now(Arc::clone(&lock).write_owned()));
    assert_eq!(whole.1, [2, 4]);
    drop(whole);
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn downgrade() {
    let lock = Arc::new(RwLock::new((1, 2)));
    let read: RwLockReadGuard<'_, (i32, i32)> = now(lock.write()).downgrade();
    assert!(lock.try_read().is_ok() && lock.try_write().is_err());
    drop(read);
    let part: RwLockReadGuard<'_, i32> =
        RwLockWriteGuard::downgrade_map(now(lock.write()), |pair| &pair.1);
    assert!(lock.try_read().is_ok() && *part == 2);
    drop(part);
    let none = RwLockWriteGuard::try_downgrade_map(now(lock.write()), |_| None::<&i32>);
    let Err(write) = none else {
        panic!("it is none")
    };
    assert!(lock.try_read().is_err(), "it is a writer still");
    let Ok(part) = RwLockWriteGuard::try_downgrade_map(write, |pair| Some(&pair.0)) else {
        panic!("it is some")
    };
    assert!(lock.try_read().is_ok() && *part == 1);
    drop(part);

    let owned = || now(Arc::clone(&lock).write_owned());
    let read: OwnedRwLockReadGuard<(i32, i32)> = owned().downgrade();
    assert!(lock.try_read().is_ok() && lock.try_write().is_err());
    drop(read);
    let part: OwnedRwLockReadGuard<_, i32> =
        OwnedRwLockWriteGuard::downgrade_map(owned(), |pair| &pair.1);
    assert!(lock.try_read().is_ok() && *part == 2);
    drop(part);
    let Err(write) = OwnedRwLockWriteGuard::try_downgrade_map(owned(), |_| None::<&i32>) else {
        panic!("it is none")
    };
    assert!(lock.try_read().is_err(), "it is a writer still");
    drop(write);
    assert!(lock.try_write().is_ok());
}

#[test]
fn format() {
    let lock = RwLock::new(7);
    assert_eq!(format!("{lock:?}"), "RwLock { data: 7 }");
    let guard = now(lock.write());
    assert_eq!(format!("{guard} {guard:?}"), "7 7");
    assert_eq!(format!("{lock:?}"), "RwLock { data: <locked> }");
}
