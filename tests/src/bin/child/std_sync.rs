//! The statistics of `std_sync`'s locks in one mode, with nothing else in the process.

// As in tests: a lock here is poisoned only on purpose.
#![allow(clippy::unwrap_used, reason = "a test program")]

use nexus_lockprof::std_sync::{Condvar, Mutex, RwLock, RwLockWriteGuard};
use nexus_lockprof::{AcquireMode, Durations, Point, ProfilerMode, snapshot};
use std::panic::Location;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use AcquireMode::{Exclusive, Shared};

/// Far more than any wait here takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn main(mode: &str) {
    match (mode, snapshot().profiler_mode()) {
        ("off", ProfilerMode::Off)
        | ("counts", ProfilerMode::Counts)
        | ("sampled", ProfilerMode::Sampled { .. })
        | ("exact", ProfilerMode::Exact) => {}
        (_, other) => panic!("not {mode}, but {other:?}"),
    }
    tries();
    modes();
    panics();
    waits();
    if mode != "off" {
        contended("mutex", Exclusive, |locks| drop(locks.mutex.lock()));
        contended("write", Exclusive, |locks| drop(locks.rwlock.write()));
        contended("read", Shared, |locks| drop(locks.rwlock.read()));
    }
}

/// The points of a lock, by line.
fn points(name: &str) -> Vec<Point> {
    let mut points: Vec<_> = snapshot().points_of(name).cloned().collect();
    points.sort_by_key(|point| (point.site.line, point.mode));
    points
}

/// Checks the points of a lock by line: mode, acquisitions and failed tries. No acquisition may be
/// contended. In `Exact`, each acquisition has a completed hold.
#[track_caller]
fn check(name: &str, expected: &[(AcquireMode, u64, u64)]) {
    let points = points(name);
    let of = |point: &Point| (point.mode, point.acquisitions, point.try_failures);
    if snapshot().profiler_mode() == ProfilerMode::Off {
        assert_eq!(points, []);
        return;
    }
    assert_eq!(points.iter().map(of).collect::<Vec<_>>(), expected);
    for point in &points {
        assert_eq!((point.contentions, point.blocked), (0, 0), "{point:?}");
        assert!(point.wait.is_empty(), "{point:?}");
        check_samples(&point.hold, point.acquisitions);
    }
}

/// Checks that all, some or none of the `events` were timed.
#[track_caller]
fn check_samples(durations: &Durations, events: u64) {
    match snapshot().profiler_mode() {
        ProfilerMode::Exact => assert_eq!(durations.samples, events),
        ProfilerMode::Sampled { .. } => assert!(durations.samples <= events),
        _ => assert_eq!(durations.samples, 0),
    }
}

fn tries() {
    let mutex = Mutex::named("tries", ());
    for _ in 0..100 {
        let guard = mutex.lock();
        assert!(mutex.try_lock().is_err());
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    }
    check(
        "tries",
        &[
            (Exclusive, 100, 0),
            (Exclusive, 0, 100),
            (Exclusive, 100, 0),
        ],
    );
}

fn modes() {
    let lock = RwLock::named("modes", ());
    for _ in 0..100 {
        drop(lock.read());
        let writer = lock.write().unwrap();
        assert!(lock.try_read().is_err());
        let reader = RwLockWriteGuard::downgrade(writer);
        assert!(lock.try_write().is_err());
        drop(reader);
    }
    check(
        "modes",
        &[
            (Shared, 100, 0),
            (Exclusive, 100, 0),
            (Shared, 0, 100),
            (Shared, 100, 0),
            (Exclusive, 0, 100),
        ],
    );
}

