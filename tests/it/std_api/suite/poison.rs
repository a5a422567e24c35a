//! A lock is poisoned by a panic of its exclusive holder, and by nothing else.

use std::sync::mpsc;
use std::time::Duration;

use super::super::sync::{
    Condvar, LockResult, Mutex, PoisonError, RwLock, RwLockWriteGuard, TryLockError, TryLockResult,
};
use super::{quiet_panic, unwinds};

/// The data of a poisoned lock's error.
#[track_caller]
fn poisoned<T>(result: LockResult<T>) -> T {
    match result {
        Ok(_) => panic!("it is not poisoned"),
        Err(error) => error.into_inner(),
    }
}

#[track_caller]
fn try_poisoned<T>(result: TryLockResult<T>) -> T {
    match result {
        Err(TryLockError::Poisoned(error)) => error.into_inner(),
        Err(TryLockError::WouldBlock) => panic!("it is locked"),
        Ok(_) => panic!("it is not poisoned"),
    }
}

fn poisoned_mutex() -> Mutex<i32> {
    let mutex = Mutex::new(1);
    unwinds(|| {
        let _guard = mutex.lock().unwrap();
        quiet_panic();
    });
    mutex
}

fn poisoned_rwlock() -> RwLock<i32> {
    let lock = RwLock::new(1);
    unwinds(|| {
        let _guard = lock.write().unwrap();
        quiet_panic();
    });
    lock
}

#[test]
fn a_mutex() {
    let mut mutex = poisoned_mutex();
    assert!(mutex.is_poisoned());
    // The error contains the guard, which still holds the lock.
    let mut guard = poisoned(mutex.lock());
    *guard += 1;
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    drop(guard);
    assert_eq!(*try_poisoned(mutex.try_lock()), 2);
    *poisoned(mutex.get_mut()) += 1;
    assert!(mutex.is_poisoned(), "still");
    mutex.clear_poison();
    assert!(!mutex.is_poisoned());
    assert_eq!(*mutex.lock().unwrap(), 3);
    assert_eq!(mutex.into_inner().unwrap(), 3);
    assert_eq!(poisoned(poisoned_mutex().into_inner()), 1);
}

#[test]
fn a_mutex_that_was_tried() {
    let mutex = Mutex::new(1);
    unwinds(|| {
        let _guard = mutex.try_lock().unwrap();
        quiet_panic();
    });
    assert!(mutex.is_poisoned());
}

#[test]
fn a_writer() {
    let mut lock = poisoned_rwlock();
    assert!(lock.is_poisoned());
    let reader = poisoned(lock.read());
    assert_eq!((*reader, *try_poisoned(lock.try_read())), (1, 1));
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    drop(reader);
    *poisoned(lock.write()) += 1;
    *try_poisoned(lock.try_write()) += 1;
    *poisoned(lock.get_mut()) += 1;
    assert_eq!(*RwLockWriteGuard::downgrade(poisoned(lock.write())), 4);
    assert!(lock.is_poisoned(), "still");
    lock.clear_poison();
    assert!(!lock.is_poisoned());
    assert_eq!(lock.into_inner().unwrap(), 4);
    assert_eq!(poisoned(poisoned_rwlock().into_inner()), 1);
}

#[test]
fn a_writer_that_tried() {
    let lock = RwLock::new(1);
    unwinds(|| {
        let _guard = lock.try_write().unwrap();
        quiet_panic();
    });
    assert!(lock.is_poisoned());
}

#[test]
fn not_a_reader() {
    let lock = RwLock::new(1);
    unwinds(|| {
        let _guards = (lock.read().unwrap(), lock.try_read().unwrap());
        quiet_panic();
    });
    assert!(!lock.is_poisoned());
    assert!(lock.try_write().is_ok(), "released");
}

#[test]
fn not_a_writer_that_has_become_a_reader() {
    let lock = RwLock::new(1);
    unwinds(|| {
        let _guard = RwLockWriteGuard::downgrade(lock.write().unwrap());
        quiet_panic();
    });
    assert!(!lock.is_poisoned());
    assert!(lock.try_write().is_ok(), "released");
}

/// A guard created and dropped during unwinding does not poison.
#[test]
fn not_by_what_runs_during_unwinding() {
    struct Locks<'a>(&'a Mutex<i32>, &'a RwLock<i32>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            *self.0.lock().unwrap() += 1;
            *self.1.write().unwrap() += 1;
        }
    }
    let (mutex, lock) = (Mutex::new(1), RwLock::new(1));
    unwinds(|| {
        let _locks = Locks(&mutex, &lock);
        quiet_panic();
    });
    assert_eq!(*mutex.lock().unwrap(), 2);
    assert_eq!(*lock.read().unwrap(), 2);
}

/// A panic caught while the lock is held does not poison.
#[test]
fn not_by_a_panic_that_is_over() {
    let (mutex, lock) = (Mutex::new(1), RwLock::new(1));
    let (guard, writer) = (mutex.lock().unwrap(), lock.write().unwrap());
    unwinds(|| quiet_panic());
    drop((guard, writer));
    assert!(!mutex.is_poisoned() && !lock.is_poisoned());
}

