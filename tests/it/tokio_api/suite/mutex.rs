//! `Mutex`.

use super::super::super::{Task, now};
use super::locks::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, TryLockError,
};
use super::{in_runtime, quiet_panic, unwinds};
use std::fmt::Display;
use std::sync::Arc;

static IN_A_STATIC: Mutex<u32> = Mutex::const_new(1);

#[test]
fn create() {
    assert_eq!(*now(IN_A_STATIC.lock()), 1);
    assert_eq!(Mutex::<u32>::default().into_inner(), 0);
    assert_eq!(Mutex::from(3).into_inner(), 3);
    let mut mutex = Mutex::new(4);
    *mutex.get_mut() += 1;
    assert_eq!(mutex.into_inner(), 5);
}

#[test]
fn lock_and_try() {
    let mutex = Mutex::new(0);
    let mut guard = now(mutex.lock());
    *guard += 1;
    let refused: TryLockError = mutex.try_lock().unwrap_err();
    assert_eq!(refused.to_string(), "operation would block");
    drop(guard);
    assert_eq!(*mutex.try_lock().unwrap(), 1);
    assert!(std::ptr::eq(MutexGuard::mutex(&now(mutex.lock())), &mutex));
}

/// Waiters get the lock in the order of their first polls, and nobody overtakes.
#[test]
fn in_turn() {
    let mutex = Mutex::new(());
    let (mut first, mut second) = (Task::new(mutex.lock()), Task::new(mutex.lock()));
    let guard = now(mutex.lock());
    second.pending();
    first.pending();
    drop(guard);
    assert_eq!((first.woken(), second.woken()), (0, 1));
    assert!(mutex.try_lock().is_err(), "it is handed over");
    first.pending();
    drop(second.ready());
    assert_eq!(first.woken(), 1);
    drop(first.ready());
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_task_that_panics_releases() {
    let mutex = Mutex::new(0);
    unwinds(|| {
        let _guard = mutex.try_lock().unwrap();
        quiet_panic()
    });
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn block() {
    let mutex = Arc::new(Mutex::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..100 {
                    *mutex.blocking_lock() += 1;
                    *Arc::clone(&mutex).blocking_lock_owned() += 1;
                }
            });
        }
    });
    assert_eq!(*mutex.blocking_lock(), 400);
    in_runtime(|| {
        unwinds(|| mutex.blocking_lock());
        unwinds(|| Arc::clone(&mutex).blocking_lock_owned());
    });
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn owned() {
    let mutex = Arc::new(Mutex::new(1));
    let guard: OwnedMutexGuard<i32> = now(Arc::clone(&mutex).lock_owned());
    assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &mutex));
    assert!(Arc::clone(&mutex).try_lock_owned().is_err());
    let mut waiting = Task::new(Arc::clone(&mutex).lock_owned());
    waiting.pending();
    drop(guard);
    let guard = waiting.ready();
    assert_eq!(format!("{guard} {guard:?}"), "1 1");
    drop(waiting);
    drop(mutex);
    assert_eq!(*guard, 1, "it keeps the mutex");
    let mutex = Arc::clone(OwnedMutexGuard::mutex(&guard));
    drop(guard);
    assert_eq!(Arc::strong_count(&mutex), 1);
    assert_eq!(*mutex.try_lock_owned().unwrap(), 1);
}

#[test]
fn map() {
    let mutex = Mutex::new((1, [2, 3]));
    let array: MappedMutexGuard<'_, [i32; 2]> =
        MutexGuard::map(now(mutex.lock()), |pair| &mut pair.1);
    let Err(array) = MappedMutexGuard::try_map(array, |_| None::<&mut i32>) else {
        panic!("it is none")
    };
    let Ok(mut last) = MappedMutexGuard::try_map(array, |array| array.last_mut()) else {
        panic!("it is some")
    };
    *last += 1;
    assert_eq!(format!("{last} {last:?}"), "4 4");
    assert!(mutex.try_lock().is_err());
    let same = MappedMutexGuard::map(last, |last| last);
    drop(same);
    let Err(guard) = MutexGuard::try_map(mutex.try_lock().unwrap(), |_| None::<&mut i32>) else {
        panic!("it is none")
    };
    drop(guard);
    unwinds(|| MutexGuard::map(mutex.try_lock().unwrap(), |_| -> &mut i32 { quiet_panic() }));
    assert_eq!(mutex.try_lock().unwrap().1, [2, 4]);
}

#[test]
fn map_owned() {
    let mutex = Arc::new(Mutex::new((1, [2, 3])));
    let guard = now(Arc::clone(&mutex).lock_owned());
    let array: OwnedMappedMutexGuard<(i32, [i32; 2]), [i32; 2]> =
        OwnedMutexGuard::map(guard, |pair| &mut pair.1);
    let Err(array) = OwnedMappedMutexGuard::try_map(array, |_| None::<&mut i32>) else {
        panic!("it is none")
    };
    let Ok(mut last) = OwnedMappedMutexGuard::try_map(array, |array| array.last_mut()) else {
        panic!("it is some")
    };
    *last += 1;
    assert_eq!(format!("{last} {last:?}"), "4 4");
    assert!(mutex.try_lock().is_err());
    drop(OwnedMappedMutexGuard::map(last, |last| last));
    let guard = Arc::clone(&mutex).try_lock_owned().unwrap();
    let Err(guard) = OwnedMutexGuard::try_map(guard, |_| None::<&mut i32>) else {
        panic!("it is none")
    };
    unwinds(|| OwnedMutexGuard::map(guard, |_| -> &mut i32 { quiet_panic() }));
    assert_eq!(mutex.try_lock().unwrap().1, [2, 4]);
    assert_eq!(Arc::strong_count(&mutex), 1);
}

#[test]
fn format() {
    let mutex = Mutex::new(7);
    assert_eq!(format!("{mutex:?}"), "Mutex { data: 7 }");
    let guard = now(mutex.lock());
    assert_eq!(format!("{guard} {guard:?}"), "7 7");
    assert_eq!(format!("{mutex:?}"), "Mutex { data: <locked> }");
}

#[test]
fn unsized_data() {
    let mutex: Arc<Mutex<dyn Display + Send>> = Arc::new(Mutex::new(5));
    assert_eq!(now(mutex.lock()).to_string(), "5");
    assert_eq!(now(Arc::clone(&mutex).lock_owned()).to_string(), "5");
    let slice: &Mutex<[i32]> = &Mutex::new([1, 2]);
    now(slice.lock())[0] = 3;
    assert_eq!(*now(slice.lock()), [3, 2]);
}
