//! What is recorded for tasks.

use super::{Task, now};
use nexus_lockprof::engine::{Config, Engine, ManualClock, Mode};
use nexus_lockprof::tokio::{Mutex, RwLock, RwLockWriteGuard, Semaphore};
use nexus_lockprof::{AcquireMode, Point, Profiled};
use nexus_lockprof_adaptor::HoldMode;
use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// The points of a lock, ordered by line.
fn points(name: &str) -> Vec<Point> {
    let snapshot = nexus_lockprof::snapshot();
    let mut points: Vec<_> = snapshot
        .points()
        .iter()
        .filter(|point| point.lock.name() == name)
        .cloned()
        .collect();
    points.sort_by_key(|point| (point.site.line, point.site.column));
    points
}

#[test]
fn the_place_is_that_of_the_call() {
    static LOCK: Mutex<u32> = Mutex::named("task.place", 0);
    let (future, line) = (LOCK.lock(), line!());
    drop(now(future));
    let point = &points("task.place")[0];
    assert_eq!((&*point.site.file, point.site.line), (file!(), line));
    assert_eq!((point.acquisitions, point.contentions), (1, 0));
    assert_eq!(point.mode, AcquireMode::Exclusive);
}

#[test]
fn what_is_counted() {
    static LOCK: RwLock<u32> = RwLock::named("task.counts", 0);
    let write = now(LOCK.write());
    let mut read = Task::new(LOCK.read());
    read.pending();
    read.pending();
    assert!(LOCK.try_read().is_err());
    drop(RwLockWriteGuard::downgrade(write));
    drop(read.ready());
    let all = points("task.counts");
    let [write, read, attempt, downgrade] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!((write.acquisitions, write.contentions), (1, 0));
    assert_eq!((read.acquisitions, read.contentions), (1, 1));
    assert_eq!((attempt.acquisitions, attempt.try_failures), (0, 1));
    assert_eq!(
        (downgrade.acquisitions, downgrade.mode),
        (1, AcquireMode::Shared)
    );
    assert_eq!(write.blocked, 1);
}

/// Sets exact mode: in sampled mode, a thread that took over another's account need not time a
/// wait.
fn time_each_wait() {
    assert!(nexus_lockprof::configure(Config::default().mode(Mode::Exact)).is_ok());
}

#[test]
fn what_is_cancelled() {
    static LOCK: Mutex<u32> = Mutex::named("task.cancelled", 0);
    time_each_wait();
    let guard = now(LOCK.lock());
    let line = line!() + 2;
    for polls in 0..3 {
        let mut task = Task::new(LOCK.lock());
        for _ in 0..polls {
            task.pending();
        }
    }
    drop(guard);
    let all = points("task.cancelled");
    let point = all.iter().find(|point| point.site.line == line).unwrap();
    assert_eq!(
        (point.cancellations, point.acquisitions, point.contentions),
        (2, 0, 0)
    );
    assert!(point.abandoned_wait_ns > 0);
    let holder = all.iter().find(|point| point.site.line != line).unwrap();
    assert_eq!(holder.blocked, 2);
    assert_eq!(holder.caused_wait_ns, point.abandoned_wait_ns);
}

