//! `ReentrantMutex`.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::time::{Duration, Instant};

use super::locks::lock_api::{GetThreadId as _, RawMutex as _};

use super::locks::{
    MappedReentrantMutexGuard as Mapped, RawReentrant, RawThreadId, ReentrantMutex as Lock,
    ReentrantMutexGuard as Guard,
};
use super::{quiet_panic, unwinds};

static IN_A_STATIC: Lock<Cell<u32>> = Lock::new(Cell::new(1));

/// Whether another thread could lock it right now.
fn free_elsewhere<T: Send>(lock: &Lock<T>) -> bool {
    std::thread::scope(|scope| {
        scope
            .spawn(|| lock.try_lock().is_some())
            .join()
            .is_ok_and(|free| free)
    })
}

#[test]
fn create() {
    assert_eq!(IN_A_STATIC.lock().get(), 1);
    assert_eq!(Lock::<u32>::default().into_inner(), 0);
    assert_eq!(Lock::from(3).into_inner(), 3);
    since_0_13! {
        let lock = Lock::from_raw(RawReentrant::INIT, RawThreadId::INIT, 4);
        let (raw, RawThreadId, value) = lock.into_inner_with_raw();
        assert!(!raw.is_locked());
        assert_eq!(value, 4);
    }
    before_0_13! {
        let lock = Lock::const_new(RawReentrant::INIT, RawThreadId::INIT, 4);
        assert_eq!(lock.into_inner(), 4);
    }
    let mut lock = Lock::new(5);
    *lock.get_mut() += 1;
    assert_eq!(lock.into_inner(), 6);
}

#[test]
fn lock_again() {
    let lock = Lock::new(RefCell::new(0));
    assert!(!lock.is_locked() && !lock.is_owned_by_current_thread());
    let first = lock.lock();
    let second = lock.try_lock();
    let third = lock.try_lock_for(Duration::ZERO);
    let fourth = lock.try_lock_until(Instant::now());
    assert!(second.is_some() && third.is_some() && fourth.is_some());
    assert!(lock.is_locked() && lock.is_owned_by_current_thread());
    *first.borrow_mut() += 1;
    drop(first);
    drop((second, third));
    assert!(!free_elsewhere(&lock));
    assert_eq!(fourth.map(|guard| *guard.borrow()), Some(1));
    assert!(free_elsewhere(&lock));
    assert!(!lock.is_locked() && !lock.is_owned_by_current_thread());
}

#[test]
fn exclude_other_threads() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 300;
    let lock = Lock::new(Cell::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let outer = lock.lock();
                    let seen = outer.get();
                    lock.lock().set(seen + 1);
                }
            });
        }
    });
    assert_eq!(lock.into_inner().get(), THREADS * ROUNDS);
}

#[test]
fn time_out() {
    let lock = Lock::new(());
    let guard = lock.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(lock.is_locked() && !lock.is_owned_by_current_thread());
            assert!(lock.try_lock().is_none());
            assert!(lock.try_lock_for(Duration::from_millis(1)).is_none());
            assert!(lock.try_lock_until(Instant::now()).is_none());
        });
    });
    let ages = Duration::from_secs(600);
    std::thread::scope(|scope| {
        let by_span = scope.spawn(|| lock.try_lock_for(ages).is_some());
        let by_deadline = scope.spawn(|| lock.try_lock_until(Instant::now() + ages).is_some());
        drop(guard);
        assert!(by_span.join().is_ok_and(|got| got));
        assert!(by_deadline.join().is_ok_and(|got| got));
    });
    assert!(lock.try_lock_for(Duration::MAX).is_some());
}

#[test]
fn raw_parts() {
    let lock = Lock::new(7);
    std::mem::forget(lock.lock());
    std::mem::forget(lock.lock());
    std::mem::forget(lock.lock());
    // SAFETY: three acquisitions whose guards were forgotten are released, one each.
    unsafe {
        assert!(lock.raw().is_locked());
        drop(lock.make_guard_unchecked());
        *lock.data_ptr() = 8;
        lock.force_unlock();
        assert!(lock.is_owned_by_current_thread());
        lock.force_unlock_fair();
    }
    assert!(!lock.is_locked());
    assert_eq!(*lock.lock(), 8);
}