/// A guard dropped by a panic held the lock until then, and a poisoned lock is acquired like any
/// other.
fn panics() {
    let mutex = Mutex::named("panics", ());
    for _ in 0..100 {
        let panicked = std::panic::catch_unwind(|| {
            let _guard = mutex.lock();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(panicked.is_err());
        let condition = |_: &mut ()| std::panic::resume_unwind(Box::new("on purpose"));
        let panicked = std::panic::catch_unwind(|| {
            let guard = mutex
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            drop(Condvar::new().wait_while(guard, condition));
        });
        assert!(panicked.is_err());
    }
    check("panics", &[(Exclusive, 100, 0), (Exclusive, 100, 0)]);
}

/// The sleeper's hold is shorter than another's hold meanwhile, because it ended before. A holder
/// may lose its processor, but not every time.
fn waits() {
    let names = ["waits 1", "waits 2", "waits 3", "waits 4", "waits 5"];
    assert!(
        names.into_iter().any(sleeps),
        "a hold goes on during a wait"
    );
}

/// Sleeping is neither wait nor hold: the mutex is free meanwhile, and nobody is blocked or
/// contended. Returns whether the hold before was shorter than the one during the sleep, if holds
/// are timed.
fn sleeps(name: &'static str) -> bool {
    let (mutex, condvar) = (Mutex::named(name, (false, false)), Condvar::new());
    thread::scope(|scope| {
        let (locked, is_locked) = mpsc::channel();
        let (mutex, condvar) = (&mutex, &condvar);
        scope.spawn(move || {
            let mut guard = mutex.lock().unwrap();
            guard.0 = true;
            pass(Duration::from_micros(10));
            locked.send(()).unwrap();
            drop(condvar.wait_while(guard, |(_, woken)| !*woken));
        });
        is_locked.recv().unwrap();
        let begin = Instant::now();
        loop {
            assert!(
                begin.elapsed() < PATIENCE,
                "the mutex is held during a wait"
            );
            // It is free, and the other thread has had it: so the other one sleeps.
            if let Ok(mut guard) = mutex.try_lock()
                && guard.0
            {
                guard.1 = true;
                pass(Duration::from_millis(5));
                // It finds the mutex taken when it wakes. That counts as sleep.
                condvar.notify_one();
                break;
            }
            thread::yield_now();
        }
    });
    let points = points(name);
    if snapshot().profiler_mode() == ProfilerMode::Off {
        assert_eq!(points, []);
        return true;
    }
    let [locked, woken, tried] = &points[..] else {
        panic!("{points:?}")
    };
    assert_eq!((locked.acquisitions, locked.try_failures), (1, 0));
    assert_eq!(tried.acquisitions, 1);
    // Wakeups may be spurious.
    assert!(woken.acquisitions >= 1);
    for point in &points {
        assert_eq!((point.contentions, point.blocked), (0, 0), "{point:?}");
        assert!(point.wait.is_empty(), "{point:?}");
        check_samples(&point.hold, point.acquisitions);
    }
    if snapshot().profiler_mode() != ProfilerMode::Exact {
        return true;
    }
    assert_ne!(locked.hold.total_ns, 0);
    locked.hold.total_ns < tried.hold.total_ns
}

/// Spends time on the processor.
fn pass(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {}
}

struct Locks {
    mutex: Mutex<()>,
    rwlock: RwLock<()>,
}

/// One thread holds, another acquires, until the other one had to wait.
///
/// A wait for std's lock is invisible. So the holder gives the other thread some time, which grows.
#[track_caller]
fn contended(name: &'static str, mode: AcquireMode, acquire: fn(&Locks)) {
    let line = Location::caller().line();
    let locks = Locks {
        mutex: Mutex::named(name, ()),
        rwlock: RwLock::named(name, ()),
    };
    let begin = Instant::now();
    let mut rounds = 0;
    let (holder, waiter) = loop {
        rounds += 1;
        thread::scope(|scope| {
            let held = (locks.mutex.lock(), locks.rwlock.write());
            let (begun, has_begun) = mpsc::channel();
            let locks = &locks;
            scope.spawn(move || {
                begun.send(()).unwrap();
                acquire(locks);
            });
            has_begun.recv().unwrap();
            for _ in 0..rounds * 10 {
                thread::yield_now();
            }
            drop(held);
        });
        let points = points(name);
        let find = |is: &dyn Fn(&Point) -> bool| points.iter().find(|point| is(point)).cloned();
        if let (Some(waiter), Some(holder)) = (
            find(&|point| point.site.line == line),
            find(&|point| point.blocked > 0),
        ) {
            break (holder, waiter);
        }
        assert!(begin.elapsed() < PATIENCE, "never contended: {name}");
    };
    assert_eq!(waiter.mode, mode);
    assert_eq!((waiter.acquisitions, holder.acquisitions), (rounds, rounds));
    assert!((1..=rounds).contains(&waiter.contentions), "{waiter:?}");
    assert_eq!(holder.contentions, 0);
    assert_eq!(holder.blocked, waiter.contentions);
    check_samples(&waiter.wait, waiter.contentions);
    check_samples(&waiter.hold, rounds);
    check_samples(&holder.hold, rounds);
}
