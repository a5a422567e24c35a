use std::sync::mpsc;
use std::time::Duration;

use super::sync::{Arc, Condvar, LockResult, Mutex, MutexGuard, WaitTimeoutResult};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

static IN_A_STATIC: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Sets the flag and notifies, in another thread, as soon as the mutex is free, which is when the
/// caller waits.
fn while_set_by_another<T: Send>(
    pair: &(Mutex<bool>, Condvar),
    run: impl FnOnce(MutexGuard<'_, bool>) -> T,
) -> T {
    std::thread::scope(|scope| {
        let guard = pair.0.lock().unwrap();
        scope.spawn(|| {
            *pair.0.lock().unwrap() = true;
            pair.1.notify_one();
        });
        run(guard)
    })
}

#[test]
fn wait() {
    while_set_by_another(&IN_A_STATIC, |mut guard| {
        while !*guard {
            let result: LockResult<MutexGuard<'_, bool>> = IN_A_STATIC.1.wait(guard);
            guard = result.unwrap();
        }
        assert!(IN_A_STATIC.0.try_lock().is_err(), "it is held again");
    });
    assert!(*IN_A_STATIC.0.try_lock().unwrap());
}

#[test]
fn wait_while() {
    let pair = (Mutex::new(false), Condvar::default());
    while_set_by_another(&pair, |guard| {
        let mut asked = 0;
        let guard = pair.1.wait_while(guard, |set| {
            asked += 1;
            !*set
        });
        assert!(*guard.unwrap());
        assert!(asked >= 2, "before the wait and after: {asked}");
    });
}

#[test]
fn a_condition_that_is_false_is_not_waited_for() {
    let (mutex, condvar) = (Mutex::new(1), Condvar::new());
    let guard = condvar.wait_while(mutex.lock().unwrap(), |data| {
        *data += 1;
        false
    });
    assert_eq!(*guard.unwrap(), 2);
    let (guard, result) = condvar
        .wait_timeout_while(mutex.lock().unwrap(), Duration::ZERO, |_| false)
        .unwrap();
    assert_eq!(*guard, 2);
    assert!(!result.timed_out());
}

#[test]
fn wait_timeout() {
    let pair = (Mutex::new(false), Condvar::new());
    // Wakeups may be spurious, so repeat until a wait times out.
    let mut guard = pair.0.lock().unwrap();
    loop {
        let result: LockResult<(MutexGuard<'_, bool>, WaitTimeoutResult)> =
            pair.1.wait_timeout(guard, Duration::from_millis(1));
        let (again, result) = result.unwrap();
        guard = again;
        if result.timed_out() {
            break;
        }
    }
    drop(guard);
    while_set_by_another(&pair, |mut guard| {
        while !*guard {
            let (again, result) = pair.1.wait_timeout(guard, LONG).unwrap();
            assert!(!result.timed_out());
            guard = again;
        }
    });
}

#[test]
#[allow(deprecated, reason = "std still has it")]
fn wait_timeout_ms() {
    let pair = (Mutex::new(false), Condvar::new());
    let mut guard = pair.0.lock().unwrap();
    let mut in_time = true;
    while in_time {
        (guard, in_time) = pair.1.wait_timeout_ms(guard, 1).unwrap();
    }
    drop(guard);
    while_set_by_another(&pair, |mut guard| {
        while !*guard {
            let (again, in_time) = pair.1.wait_timeout_ms(guard, u32::MAX).unwrap();
            assert!(in_time);
            guard = again;
        }
    });
}

#[test]
fn wait_timeout_while() {
    let pair = (Mutex::new(false), Condvar::new());
    for no_time in [Duration::ZERO, Duration::from_millis(1)] {
        let guard = pair.0.lock().unwrap();
        let (guard, result) = pair
            .1
            .wait_timeout_while(guard, no_time, |set| !*set)
            .unwrap();
        assert!(result.timed_out() && !*guard);
        assert!(pair.0.try_lock().is_err(), "it is held");
    }
    while_set_by_another(&pair, |guard| {
        let (guard, result) = pair.1.wait_timeout_while(guard, LONG, |set| !*set).unwrap();
        assert!(!result.timed_out() && *guard);
    });
}

#[test]
fn results_are_comparable() {
    let pair = (Mutex::new(()), Condvar::new());
    let result = |stays: bool| {
        let guard = pair.0.lock().unwrap();
        let waited = pair.1.wait_timeout_while(guard, Duration::ZERO, |()| stays);
        waited.unwrap().1
    };
    assert_eq!(result(true), result(true));
    assert_ne!(result(true), result(false));
    assert_eq!(format!("{:?}", result(true)), "WaitTimeoutResult(true)");
}

#[test]
fn notify_all_wakes_all() {
    const THREADS: usize = 4;
    let pair = Arc::new((Mutex::new((0, false)), Condvar::new(), Condvar::new()));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let pair = Arc::clone(&pair);
            std::thread::spawn(move || {
                let (mutex, arrived, go) = &*pair;
                let mut guard = mutex.lock().unwrap();
                guard.0 += 1;
                arrived.notify_one();
                drop(go.wait_while(guard, |(_, go)| !*go).unwrap());
            })
        })
        .collect();
    let (mutex, arrived, go) = &*pair;
    let guard = mutex.lock().unwrap();
    let mut guard = arrived.wait_while(guard, |(n, _)| *n < THREADS).unwrap();
    guard.1 = true;
    drop(guard);
    go.notify_all();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// A notification without a waiter is lost.
#[test]
fn notify_nobody() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    condvar.notify_one();
    condvar.notify_all();
    let waited =
        condvar.wait_timeout_while(mutex.lock().unwrap(), Duration::from_millis(1), |()| true);
    assert!(waited.unwrap().1.timed_out());
}

/// Two mutexes in succession are no error.
#[test]
fn two_mutexes_one_after_the_other() {
    let condvar = Condvar::new();
    for mutex in [Mutex::new(1), Mutex::new(2)] {
        let guard = mutex.lock().unwrap();
        let (guard, _) = condvar.wait_timeout(guard, Duration::ZERO).unwrap();
        assert!(*guard > 0);
    }
}

/// The mutex is released while a thread waits.
#[test]
fn the_mutex_is_free_during_a_wait() {
    let pair = (Mutex::new(0), Condvar::new());
    std::thread::scope(|scope| {
        let (waiting, is_waiting) = mpsc::channel();
        let pair = &pair;
        let waiter = scope.spawn(move || {
            let guard = pair.0.lock().unwrap();
            waiting.send(()).unwrap();
            *pair.1.wait_while(guard, |data| *data != 2).unwrap()
        });
        is_waiting.recv().unwrap();
        for data in 1..=2 {
            *pair.0.lock().unwrap() = data;
            pair.1.notify_all();
        }
        assert_eq!(waiter.join().unwrap(), 2);
    });
}
