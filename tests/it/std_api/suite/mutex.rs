use std::fmt::Display;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::sync::{Arc, LockResult, Mutex, MutexGuard, TryLockError, TryLockResult};

static IN_A_STATIC: Mutex<u32> = Mutex::new(1);

const fn made_in_const() -> Mutex<u32> {
    Mutex::new(2)
}

#[test]
fn create() {
    assert_eq!(*IN_A_STATIC.lock().unwrap(), 1);
    assert_eq!(made_in_const().into_inner().unwrap(), 2);
    assert_eq!(Mutex::<u32>::default().into_inner().unwrap(), 0);
    assert_eq!(Mutex::from(3).into_inner().unwrap(), 3);
    let _: Mutex<&str> = "four".into();
}

#[test]
fn lock_and_try() {
    let mutex = Mutex::new(0);
    let result: LockResult<MutexGuard<'_, i32>> = mutex.lock();
    let mut guard = result.unwrap();
    *guard += 1;
    let tried: TryLockResult<MutexGuard<'_, i32>> = mutex.try_lock();
    assert!(matches!(tried, Err(TryLockError::WouldBlock)));
    drop(tried);
    drop(guard);
    assert_eq!(*mutex.try_lock().unwrap(), 1);
    assert_eq!(*mutex.lock().unwrap(), 1);
}

#[test]
fn the_data_without_locking() {
    let mut mutex = Mutex::new(vec![1]);
    mutex.get_mut().unwrap().push(2);
    assert_eq!(mutex.into_inner().unwrap(), [1, 2]);
}

/// The data is dropped once: with the mutex, or by its new owner.
#[test]
fn the_data_is_dropped_once() {
    let data = Rc::new(());
    let mutex = Mutex::new(Rc::clone(&data));
    assert_eq!(Rc::strong_count(&data), 2);
    drop(mutex);
    assert_eq!(Rc::strong_count(&data), 1);
    let out = Mutex::new(Rc::clone(&data)).into_inner().unwrap();
    assert_eq!(Rc::strong_count(&data), 2);
    drop(out);
    assert_eq!(Rc::strong_count(&data), 1);
}

#[test]
fn exclude_each_other() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 500;
    let (mutex, inside) = (Mutex::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let mut guard = mutex.lock().unwrap();
                    assert_eq!(inside.fetch_add(1, SeqCst), 0);
                    *guard += 1;
                    assert_eq!(inside.fetch_sub(1, SeqCst), 1);
                }
            });
        }
    });
    assert_eq!(mutex.into_inner().unwrap(), THREADS * ROUNDS);
}

#[test]
fn unsized_data() {
    let slice: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
    slice.lock().unwrap()[1] = 7;
    assert_eq!(slice.try_lock().unwrap()[..], [1, 7, 3]);
    let object: Arc<Mutex<dyn Display + Send>> = Arc::new(Mutex::new(5));
    assert_eq!(object.lock().unwrap().to_string(), "5");
    assert!(!object.is_poisoned());
    let boxed: Box<Mutex<dyn Fn() -> i32>> = Box::new(Mutex::new(|| 6));
    assert_eq!((boxed.lock().unwrap())(), 6);
}

#[test]
fn a_guard_shows_its_data() {
    let mutex = Mutex::new("a\"b");
    let guard = mutex.lock().unwrap();
    assert_eq!(
        format!("{guard} {guard:?} {guard:>5}"),
        "a\"b \"a\\\"b\"   a\"b"
    );
}

/// A forgotten guard keeps the mutex locked, and the data can still be dropped with it.
#[test]
fn a_forgotten_guard_keeps_it_locked() {
    let mutex = Mutex::new(1);
    std::mem::forget(mutex.lock());
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    assert_eq!(mutex.into_inner().unwrap(), 1);
}

/// A guard may borrow from something short-lived, and may be stored in a structure.
#[test]
fn guards_are_values() {
    struct Both<'a>(MutexGuard<'a, i32>, MutexGuard<'a, String>);
    let (one, two) = (Mutex::new(1), Mutex::new(String::new()));
    let mut both = Both(one.lock().unwrap(), two.lock().unwrap());
    *both.0 += 1;
    both.1.push('x');
    drop(both);
    assert_eq!((*one.lock().unwrap(), two.lock().unwrap().len()), (2, 1));
}