/// Each kind of future, dropped before its first poll and after. The latter counts once, with its
/// wait.
#[test]
fn what_is_cancelled_of_each_kind() {
    macro_rules! check {
        ($name:literal, $mode:ident, $lock:expr, |$it:ident| $hold:expr, $acquire:expr) => {
            let $it = Arc::new($lock);
            let held = now($hold);
            for polls in 0..3 {
                let mut task = Task::new($acquire);
                for _ in 0..polls {
                    task.pending();
                }
            }
            drop(held);
            // It has its own row, since its place differs from the holder's.
            let all = points($name);
            let point = all.iter().max_by_key(|point| point.cancellations);
            let counts = point.map(|p| (p.mode, p.cancellations, p.acquisitions, p.contentions));
            assert_eq!(counts, Some((AcquireMode::$mode, 2, 0, 0)), "{}", $name);
            assert!(
                point.is_some_and(|point| point.abandoned_wait_ns > 0),
                "{}",
                $name
            );
        };
    }
    time_each_wait();
    check!(
        "gone.lock",
        Exclusive,
        Mutex::named("gone.lock", ()),
        |it| it.lock(),
        it.lock()
    );
    check!(
        "gone.lock_owned",
        Exclusive,
        Mutex::named("gone.lock_owned", ()),
        |it| it.lock(),
        Arc::clone(&it).lock_owned()
    );
    check!(
        "gone.read",
        Shared,
        RwLock::named("gone.read", ()),
        |it| it.write(),
        it.read()
    );
    check!(
        "gone.read_owned",
        Shared,
        RwLock::named("gone.read_owned", ()),
        |it| it.write(),
        Arc::clone(&it).read_owned()
    );
    check!(
        "gone.write",
        Exclusive,
        RwLock::named("gone.write", ()),
        |it| it.read(),
        it.write()
    );
    check!(
        "gone.write_owned",
        Exclusive,
        RwLock::named("gone.write_owned", ()),
        |it| it.read(),
        Arc::clone(&it).write_owned()
    );
    check!(
        "gone.acquire",
        Shared,
        Semaphore::named("gone.acquire", 1),
        |it| it.acquire(),
        it.acquire()
    );
    check!(
        "gone.owned",
        Shared,
        Semaphore::named("gone.owned", 1),
        |it| it.acquire(),
        Arc::clone(&it).acquire_owned()
    );
    check!(
        "gone.many",
        Shared,
        Semaphore::named("gone.many", 2),
        |it| it.acquire(),
        it.acquire_many(2)
    );
    check!(
        "gone.many_owned",
        Shared,
        Semaphore::named("gone.many_owned", 2),
        |it| it.acquire(),
        Arc::clone(&it).acquire_many_owned(2)
    );
}

/// A task that yields to others although the lock is free does not wait for the lock.
#[test]
fn a_share_of_the_processor_that_is_used_up_is_no_contention() {
    static LOCK: Mutex<u32> = Mutex::named("task.budget", 0);
    static READ: RwLock<u32> = RwLock::named("task.budget", 0);
    static PERMITS: Semaphore = Semaphore::named("task.budget", 2);
    let owned = Arc::new(Mutex::named("task.budget", 0));
    const TURNS: u64 = 1_000;
    let runtime = ::tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        for _ in 0..TURNS {
            *LOCK.lock().await += 1;
            drop(READ.read().await);
            drop(PERMITS.acquire_many(2).await);
            drop(Arc::clone(&owned).lock_owned().await);
        }
    });
    for point in points("task.budget") {
        let counts = (point.acquisitions, point.contentions, point.blocked);
        assert_eq!(counts, (TURNS, 0, 0), "{}", point.site);
    }
}

/// Who waited for a closed semaphore waited in vain; who came later did not wait.
#[test]
fn what_is_closed() {
    static PERMITS: Semaphore = Semaphore::named("task.closed", 0);
    time_each_wait();
    let mut task = Task::new(PERMITS.acquire());
    task.pending();
    PERMITS.close();
    assert!(task.ready().is_err());
    drop(task);
    assert!(now(PERMITS.acquire()).is_err());
    assert!(PERMITS.blocking_acquire().is_err());
    let all = points("task.closed");
    let sum = |of: fn(&Point) -> u64| all.iter().map(of).sum::<u64>();
    assert_eq!(sum(|point| point.cancellations), 1);
    assert_eq!(sum(|point| point.timeouts), 0);
    assert_eq!(sum(|point| point.acquisitions), 0);
    let waited = all.iter().filter(|point| point.abandoned_wait_ns > 0);
    assert_eq!(waited.count(), 1);
}

#[test]
fn permits() {
    static PERMITS: Semaphore = Semaphore::named("task.permits", 3);
    let mut permit = PERMITS.try_acquire_many(2).unwrap();
    let split = permit.split(1).unwrap();
    permit.merge(PERMITS.try_acquire().unwrap());
    drop(split);
    permit.forget();
    let all = points("task.permits");
    let holds: u64 = all.iter().map(|point| point.hold.samples).sum();
    assert_eq!(all.iter().map(|point| point.acquisitions).sum::<u64>(), 2);
    assert_eq!(holds, 2, "each ends once");
}