#[test]
fn map() {
    let lock = Lock::new((1, String::from("one")));
    let guard = lock.lock();
    assert_eq!(Guard::remutex(&guard).data_ptr(), lock.data_ptr());
    let name: Mapped<'_, String> = Guard::map(guard, |pair| &pair.1);
    let first: Mapped<'_, str> = Mapped::map(name, |name| &name[..1]);
    assert_eq!(format!("{first} {first:?}"), "o \"o\"");
    let Err(first) = Mapped::try_map(first, |_| None::<&str>) else {
        panic!("it is none")
    };
    let Ok(first) = Mapped::try_map(first, |first| Some(first)) else {
        panic!("it is some")
    };
    let Err((first, why)) = Mapped::try_map_or_err(first, |_| Err::<&str, _>(4)) else {
        panic!("it is an error")
    };
    assert_eq!(why, 4);
    let Ok(first) = Mapped::try_map_or_err(first, |o| Ok::<_, ()>(o)) else {
        panic!("it is ok")
    };
    assert!(lock.is_owned_by_current_thread());
    Mapped::unlock_fair(first);
    assert!(!lock.is_locked());

    let Err(guard) = Guard::try_map(lock.lock(), |_| None::<&i32>) else {
        panic!("it is none")
    };
    let Err((guard, why)) = Guard::try_map_or_err(guard, |_| Err::<&i32, _>("why")) else {
        panic!("it is an error")
    };
    assert_eq!((guard.0, why), (1, "why"));
    let Ok(one) = Guard::try_map(guard, |pair| Some(&pair.0)) else {
        panic!("it is some")
    };
    assert_eq!(*one, 1);
    drop(one);
    assert!(Guard::try_map_or_err(lock.lock(), |pair| Ok::<_, ()>(&pair.0)).is_ok());
    assert!(!lock.is_locked());
}

#[test]
fn unlocked() {
    let lock = Lock::new(());
    let mut guard = lock.lock();
    Guard::unlocked(&mut guard, || assert!(free_elsewhere(&lock)));
    Guard::unlocked_fair(&mut guard, || assert!(free_elsewhere(&lock)));
    Guard::bump(&mut guard);
    assert!(!free_elsewhere(&lock));
    let mut second = lock.lock();
    Guard::unlocked(&mut second, || {
        assert!(!free_elsewhere(&lock), "one level is left")
    });
    Guard::bump(&mut second);
    Guard::unlock_fair(second);
    assert!(!free_elsewhere(&lock));
    Guard::unlock_fair(guard);
    assert!(free_elsewhere(&lock));
}

#[test]
fn bump_lets_the_waiter_through() {
    let lock = Lock::new(Cell::new(false));
    std::thread::scope(|scope| {
        let mut guard = lock.lock();
        scope.spawn(|| lock.lock().set(true));
        while !guard.get() {
            Guard::bump(&mut guard);
        }
        assert!(lock.is_owned_by_current_thread());
    });
}

#[test]
fn a_panic_releases() {
    let lock = Lock::new(());
    unwinds(|| {
        let (_first, _second) = (lock.lock(), lock.lock());
        quiet_panic()
    });
    assert!(free_elsewhere(&lock));
    let mut guard = lock.lock();
    unwinds(|| Guard::unlocked(&mut guard, || quiet_panic()));
    assert!(
        lock.is_owned_by_current_thread(),
        "locked again while unwinding"
    );
}

#[test]
fn unsized_data() {
    let array = Lock::new([1, 2, 3]);
    let slice: &Lock<[i32]> = &array;
    assert_eq!(*Guard::map(slice.lock(), |slice| &slice[1..]), [2, 3]);
    assert_eq!(format!("{slice:?}"), "ReentrantMutex { data: [1, 2, 3] }");
    let display: Box<Lock<dyn Display>> = Box::new(Lock::new(5));
    assert_eq!(display.lock().to_string(), "5");
}

