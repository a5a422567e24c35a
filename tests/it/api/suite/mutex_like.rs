//! Shared by `Mutex` and `FairMutex`, for the `Lock`, `Guard`, `Mapped` and `Raw` of the module
//! above.

use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::super::locks::lock_api::RawMutex as _;

use super::super::{quiet_panic, unwinds};
use super::{Guard, Lock, Mapped, Raw};

static IN_A_STATIC: Lock<u32> = Lock::new(1);

const fn made_in_const() -> Lock<u32> {
    Lock::new(2)
}

#[test]
fn create() {
    assert_eq!(*IN_A_STATIC.lock(), 1);
    assert_eq!(made_in_const().into_inner(), 2);
    assert_eq!(Lock::<u32>::default().into_inner(), 0);
    assert_eq!(Lock::from(3).into_inner(), 3);
    since_0_13! {
        assert_eq!(Lock::from_raw(Raw::INIT, 4).into_inner(), 4);
        let (raw, value) = Lock::new(5).into_inner_with_raw();
        assert!(!raw.is_locked());
        assert_eq!(value, 5);
    }
    before_0_13! {
        assert_eq!(Lock::const_new(Raw::INIT, 4).into_inner(), 4);
    }
}

#[test]
fn lock_and_try() {
    let lock = Lock::new(0);
    assert!(!lock.is_locked());
    let mut guard = lock.lock();
    *guard += 1;
    assert!(lock.is_locked());
    assert!(lock.try_lock().is_none());
    drop(guard);
    assert!(!lock.is_locked());
    assert_eq!(lock.try_lock().as_deref(), Some(&1));
}

#[test]
fn time_out() {
    let lock = Lock::new(0);
    let long = Duration::from_secs(600);
    assert!(lock.try_lock_for(Duration::ZERO).is_some());
    assert!(lock.try_lock_for(Duration::MAX).is_some());
    assert!(lock.try_lock_until(Instant::now() + long).is_some());
    let _guard = lock.lock();
    assert!(lock.try_lock_for(Duration::from_millis(1)).is_none());
    assert!(lock.try_lock_until(Instant::now()).is_none());
}

#[test]
fn a_timed_waiter_gets_the_lock() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let span = Duration::from_secs(600);
    let deadline = Instant::now() + span;
    std::thread::scope(|scope| {
        let by_span = scope.spawn(|| lock.try_lock_for(span).is_some());
        let by_deadline = scope.spawn(|| lock.try_lock_until(deadline).is_some());
        drop(guard);
        assert!(by_span.join().is_ok_and(|got| got));
        assert!(by_deadline.join().is_ok_and(|got| got));
    });
    assert!(!lock.is_locked());
}

#[test]
fn exclude_each_other() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 500;
    let lock = Lock::new(0);
    let inside = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let mut count = lock.lock();
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                    *count += 1;
                    inside.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(lock.into_inner(), THREADS * ROUNDS);
}

#[test]
fn raw_parts() {
    let lock = Lock::new(7);
    // SAFETY: the raw lock is acquired once, and each time one guard or `force_unlock` gives back
    // its state. No other guard lives.
    unsafe {
        since_0_13! {
            let state = lock.raw().lock();
            let guard = lock.make_guard_unchecked(state);
        }
        before_0_13! {
            lock.raw().lock();
            let guard = lock.make_guard_unchecked();
        }
        assert_eq!(*guard, 7);
        drop(guard);
        assert!(!lock.is_locked());

        since_0_13! {
            let state = lock.raw().lock();
            *lock.data_ptr() = 8;
            lock.force_unlock(state);
            assert!(!lock.is_locked());

            let state = lock.raw().lock();
            lock.force_unlock_fair(state);
        }
        before_0_13! {
            lock.raw().lock();
            *lock.data_ptr() = 8;
            lock.force_unlock();
            assert!(!lock.is_locked());

            lock.raw().lock();
            lock.force_unlock_fair();
        }
        assert!(!lock.is_locked());
    }
    assert_eq!(lock.into_inner(), 8);
}

#[test]
fn guard_to_lock() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    assert_eq!(Guard::mutex(&guard).data_ptr(), lock.data_ptr());
}

