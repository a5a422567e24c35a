//! `Condvar`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::locks::{Condvar, Mutex, MutexGuard, WaitTimeoutResult};

since_0_13! {
    use super::locks::RawCondvar;
}

use super::{quiet_panic, unwinds};

fn ages() -> Duration {
    Duration::from_secs(600)
}

#[test]
fn create() {
    static IN_A_STATIC: Condvar = Condvar::new();
    assert!(!IN_A_STATIC.notify_one());
    let condvar = Condvar::default();
    assert_eq!(condvar.notify_all(), 0);
    assert_eq!(format!("{condvar:?}"), "Condvar { .. }");
    since_0_13! {
        let raw: &RawCondvar = condvar.raw();
        assert!(!lock_api::RawCondvar::notify_one(raw));
    }
}

#[test]
fn a_notification_wakes_one() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    std::thread::scope(|scope| {
        let mut guard = mutex.lock();
        scope.spawn(|| {
            *mutex.lock() += 1;
            assert!(condvar.notify_one());
            assert!(!condvar.notify_one(), "nobody is left");
        });
        condvar.wait(&mut guard);
        assert_eq!(*guard, 1);
    });
    assert!(!mutex.is_locked());
}

/// All waiters leave the condition variable at once. Those that find the mutex held move to its
/// queue, and follow one after the other.
#[test]
fn notify_all_says_how_many() {
    const THREADS: usize = 5;
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let inside = AtomicUsize::new(0);
    let (ready, all_ready) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let ready = ready.clone();
            let (mutex, condvar, inside) = (&mutex, &condvar, &inside);
            scope.spawn(move || {
                let mut count = mutex.lock();
                *count += 1;
                if *count == THREADS {
                    assert!(ready.send(()).is_ok());
                }
                condvar.wait(&mut count);
                assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                *count -= 1;
                inside.fetch_sub(1, Ordering::Relaxed);
            });
        }
        assert!(all_ready.recv().is_ok());
        let guard = mutex.lock();
        assert_eq!(*guard, THREADS);
        assert_eq!(condvar.notify_all(), THREADS);
        assert_eq!(
            condvar.notify_all(),
            0,
            "all of them wait for the mutex now"
        );
        drop(guard);
    });
    assert_eq!(mutex.into_inner(), 0);
}

#[test]
fn notify_all_on_a_free_mutex() {
    const THREADS: usize = 5;
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let (ready, all_ready) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let ready = ready.clone();
            let (mutex, condvar) = (&mutex, &condvar);
            scope.spawn(move || {
                let mut count = mutex.lock();
                *count += 1;
                if *count == THREADS {
                    assert!(ready.send(()).is_ok());
                }
                condvar.wait(&mut count);
                *count -= 1;
            });
        }
        assert!(all_ready.recv().is_ok());
        drop(mutex.lock());
        assert_eq!(condvar.notify_all(), THREADS);
    });
    assert_eq!(mutex.into_inner(), 0);
}

/// A waiter that moved to the mutex has not timed out, however long the mutex is held.
#[test]
fn a_requeued_waiter_has_not_timed_out() {
    let (mutex, condvar) = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        let mut waiting = mutex.lock();
        let waiter = scope.spawn(|| {
            let mut waiting = mutex.lock();
            *waiting = true;
            condvar.notify_one();
            condvar.wait_for(&mut waiting, ages()).timed_out()
        });
        while !*waiting {
            condvar.wait(&mut waiting);
        }
        assert!(condvar.notify_one());
        assert!(!condvar.notify_one());
        MutexGuard::unlock_fair(waiting);
        assert!(waiter.join().is_ok_and(|timed_out| !timed_out));
    });
}

#[test]
fn time_out() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let mut guard = mutex.lock();
    let result: WaitTimeoutResult = condvar.wait_for(&mut guard, Duration::from_millis(1));
    assert!(result.timed_out());
    assert!(mutex.is_locked());
    assert!(condvar.wait_for(&mut guard, Duration::ZERO).timed_out());
    assert!(condvar.wait_until(&mut guard, Instant::now()).timed_out());
    let in_a_moment = Duration::from_millis(1);
    assert!(
        condvar
            .wait_while_for(&mut guard, |_| true, in_a_moment)
            .timed_out()
    );
    assert!(
        condvar
            .wait_while_until(&mut guard, |_| true, Instant::now())
            .timed_out()
    );
    assert!(mutex.is_locked());
    assert_eq!(*guard, 0);
}

