use std::fmt::Display;
use std::sync::mpsc;

use super::sync::{
    Arc, LockResult, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, TryLockResult,
};

static IN_A_STATIC: RwLock<u32> = RwLock::new(1);

const fn made_in_const() -> RwLock<u32> {
    RwLock::new(2)
}

/// Whether the result says that the lock is taken.
fn would_block<G>(result: TryLockResult<G>) -> bool {
    matches!(result, Err(TryLockError::WouldBlock))
}

#[test]
fn create() {
    assert_eq!(*IN_A_STATIC.read().unwrap(), 1);
    assert_eq!(made_in_const().into_inner().unwrap(), 2);
    assert_eq!(RwLock::<u32>::default().into_inner().unwrap(), 0);
    assert_eq!(RwLock::from(3).into_inner().unwrap(), 3);
}

#[test]
fn readers_share_and_writers_do_not() {
    let lock = RwLock::new(1);
    let first: LockResult<RwLockReadGuard<'_, i32>> = lock.read();
    let second: TryLockResult<RwLockReadGuard<'_, i32>> = lock.try_read();
    assert_eq!((*first.unwrap(), *second.unwrap()), (1, 1));

    let reader = lock.read().unwrap();
    assert!(would_block(lock.try_write()));
    assert!(lock.try_read().is_ok());
    drop(reader);

    let result: LockResult<RwLockWriteGuard<'_, i32>> = lock.write();
    let mut writer = result.unwrap();
    *writer += 1;
    assert!(would_block(lock.try_read()));
    assert!(would_block(lock.try_write()));
    drop(writer);

    *lock.try_write().unwrap() += 1;
    assert_eq!(*lock.read().unwrap(), 3);
}

#[test]
fn the_data_without_locking() {
    let mut lock = RwLock::new(vec![1]);
    lock.get_mut().unwrap().push(2);
    assert_eq!(lock.into_inner().unwrap(), [1, 2]);
}

/// A writer that becomes a reader lets readers in, and no writer in between.
#[test]
fn downgrade() {
    let lock = RwLock::new(1);
    let mut writer = lock.write().unwrap();
    *writer = 2;
    let reader: RwLockReadGuard<'_, i32> = RwLockWriteGuard::downgrade(writer);
    assert_eq!((*reader, *lock.try_read().unwrap()), (2, 2));
    assert!(would_block(lock.try_write()));
    drop(reader);
    assert!(lock.try_write().is_ok());
}

#[test]
fn downgrade_wakes_readers() {
    let lock = RwLock::new(0);
    std::thread::scope(|scope| {
        let mut writer = lock.write().unwrap();
        let (started, is_started) = mpsc::channel();
        let (read, has_read) = mpsc::channel();
        let lock = &lock;
        scope.spawn(move || {
            started.send(()).unwrap();
            read.send(*lock.read().unwrap()).unwrap();
        });
        is_started.recv().unwrap();
        *writer = 1;
        let reader = RwLockWriteGuard::downgrade(writer);
        assert_eq!(has_read.recv().unwrap(), 1, "read beside this reader");
        drop(reader);
    });
}

#[test]
fn writers_exclude_readers() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 250;
    let lock = RwLock::new((0, 0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let lock = &lock;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    if (thread + round) % 2 == 0 {
                        let mut both = lock.write().unwrap();
                        both.0 += 1;
                        both.1 += 1;
                    } else {
                        let both = lock.read().unwrap();
                        assert_eq!(both.0, both.1);
                    }
                }
            });
        }
    });
    assert_eq!(lock.into_inner().unwrap().0, THREADS * ROUNDS / 2);
}

#[test]
fn unsized_data() {
    let slice: &RwLock<[i32]> = &RwLock::new([1, 2, 3]);
    slice.write().unwrap()[1] = 7;
    assert_eq!(slice.read().unwrap()[..], [1, 7, 3]);
    let reader = RwLockWriteGuard::downgrade(slice.write().unwrap());
    assert_eq!(reader.len(), 3);
    let object: Arc<RwLock<dyn Display + Send + Sync>> = Arc::new(RwLock::new(5));
    assert_eq!(object.read().unwrap().to_string(), "5");
    assert!(!object.is_poisoned());
}

#[test]
fn guards_show_their_data() {
    let lock = RwLock::new("a");
    let writer = lock.write().unwrap();
    assert_eq!(format!("{writer} {writer:?}"), "a \"a\"");
    let reader = RwLockWriteGuard::downgrade(writer);
    assert_eq!(format!("{reader} {reader:?}"), "a \"a\"");
}

#[test]
fn a_forgotten_guard_keeps_it_locked() {
    let lock = RwLock::new(1);
    std::mem::forget(lock.read());
    assert!(would_block(lock.try_write()));
    assert!(lock.try_read().is_ok());
    assert_eq!(lock.into_inner().unwrap(), 1);
}

/// A read guard of longer-lived data works as one of shorter-lived data.
#[test]
fn a_reader_is_covariant() {
    fn shorter<'a>(long: RwLockReadGuard<'a, &'static str>) -> RwLockReadGuard<'a, &'a str> {
        long
    }
    assert_eq!(*shorter(RwLock::new("x").read().unwrap()), "x");
}
