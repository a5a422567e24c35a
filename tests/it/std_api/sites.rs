//! Where each call is recorded: at the line of the call, once per acquisition.
//!
//! These tests read the process-wide profiler. So each has its own lock names, and expects exact
//! counts, which all modes but `Off` give.

use std::cell::Cell;
use std::time::Duration;

use nexus_lockprof::std_sync::{Arc, Condvar, Mutex, RwLock, RwLockWriteGuard};
use nexus_lockprof::{AcquireMode, Lock, snapshot};

use crate::api::sites::{at, check};
use AcquireMode::{Exclusive, Shared};

#[test]
fn mutexes() {
    let mut lines = Vec::new();
    let mut mutex = Mutex::named("std sites mutex", 0);
    drop(at!(lines, Exclusive => mutex.lock()));
    drop(at!(lines, Exclusive => mutex.try_lock()));
    let guard = at!(lines, Exclusive => mutex.lock());
    // No acquisitions: a failed try, and methods that do not lock.
    assert!(mutex.try_lock().is_err() && !mutex.is_poisoned());
    let _ = format!("{mutex:?}");
    drop(guard);
    let _ = format!("{mutex:?}");
    mutex.clear_poison();
    *mutex.get_mut().unwrap() += 1;
    assert_eq!(mutex.into_inner().unwrap(), 1);
    check("std sites mutex", &lines);
}

#[test]
fn rwlocks() {
    let mut lines = Vec::new();
    let mut lock = RwLock::named("std sites rwlock", 0);
    drop(at!(lines, Shared => lock.read()));
    drop(at!(lines, Shared => lock.try_read()));
    drop(at!(lines, Exclusive => lock.try_write()));
    let guard = at!(lines, Exclusive => lock.write()).unwrap();
    assert!(lock.try_read().is_err() && lock.try_write().is_err() && !lock.is_poisoned());
    let _ = format!("{lock:?}");
    let guard = at!(lines, Shared => RwLockWriteGuard::downgrade(guard));
    drop(at!(lines, Shared => lock.try_read()));
    assert!(lock.try_write().is_err());
    drop(guard);
    let _ = format!("{lock:?}");
    lock.clear_poison();
    *lock.get_mut().unwrap() += 1;
    assert_eq!(lock.into_inner().unwrap(), 1);
    check("std sites rwlock", &lines);
}

/// Acquiring a poisoned lock counts, though its result is an error.
#[test]
fn poisoned_locks() {
    let mut lines = Vec::new();
    let (mutex, lock) = (
        Mutex::named("std sites poisoned", 0),
        RwLock::named("std sites poisoned", 0),
    );
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guards = at!(lines, Exclusive => mutex.lock());
        let _writer = at!(lines, Exclusive => lock.write());
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err());
    assert!(at!(lines, Exclusive => mutex.lock()).is_err());
    assert!(at!(lines, Exclusive => mutex.try_lock()).is_err());
    assert!(at!(lines, Shared => lock.read()).is_err());
    assert!(at!(lines, Shared => lock.try_read()).is_err());
    assert!(at!(lines, Exclusive => lock.write()).is_err());
    assert!(at!(lines, Exclusive => lock.try_write()).is_err());
    check("std sites poisoned", &lines);
}

/// Owning the mutex again after a wait is an acquisition at the `wait` call.
#[test]
#[allow(deprecated, reason = "std still has it")]
fn condition_variables() {
    let mut lines = Vec::new();
    let (mutex, condvar) = (Mutex::named("std sites condvar", 0), Condvar::new());
    let moment = Duration::from_millis(1);
    let guard = at!(lines, Exclusive => mutex.lock()).unwrap();
    let (guard, _) = at!(lines, Exclusive => condvar.wait_timeout(guard, moment)).unwrap();
    let (guard, _) = at!(lines, Exclusive => condvar.wait_timeout_ms(guard, 1)).unwrap();
    let mut asked = 0;
    let once = |_: &mut i32| {
        asked += 1;
        asked % 2 == 1
    };
    let long = Duration::from_millis(50);
    let woken = at!(lines, Exclusive => condvar.wait_timeout_while(guard, long, once));
    // Neither time nor reason to wait.
    let (guard, _) = condvar
        .wait_timeout_while(woken.unwrap().0, long, |_| false)
        .unwrap();
    drop(condvar.wait_while(guard, |_| false));
    check("std sites condvar", &lines);
}

#[test]
fn condition_variables_that_are_notified() {
    let (mutex, condvar) = (Mutex::named("std sites notified", 0), Condvar::new());
    let mut lines = Vec::new();
    let (set, line) = (|to| *mutex.lock().unwrap() = to, line!());
    let notify = |to| {
        set(to);
        condvar.notify_one();
    };
    lines.push((Exclusive, line, 3));
    // The other thread gets the mutex when this one waits. Wakeups may be spurious, so count the
    // waits.
    let waits = Cell::new(0);
    let not_yet = |data: i32, to: i32| {
        waits.update(|n| n + u64::from(data != to));
        data != to
    };
    std::thread::scope(|scope| {
        let mut guard = at!(lines, Exclusive => mutex.lock()).unwrap();
        scope.spawn(|| notify(1));
        let line = line!() + 2;
        while not_yet(*guard, 1) {
            guard = condvar.wait(guard).unwrap();
        }
        lines.push((Exclusive, line, waits.take()));
    });
    std::thread::scope(|scope| {
        let guard = at!(lines, Exclusive => mutex.lock()).unwrap();
        scope.spawn(|| notify(2));
        drop(at!(lines, Exclusive => condvar.wait_while(guard, |data| not_yet(*data, 2))));
    });
    lines.last_mut().unwrap().2 = waits.take();
    std::thread::scope(|scope| {
        let guard = at!(lines, Exclusive => mutex.lock()).unwrap();
        scope.spawn(|| notify(3));
        let long = Duration::from_secs(600);
        drop(
            at!(lines, Exclusive => condvar.wait_timeout_while(guard, long, |data| not_yet(*data, 3))),
        );
    });
    lines.last_mut().unwrap().2 = waits.take();
    check("std sites notified", &lines);
}

/// An unnamed lock is identified by the line that created it.
#[test]
fn created_at() {
    #[derive(Default)]
    struct Holder {
        mutex: Mutex<u8>,
    }
    #[track_caller]
    fn known(line: u32) {
        let (name, snapshot) = (format!("new@{}:{line}", file!()), snapshot());
        let class = snapshot.point(&name).map(|point| &point.lock);
        assert!(
            matches!(class, Some(Lock::Created(site)) if site.file == file!() && site.line == line),
            "{name} is {class:?}"
        );
    }

    let (lock, line) = (Mutex::new(0), line!());
    drop(lock.lock());
    known(line);
    let (lock, line) = (Mutex::from(0), line!());
    drop(lock.lock());
    known(line);
    let (lock, line) = (RwLock::<u8>::default(), line!());
    drop(lock.write());
    known(line);
    let (lock, line) = (RwLock::from(0), line!());
    drop(lock.read());
    known(line);
    let (lock, line): (Arc<Mutex<dyn Send>>, _) = (Arc::new(Mutex::new(0)), line!());
    drop(lock.lock());
    known(line);
    static IN_A_STATIC: (Mutex<u8>, u32) = (Mutex::new(0), line!());
    drop(IN_A_STATIC.0.lock());
    known(IN_A_STATIC.1);

    drop(Holder::default().mutex.lock());
}