#[test]
fn a_notification_ends_each_kind_of_wait() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let deadline = Instant::now() + ages();
    std::thread::scope(|scope| {
        let mut turn = mutex.lock();
        scope.spawn(|| {
            for next in 1..=6 {
                let mut turn = mutex.lock();
                while !condvar.notify_one() {
                    MutexGuard::unlocked_fair(&mut turn, std::thread::yield_now);
                }
                *turn = next;
            }
        });
        assert!(!condvar.wait_for(&mut turn, ages()).timed_out());
        assert!(!condvar.wait_until(&mut turn, deadline).timed_out());
        assert!(!condvar.wait_for(&mut turn, Duration::MAX).timed_out());
        condvar.wait_while(&mut turn, |turn| *turn < 4);
        assert!(
            !condvar
                .wait_while_for(&mut turn, |turn| *turn < 5, ages())
                .timed_out()
        );
        assert!(
            !condvar
                .wait_while_until(&mut turn, |turn| *turn < 6, deadline)
                .timed_out()
        );
        assert_eq!(*turn, 6);
    });
}

#[test]
fn a_condition_that_is_false_does_not_wait() {
    let (mutex, condvar) = (Mutex::new(1), Condvar::new());
    let mut guard = mutex.lock();
    condvar.wait_while(&mut guard, |value| {
        *value += 1;
        false
    });
    let long_past = Instant::now();
    assert!(
        !condvar
            .wait_while_for(&mut guard, |_| false, Duration::ZERO)
            .timed_out()
    );
    assert!(
        !condvar
            .wait_while_for(&mut guard, |_| false, Duration::MAX)
            .timed_out()
    );
    assert!(
        !condvar
            .wait_while_until(&mut guard, |_| false, long_past)
            .timed_out()
    );
    assert_eq!(*guard, 2);
}

/// The second mutex is refused with a panic. It is still held, and the unwinding releases it.
#[test]
fn one_mutex_at_a_time() {
    let (first, second, condvar) = (Mutex::new(false), Mutex::new(()), Condvar::new());
    let (ready, is_ready) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut done = first.lock();
            assert!(ready.send(()).is_ok());
            condvar.wait_while(&mut done, |done| !*done);
        });
        assert!(is_ready.recv().is_ok());
        drop(first.lock());

        let mut guard = second.lock();
        unwinds(|| condvar.wait(&mut guard));
        assert!(second.is_locked(), "the guard is as it was");
        unwinds(|| condvar.wait_for(&mut guard, ages()));
        unwinds(|| condvar.wait_until(&mut guard, Instant::now() + ages()));
        unwinds(|| condvar.wait_while(&mut guard, |()| true));
        assert!(second.is_locked());
        MutexGuard::unlocked(&mut guard, || assert!(!second.is_locked()));
        drop(guard);
        assert!(!second.is_locked());

        *first.lock() = true;
        assert!(condvar.notify_one());
    });

    let mut guard = second.lock();
    assert!(
        condvar.wait_for(&mut guard, Duration::ZERO).timed_out(),
        "free for another mutex"
    );
}

#[test]
fn a_panic_in_the_condition_releases() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    unwinds(|| condvar.wait_while(&mut mutex.lock(), |_| quiet_panic()));
    assert!(!mutex.is_locked());
}

#[test]
fn unsized_data() {
    let (array, condvar) = (Mutex::new([1, 2]), Condvar::new());
    let slice: &Mutex<[i32]> = &array;
    let mut guard = slice.lock();
    assert!(condvar.wait_for(&mut guard, Duration::ZERO).timed_out());
    condvar.wait_while(&mut guard, |slice| slice.is_empty());
    assert_eq!(*guard, [1, 2]);
}

since_0_13! {
/// `lock_api`'s own condition variable over our raw one.
#[test]
fn over_lock_api() {
    let (mutex, condvar) = (Mutex::new(0), lock_api::Condvar::<RawCondvar>::new());
    std::thread::scope(|scope| {
        let mut guard = mutex.lock();
        scope.spawn(|| {
            *mutex.lock() = 1;
            assert_eq!(condvar.notify_all(), 1);
        });
        condvar.wait(&mut guard);
        assert_eq!(*guard, 1);
        assert!(condvar.wait_for(&mut guard, Duration::ZERO).timed_out());
        assert!(condvar.wait_until(&mut guard, Instant::now()).timed_out());
        assert!(
            !condvar
                .wait_while_for(&mut guard, |_| false, Duration::MAX)
                .timed_out()
        );
    });
}
}