#[test]
fn a_panic_in_another_thread() {
    let (mutex, lock) = (Mutex::new(1), RwLock::new(1));
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let _guards = (mutex.lock().unwrap(), lock.write().unwrap());
            quiet_panic();
        });
        assert!(thread.join().is_err());
    });
    assert!(mutex.is_poisoned() && lock.is_poisoned());
}

/// A waiter gets the error when the holder panics.
#[test]
fn who_waits_is_told() {
    let mutex = Mutex::new(1);
    std::thread::scope(|scope| {
        let (started, is_started) = mpsc::channel();
        let (mutex, guard) = (&mutex, mutex.lock().unwrap());
        let waiter = scope.spawn(move || {
            started.send(()).unwrap();
            *poisoned(mutex.lock())
        });
        is_started.recv().unwrap();
        unwinds(|| {
            let _guard = guard;
            quiet_panic();
        });
        assert_eq!(waiter.join().unwrap(), 1);
    });
}

#[test]
fn a_condition_that_panics() {
    let (mutex, condvar) = (Mutex::new(1), Condvar::new());
    unwinds(|| condvar.wait_while(mutex.lock().unwrap(), |_| quiet_panic()));
    assert!(mutex.is_poisoned());
    assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));

    let mutex = Mutex::new(1);
    let long = Duration::from_secs(600);
    unwinds(|| condvar.wait_timeout_while(mutex.lock().unwrap(), long, |_| quiet_panic()));
    assert!(mutex.is_poisoned());
}

/// A condition that panics when called after a wait.
#[test]
fn a_condition_that_panics_after_a_wait() {
    let (mutex, condvar) = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        let guard = mutex.lock().unwrap();
        scope.spawn(|| {
            *mutex.lock().unwrap() = true;
            condvar.notify_one();
        });
        unwinds(|| {
            condvar.wait_while(guard, |set| {
                if *set {
                    quiet_panic();
                }
                true
            })
        });
    });
    assert!(mutex.is_poisoned());
}

#[test]
fn a_panic_after_a_wait() {
    let (mutex, condvar) = (Mutex::new(1), Condvar::new());
    unwinds(|| {
        let waited = condvar.wait_timeout(mutex.lock().unwrap(), Duration::ZERO);
        let _guard = waited.unwrap().0;
        quiet_panic();
    });
    assert!(mutex.is_poisoned());
}

/// All waits return the guard of a poisoned mutex in an error.
#[test]
#[allow(deprecated, reason = "std still has it")]
fn waits_with_a_poisoned_mutex() {
    let (mutex, condvar) = (poisoned_mutex(), Condvar::new());
    let lock = || poisoned(mutex.lock());
    let zero = Duration::ZERO;
    assert_eq!(*poisoned(condvar.wait_timeout(lock(), zero)).0, 1);
    assert_eq!(*poisoned(condvar.wait_timeout_ms(lock(), 0)).0, 1);
    // No wait, no error.
    assert_eq!(*condvar.wait_while(lock(), |_| false).unwrap(), 1);
    let waited = condvar.wait_timeout_while(lock(), zero, |_| false);
    assert_eq!(*waited.unwrap().0, 1);
    // The first wait's error ends a loop.
    let mut asked = 0;
    let waited = condvar.wait_timeout_while(lock(), Duration::from_millis(1), |_| {
        asked += 1;
        true
    });
    assert_eq!(*poisoned(waited).0, 1);
    assert_eq!(asked, 1);

    std::thread::scope(|scope| {
        let guard = lock();
        scope.spawn(|| {
            // Once the other thread waits.
            drop(lock());
            condvar.notify_one();
        });
        assert_eq!(*poisoned(condvar.wait(guard)), 1);
    });
    std::thread::scope(|scope| {
        let guard = lock();
        scope.spawn(|| {
            drop(lock());
            condvar.notify_one();
        });
        assert_eq!(*poisoned(condvar.wait_while(guard, |_| true)), 1);
    });
}

#[test]
fn errors_are_std_s() {
    let mutex = poisoned_mutex();
    let mut error = mutex.lock().unwrap_err();
    assert_eq!(**error.get_ref(), 1);
    **error.get_mut() = 2;
    let error: Box<dyn std::error::Error> = Box::new(PoisonError::new(*error.into_inner()));
    assert_eq!(
        error.to_string(),
        "poisoned lock: another task failed inside"
    );
    let error: TryLockError<_> = mutex.try_lock().unwrap_err();
    assert_eq!(
        error.to_string(),
        "poisoned lock: another task failed inside"
    );
    drop(error);
    let _guard = poisoned(mutex.lock());
    let error = mutex.try_lock().unwrap_err();
    assert_eq!(
        error.to_string(),
        "try_lock failed because the operation would block"
    );
}