#[test]
fn map() {
    let lock = Lock::new((1, String::from("one")));
    {
        let mut name: Mapped<'_, String> = Guard::map(lock.lock(), |pair| &mut pair.1);
        name.push('!');
        let first: Mapped<'_, str> = Mapped::map(name, |name| &mut name[..1]);
        assert_eq!(&*first, "o");
        assert_eq!(format!("{first} {first:?}"), "o \"o\"");
        assert!(lock.is_locked());
        Mapped::unlock_fair(first);
    }
    assert!(!lock.is_locked());
    assert_eq!(lock.lock().1, "one!");
}

#[test]
fn try_map() {
    let lock = Lock::new(vec![1, 2]);
    let Err(guard) = Guard::try_map(lock.lock(), |list| list.get_mut(9)) else {
        panic!("there is no tenth element")
    };
    let Err((guard, why)) = Guard::try_map_or_err(guard, |_| Err::<&mut i32, _>("why")) else {
        panic!("the closure failed")
    };
    assert_eq!((guard.len(), why), (2, "why"));
    let Ok(second) = Guard::try_map(guard, |list| list.get_mut(1)) else {
        panic!("there is")
    };
    let Err(second) = Mapped::try_map(second, |_| None::<&mut i32>) else {
        panic!("the closure failed")
    };
    let Err((second, why)) = Mapped::try_map_or_err(second, |_| Err::<&mut i32, _>(3)) else {
        panic!("the closure failed")
    };
    assert_eq!((*second, why), (2, 3));
    let Ok(second) = Mapped::try_map_or_err(second, |n| Ok::<_, ()>(&mut *n)) else {
        panic!("it is ok")
    };
    let Ok(second) = Mapped::try_map(second, |n| Some(&mut *n)) else {
        panic!("it is some")
    };
    drop(second);
    let Ok(list) = Guard::try_map_or_err(lock.lock(), |list| Ok::<_, ()>(&mut list[..])) else {
        panic!("it is ok")
    };
    drop(list);
    assert!(!lock.is_locked());
}

#[test]
fn unlocked() {
    let lock = Lock::new(1);
    let mut guard = lock.lock();
    let seen = Guard::unlocked(&mut guard, || std::mem::replace(&mut *lock.lock(), 2));
    assert_eq!((seen, *guard), (1, 2));
    let seen = Guard::unlocked_fair(&mut guard, || std::mem::replace(&mut *lock.lock(), 3));
    assert_eq!((seen, *guard), (2, 3));
    Guard::bump(&mut guard);
    assert_eq!(*guard, 3);
    Guard::unlock_fair(guard);
    assert!(!lock.is_locked());
}