#[test]
fn debug() {
    let lock = Lock::new("x");
    assert_eq!(format!("{lock:?}"), "ReentrantMutex { data: \"x\" }");
    assert_eq!(
        format!("{lock:#?}"),
        "ReentrantMutex {\n    data: \"x\",\n}"
    );
    let guard = lock.lock();
    assert_eq!(format!("{lock:?}"), "ReentrantMutex { data: \"x\" }");
    assert_eq!(format!("{guard:?} {guard}"), "\"x\" x");
    let elsewhere = std::thread::scope(|scope| {
        scope
            .spawn(|| format!("{lock:?}"))
            .join()
            .unwrap_or_default()
    });
    assert_eq!(elsewhere, "ReentrantMutex { data: <locked> }");
}

#[cfg(feature = "serde")]
#[test]
fn serde() {
    let lock = Lock::new(vec![1, 2]);
    assert!(serde_json::to_string(&lock).is_ok_and(|json| json == "[1,2]"));
    let back = serde_json::from_str::<Lock<Vec<i32>>>("[1,2]");
    assert!(back.is_ok_and(|lock| *lock.lock() == [1, 2]));
    assert!(serde_json::from_str::<Lock<Vec<i32>>>("{}").is_err());
}

#[cfg(feature = "arc_lock")]
mod arc {
    use std::sync::Arc;

    use super::super::locks::lock_api::ArcReentrantMutexGuard;

    use super::{
        Cell, Display, Duration, Instant, Lock, RawReentrant, RawThreadId, free_elsewhere,
    };

    type ArcGuard<T> = ArcReentrantMutexGuard<RawReentrant, RawThreadId, T>;

    #[test]
    fn lock_again() {
        let lock = Arc::new(Lock::new(Cell::new(1)));
        let first: ArcGuard<Cell<i32>> = lock.lock_arc();
        let second = lock.try_lock_arc();
        let third = lock.try_lock_arc_for(Duration::ZERO);
        let fourth = lock.try_lock_arc_until(Instant::now());
        assert!(second.is_some() && third.is_some() && fourth.is_some());
        assert_eq!(Arc::strong_count(&lock), 5);
        first.set(2);
        assert!(!free_elsewhere(&lock));
        drop((first, second, third, fourth));
        assert_eq!(Arc::strong_count(&lock), 1);
        assert!(free_elsewhere(&lock));
    }

    #[test]
    fn time_out() {
        let lock = Arc::new(Lock::new(()));
        let _guard = lock.lock_arc();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(lock.try_lock_arc().is_none());
                assert!(lock.try_lock_arc_for(Duration::from_millis(1)).is_none());
                assert!(lock.try_lock_arc_until(Instant::now()).is_none());
            });
        });
        assert_eq!(Arc::strong_count(&lock), 2, "a failed try keeps no count");
    }

    #[test]
    fn the_guard_keeps_the_lock() {
        let lock = Arc::new(Lock::new(String::from("kept")));
        let guard = lock.lock_arc();
        drop(lock);
        assert_eq!(*guard, "kept");
        let lock = ArcGuard::into_arc(guard);
        let guard = lock.lock_arc();
        assert!(Arc::ptr_eq(ArcGuard::remutex(&guard), &lock));
        assert!(Arc::ptr_eq(&ArcGuard::into_arc_fair(guard), &lock));
        assert!(!lock.is_locked());
        assert_eq!(Arc::strong_count(&lock), 1);
    }

    #[test]
    fn unlocked() {
        let lock = Arc::new(Lock::new(()));
        let mut guard = lock.lock_arc();
        ArcGuard::unlocked(&mut guard, || assert!(free_elsewhere(&lock)));
        ArcGuard::unlocked_fair(&mut guard, || assert!(free_elsewhere(&lock)));
        ArcGuard::bump(&mut guard);
        assert!(!free_elsewhere(&lock));
        ArcGuard::unlock_fair(guard);
        std::mem::forget(lock.lock());
        // SAFETY: the new guard stands for the acquisition whose guard was forgotten.
        drop(unsafe { lock.make_arc_guard_unchecked() });
        assert!(free_elsewhere(&lock));
        assert_eq!(Arc::strong_count(&lock), 1);
    }

    #[test]
    fn unsized_data() {
        let lock: Arc<Lock<dyn Display + Send>> = Arc::new(Lock::new(5));
        assert_eq!(lock.lock_arc().to_string(), "5");
        assert_eq!(Arc::strong_count(&lock), 1);
    }
}