/// A hold that spans awaits, and ends in another thread than it began in.
#[test]
fn a_hold_changes_threads() {
    static LOCK: Mutex<u32> = Mutex::named("task.threads", 0);
    const TASKS: u64 = 500;
    let runtime = ::tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                tokio::spawn(async {
                    let mut guard = LOCK.lock().await;
                    *guard += 1;
                    tokio::task::yield_now().await;
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.is_ok());
        }
    });
    drop(runtime);
    let point = &points("task.threads")[0];
    assert_eq!(point.acquisitions, TASKS);
    assert_eq!(u64::from(*now(LOCK.lock())), TASKS);
    assert!(point.hold.samples > 0 && point.hold.samples <= TASKS);
}

/// On a stopped clock: a wait lasts from the first poll that finds the lock taken to the one that
/// owns it.
#[test]
fn times() -> Result<(), nexus_lockprof::ConfigError> {
    let clock = ManualClock::new();
    let engine = Engine::with_clock(&clock);
    engine.configure(Config::default().mode(Mode::Exact))?;
    let lock = Profiled::named_in(engine.clone(), (), "lock");
    let free = Cell::new(false);
    let acquire = || {
        let poll = poll_fn(|_| match free.get() {
            true => Poll::Ready(Ok::<_, ()>(())),
            false => Poll::Pending,
        });
        Task::new(lock.acquire_task(Location::caller(), HoldMode::Exclusive, poll, || true))
    };
    let ns = Duration::from_nanos;
    let (mut waits, mut gives_up) = (acquire(), acquire());
    clock.advance(ns(1_000));
    waits.pending();
    gives_up.pending();
    clock.advance(ns(20));
    waits.pending();
    clock.advance(ns(300));
    drop(gives_up);
    free.set(true);
    let guard = waits.ready().unwrap();
    clock.advance(ns(4_000));
    // SAFETY: the test's own guard, released once.
    unsafe { lock.release(guard, |(), ()| ()) };
    let snapshot = engine.snapshot();
    let point = &snapshot.points()[0];
    assert_eq!((point.acquisitions, point.contentions), (1, 1));
    assert_eq!((point.wait.total_ns, point.hold.total_ns), (320, 4_000));
    assert_eq!((point.cancellations, point.abandoned_wait_ns), (1, 320));
    Ok(())
}

#[test]
fn owned_guards_outlive_the_last_handle() {
    let lock = Arc::new(Mutex::new(vec![1]));
    let guard = now(Arc::clone(&lock).lock_owned());
    drop(lock);
    assert_eq!(*guard, [1]);
}

/// `blocking_lock` panics in a runtime, even if it need not wait. That costs the thread none of its
/// nodes.
#[test]
fn blocking_in_a_runtime_leaves_nothing_behind() {
    static LOCK: Mutex<u32> = Mutex::named("task.unwinds", 0);
    static OTHER: Mutex<u32> = Mutex::named("task.unwound", 0);
    let in_a_runtime = || {
        let runtime = ::tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            for _ in 0..100 {
                let unwound = catch_unwind(AssertUnwindSafe(|| drop(LOCK.blocking_lock())));
                assert!(unwound.is_err());
            }
            let taken = LOCK.lock().await;
            for _ in 0..100 {
                let unwound = catch_unwind(AssertUnwindSafe(|| drop(LOCK.blocking_lock())));
                assert!(unwound.is_err());
            }
            drop(taken);
        });
        for _ in 0..8 {
            drop(now(OTHER.lock()));
        }
    };
    assert!(std::thread::spawn(in_a_runtime).join().is_ok());
    let point = &points("task.unwound")[0];
    // The budget decides how many of them are timed.
    assert_eq!((point.acquisitions, point.hold.unmeasured), (8, 0));
    assert!(point.hold.samples >= 2);
    let waits = points("task.unwinds")
        .iter()
        .map(|point| point.contentions)
        .sum::<u64>();
    assert_eq!(waits, 0);
}