#[test]
fn leak() {
    let mut lock = Lock::new(1);
    *Guard::leak(lock.lock()) = 2;
    assert!(lock.is_locked());
    assert!(lock.try_lock().is_none());
    assert_eq!(*lock.get_mut(), 2);
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn a_panic_releases() {
    let lock = Lock::new(1);
    unwinds(|| {
        let mut guard = lock.lock();
        *guard = 2;
        quiet_panic()
    });
    assert_eq!(*lock.lock(), 2, "no poison");

    unwinds(|| Guard::map(lock.lock(), |_| -> &mut i32 { quiet_panic() }));
    assert!(!lock.is_locked());

    let mut guard = lock.lock();
    unwinds(|| Guard::unlocked(&mut guard, || quiet_panic()));
    assert!(lock.is_locked(), "locked again while unwinding");
    unwinds(|| Guard::unlocked_fair(&mut guard, || quiet_panic()));
    assert!(lock.is_locked());
    drop(guard);
    assert!(!lock.is_locked());
}

#[test]
fn unsized_data() {
    let array = Lock::new([1, 2, 3]);
    let slice: &Lock<[i32]> = &array;
    slice.lock()[0] = 9;
    let mapped = Guard::map(slice.lock(), |slice| &mut slice[1..]);
    assert_eq!(*mapped, [2, 3]);
    drop(mapped);
    assert_eq!(format!("{slice:?}"), "Mutex { data: [9, 2, 3] }");

    let display: Box<Lock<dyn Display>> = Box::new(Lock::new(5));
    assert_eq!(display.lock().to_string(), "5");
}

#[test]
fn debug() {
    let lock = Lock::new("x");
    assert_eq!(format!("{lock:?}"), "Mutex { data: \"x\" }");
    assert_eq!(format!("{lock:#?}"), "Mutex {\n    data: \"x\",\n}");
    let guard = lock.lock();
    assert_eq!(format!("{lock:?}"), "Mutex { data: <locked> }");
    assert_eq!(format!("{guard:?} {guard}"), "\"x\" x");
}

#[test]
fn data_is_dropped_once() {
    let data = std::rc::Rc::new(());
    let lock = Lock::new(data.clone());
    drop(lock.lock());
    assert_eq!(std::rc::Rc::strong_count(&data), 2);
    drop(lock);
    assert_eq!(std::rc::Rc::strong_count(&data), 1);
}

#[cfg(feature = "serde")]
#[test]
fn serde() {
    let lock = Lock::new(vec![1, 2]);
    assert!(serde_json::to_string(&lock).is_ok_and(|json| json == "[1,2]"));
    let back = serde_json::from_str::<Lock<Vec<i32>>>("[1,2]");
    assert!(back.is_ok_and(|lock| *lock.lock() == [1, 2]));
    assert!(serde_json::from_str::<Lock<Vec<i32>>>("{}").is_err());
    let slice: &Lock<[i32]> = &Lock::new([3]);
    assert!(serde_json::to_string(slice).is_ok_and(|json| json == "[3]"));
}

#[cfg(feature = "arc_lock")]
mod arc {
    use std::sync::Arc;

    use super::super::super::locks::lock_api::ArcMutexGuard as ArcGuard;

    use super::{Display, Duration, Instant, Lock, Raw, quiet_panic, unwinds};

    #[test]
    fn lock_and_try() {
        let lock = Arc::new(Lock::new(1));
        let mut guard: ArcGuard<Raw, i32> = lock.lock_arc();
        assert_eq!(Arc::strong_count(&lock), 2);
        *guard += 1;
        assert!(lock.try_lock_arc().is_none());
        assert!(lock.try_lock_arc_for(Duration::from_millis(1)).is_none());
        assert!(lock.try_lock_arc_until(Instant::now()).is_none());
        assert_eq!(Arc::strong_count(&lock), 2, "a failed try keeps no count");
        drop(guard);
        assert_eq!(Arc::strong_count(&lock), 1);
        assert!(lock.try_lock_arc().is_some());
        assert!(lock.try_lock_arc_for(Duration::from_secs(600)).is_some());
        let deadline = Instant::now() + Duration::from_secs(600);
        assert!(
            lock.try_lock_arc_until(deadline)
                .is_some_and(|guard| *guard == 2)
        );
        assert_eq!(Arc::strong_count(&lock), 1);
    }

    #[test]
    fn the_guard_keeps_the_lock() {
        let lock = Arc::new(Lock::new(String::from("kept")));
        let guard = lock.lock_arc();
        drop(lock);
        assert_eq!(*guard, "kept");
        let lock = ArcGuard::into_arc(guard);
        assert!(!lock.is_locked());
        let guard = lock.lock_arc();
        assert!(Arc::ptr_eq(ArcGuard::mutex(&guard), &lock));
        let same = ArcGuard::into_arc_fair(guard);
        assert!(Arc::ptr_eq(&same, &lock));
        assert_eq!(Arc::strong_count(&lock), 2);
    }

    #[test]
    fn unlocked() {
        let lock = Arc::new(Lock::new(1));
        let mut guard = lock.lock_arc();
        ArcGuard::unlocked(&mut guard, || *lock.lock() = 2);
        ArcGuard::unlocked_fair(&mut guard, || *lock.lock() += 2);
        ArcGuard::bump(&mut guard);
        unwinds(|| ArcGuard::unlocked(&mut guard, || quiet_panic()));
        assert!(lock.is_locked());
        assert_eq!(*guard, 4);
        ArcGuard::unlock_fair(guard);
        assert!(!lock.is_locked());
        assert_eq!(Arc::strong_count(&lock), 1);
    }

    #[test]
    fn unsized_data() {
        let lock: Arc<Lock<dyn Display + Send>> = Arc::new(Lock::new(5));
        assert_eq!(lock.lock_arc().to_string(), "5");
        let slice: Arc<Lock<[i32]>> = Arc::new(Lock::new([1, 2]));
        let mut guard = slice.lock_arc();
        guard[1] = 3;
        assert_eq!(*ArcGuard::into_arc(guard).lock(), [1, 3]);
        assert_eq!(Arc::strong_count(&slice), 1);
    }
}
