//! Where each call of the API is recorded: at the line of the call, once per acquisition.
//!
//! These tests read the process-wide profiler. So each has its own lock names, and expects exact
//! counts, which all modes but `Off` give.

use std::time::{Duration, Instant};

use nexus_lockprof::{
    AcquireMode, Condvar, FairMutex, Lock, Mutex, MutexGuard, RecursiveRwLock, ReentrantMutex,
    RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard, snapshot,
};

use AcquireMode::{Exclusive, Shared, Upgradable};

/// What a test expects of one point.
pub(crate) type Row = (AcquireMode, u32, u64);

/// The points of the locks called `name`: mode, line in the caller's file (0 for another file) and
/// acquisitions, by line.
#[track_caller]
fn recorded(name: &str) -> Vec<Row> {
    let file = std::panic::Location::caller().file();
    let mut rows: Vec<_> = snapshot()
        .points_of(name)
        .filter(|point| point.acquisitions != 0)
        .map(|point| {
            let line = if point.site.file == file {
                point.site.line
            } else {
                0
            };
            (point.mode, line, point.acquisitions)
        })
        .collect();
    rows.sort_unstable_by_key(|row| (row.1, row.0));
    rows
}

/// Checks the points of the locks called `name`.
#[track_caller]
pub(crate) fn check(name: &str, expected: &[Row]) {
    assert_eq!(recorded(name), expected);
}

fn ages() -> Duration {
    Duration::from_secs(600)
}

/// Runs `$call`, and notes its line and mode as one acquisition. The call must stand on one line.
/// `=>` ensures that: rustfmt leaves alone what it cannot parse.
macro_rules! at {
    ($lines:ident, $mode:ident => $call:expr) => {{
        $lines.push(($mode, line!(), 1));
        $call
    }};
}
pub(crate) use at;

#[test]
fn mutexes() {
    let mut lines = Vec::new();
    let later = Instant::now() + ages();
    let mutex = Mutex::named("sites mutex", 0);
    drop(at!(lines, Exclusive => mutex.lock()));
    drop(at!(lines, Exclusive => mutex.try_lock()));
    drop(at!(lines, Exclusive => mutex.try_lock_for(ages())));
    let mut guard = at!(lines, Exclusive => mutex.try_lock_until(later));
    assert!(mutex.is_locked() && mutex.try_lock().is_none());
    assert!(mutex.try_lock_for(Duration::ZERO).is_none());
    if let Some(guard) = &mut guard {
        MutexGuard::bump(guard);
    }
    drop(guard);
    assert!(!mutex.is_locked());
    check("sites mutex", &lines);

    lines.clear();
    let fair = FairMutex::named("sites fair", 0);
    drop(at!(lines, Exclusive => fair.lock()));
    drop(at!(lines, Exclusive => fair.try_lock()));
    check("sites fair", &lines);
}

#[test]
fn rwlocks() {
    let mut lines = Vec::new();
    let later = Instant::now() + ages();
    let lock = RwLock::named("sites rwlock", 0);
    drop(at!(lines, Shared => lock.read()));
    drop(at!(lines, Shared => lock.try_read()));
    drop(at!(lines, Shared => lock.try_read_for(ages())));
    drop(at!(lines, Shared => lock.try_read_until(later)));
    drop(at!(lines, Exclusive => lock.write()));
    drop(at!(lines, Exclusive => lock.try_write()));
    drop(at!(lines, Exclusive => lock.try_write_for(ages())));
    drop(at!(lines, Exclusive => lock.try_write_until(later)));
    drop(at!(lines, Upgradable => lock.upgradable_read()));
    drop(at!(lines, Upgradable => lock.try_upgradable_read()));
    drop(at!(lines, Upgradable => lock.try_upgradable_read_for(ages())));
    drop(at!(lines, Upgradable => lock.try_upgradable_read_until(later)));
    let upgradable = at!(lines, Upgradable => lock.upgradable_read());
    let write = at!(lines, Exclusive => RwLockUpgradableReadGuard::upgrade(upgradable));
    let upgradable = at!(lines, Upgradable => RwLockWriteGuard::downgrade_to_upgradable(write));
    let read = at!(lines, Shared => RwLockUpgradableReadGuard::downgrade(upgradable));
    assert!(lock.is_locked() && !lock.is_locked_exclusive());
    drop(read);
    let write = at!(lines, Exclusive => lock.write());
    drop(at!(lines, Shared => RwLockWriteGuard::downgrade(write)));
    check("sites rwlock", &lines);
}

/// A read by a thread that already reads is not an acquisition, whichever method makes it.
#[cfg(not(feature = "send_guard"))]
#[test]
fn recursive_reads() {
    let mut lines = Vec::new();
    let lock = RecursiveRwLock::named("sites recursive", 0);
    let first = at!(lines, Shared => lock.read());
    let again = lock.read();
    let others = (
        lock.try_read(),
        lock.try_read_for(ages()),
        lock.try_read_until(Instant::now()),
    );
    assert!(others.0.is_some() && others.1.is_some() && others.2.is_some());
    let elsewhere = std::thread::scope(|scope| {
        scope
            .spawn(|| *at!(lines, Shared => lock.read()))
            .join()
            .is_ok_and(|value| value == 0)
    });
    assert!(elsewhere);
    drop(first);
    drop(lock.read());
    drop(others);
    drop(lock.read());
    drop(again);
    drop(at!(lines, Shared => lock.read()));
    check("sites recursive", &lines);
}

/// An upgradable acquisition always counts; reads under it do not.
#[cfg(not(feature = "send_guard"))]
#[test]
fn recursive_upgrades() {
    use nexus_lockprof::{
        RecursiveRwLockUpgradableReadGuard as UpgradableGuard,
        RecursiveRwLockWriteGuard as WriteGuard,
    };

    let mut lines = Vec::new();
    let lock = RecursiveRwLock::named("sites upgrade", 0);
    let upgradable = at!(lines, Upgradable => lock.upgradable_read());
    let read = lock.read();
    let Err(upgradable) = UpgradableGuard::try_upgrade(upgradable) else {
        panic!("it is read")
    };
    drop(read);
    drop(lock.read());
    let write = at!(lines, Exclusive => UpgradableGuard::upgrade(upgradable));
    assert!(lock.try_read().is_none());
    let read = at!(lines, Shared => WriteGuard::downgrade(write));
    let upgradable = at!(lines, Upgradable => lock.upgradable_read());
    drop(read);
    drop(lock.read());
    let read = at!(lines, Shared => UpgradableGuard::downgrade(upgradable));
    drop(lock.read());
    drop(read);
    let write = at!(lines, Exclusive => lock.write());
    drop(write);
    drop(at!(lines, Shared => lock.read()));
    check("sites upgrade", &lines);
}

/// The ninth lock that a thread reads at once finds no room in the thread's table.
#[cfg(not(feature = "send_guard"))]
#[test]
fn recursive_reads_of_many_locks() {
    let locks: [_; 9] = std::array::from_fn(|_| RecursiveRwLock::named("sites many", 0));
    let first = locks.each_ref().map(RecursiveRwLock::read);
    let (again, line): (Vec<_>, _) = (locks.iter().map(|lock| lock.read()).collect(), line!());
    let rows = recorded("sites many");
    assert!(
        rows.contains(&(Shared, line, 1)),
        "of nine, one counts again: {rows:?}"
    );
    assert_eq!(rows.iter().map(|row| row.2).sum::<u64>(), 10);
    drop((first, again));
}

/// A lock at the address of an earlier one is a different lock, even if a guard of the first was
/// forgotten.
#[cfg(not(feature = "send_guard"))]
#[test]
fn a_forgotten_read_is_forgotten() {
    let mut lines = Vec::new();
    let mut lock = RecursiveRwLock::named("sites forgotten", 0);
    std::mem::forget(lock.read());
    lock = RecursiveRwLock::named("sites reborn", 0);
    let read = at!(lines, Shared => lock.read());
    drop((lock.read(), read));
    drop(at!(lines, Shared => lock.read()));
    check("sites reborn", &lines);
}

/// If guards may change threads, nobody knows what a thread holds.
#[cfg(feature = "send_guard")]
#[test]
fn recursive_reads_all_count() {
    let mut lines = Vec::new();
    let lock = RecursiveRwLock::named("sites recursive", 0);
    let first = at!(lines, Shared => lock.read());
    let second = at!(lines, Shared => lock.read());
    assert!(std::thread::spawn(|| 0).join().is_ok());
    std::thread::scope(|scope| {
        scope.spawn(move || drop(first));
    });
    drop(second);
    check("sites recursive", &lines);
}

/// Locking a reentrant mutex again is not an acquisition. The first lock is at the caller's line.
#[test]
fn reentrant_mutexes() {
    let mut lines = Vec::new();
    let later = Instant::now() + ages();
    let mutex = ReentrantMutex::named("sites reentrant", 0);
    drop(at!(lines, Exclusive => mutex.lock()));
    drop(at!(lines, Exclusive => mutex.try_lock()));
    drop(at!(lines, Exclusive => mutex.try_lock_for(ages())));
    drop(at!(lines, Exclusive => mutex.try_lock_until(later)));
    let outer = at!(lines, Exclusive => mutex.lock());
    let inner = (mutex.lock(), mutex.try_lock(), mutex.try_lock_for(ages()));
    assert!(mutex.is_locked() && mutex.is_owned_by_current_thread());
    drop((outer, inner));
    drop(at!(lines, Exclusive => mutex.lock()));
    check("sites reentrant", &lines);
}

/// A recursive lock does not leave its line behind for the next acquisition.
#[test]
fn a_reentrant_site_is_not_left_behind() {
    let mut lines = Vec::new();
    let (outer, inner) = (
        ReentrantMutex::named("sites outer", 0),
        ReentrantMutex::named("sites inner", 0),
    );
    let guard = at!(lines, Exclusive => outer.lock());
    drop(outer.lock());
    drop(inner.as_lock_api().lock());
    drop(guard);
    check("sites outer", &lines);
    check("sites inner", &[(Exclusive, 0, 1)]);
}

/// Owning the mutex again after a wait is an acquisition at the `wait` call.
#[test]
fn condition_variables() {
    let mut lines = Vec::new();
    let (mutex, condvar) = (Mutex::named("sites condvar", 0), Condvar::new());
    let moment = Duration::from_millis(1);
    let mut guard = at!(lines, Exclusive => mutex.lock());
    assert!(at!(lines, Exclusive => condvar.wait_for(&mut guard, moment)).timed_out());
    assert!(at!(lines, Exclusive => condvar.wait_until(&mut guard, Instant::now())).timed_out());
    let mut asked = 0;
    let mut once = |_: &mut i32| {
        asked += 1;
        asked % 2 == 1
    };
    let timed = at!(lines, Exclusive => condvar.wait_while_for(&mut guard, &mut once, moment));
    assert!(!timed.timed_out());
    let past = Instant::now();
    let timed = at!(lines, Exclusive => condvar.wait_while_until(&mut guard, &mut once, past));
    assert!(!timed.timed_out());
    condvar.wait_while(&mut guard, |_| false);
    drop(guard);
    check("sites condvar", &lines);
}

#[test]
fn condition_variables_that_are_notified() {
    let mut lines = Vec::new();
    let (mutex, condvar) = (Mutex::named("sites notified", 0), Condvar::new());
    std::thread::scope(|scope| {
        let mut guard = at!(lines, Exclusive => mutex.lock());
        scope.spawn(|| {
            for _ in 0..2 {
                while !condvar.notify_one() {
                    std::thread::yield_now();
                }
            }
        });
        at!(lines, Exclusive => condvar.wait(&mut guard));
        let mut waits = 0;
        let mut once = |_: &mut i32| {
            waits += 1;
            waits == 1
        };
        at!(lines, Exclusive => condvar.wait_while(&mut guard, &mut once));
    });
    check("sites notified", &lines);
}

/// A wait that panics leaves the acquisition unchanged, and makes no second one.
#[test]
fn a_refused_wait_is_no_acquisition() {
    let mut lines = Vec::new();
    let condvar = Condvar::new();
    let (first, second) = (
        Mutex::named("sites first", false),
        Mutex::named("sites refused", ()),
    );
    std::thread::scope(|scope| {
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (first, condvar) = (&first, &condvar);
        scope.spawn(move || {
            let mut done = first.lock();
            assert!(ready.send(()).is_ok());
            condvar.wait_while(&mut done, |done| !*done);
        });
        assert!(is_ready.recv().is_ok());
        drop(first.lock());
        let mut guard = at!(lines, Exclusive => second.lock());
        let wait = std::panic::AssertUnwindSafe(|| condvar.wait(&mut guard));
        assert!(std::panic::catch_unwind(wait).is_err());
        drop(guard);
        *first.lock() = true;
        assert!(condvar.notify_one());
    });
    check("sites refused", &lines);
}

/// An unnamed lock is identified by the line that created it.
#[test]
fn created_at() {
    #[derive(Default)]
    struct Holder {
        _mutex: Mutex<u8>,
    }
    #[track_caller]
    fn known(name: &str, line: u32) {
        let snapshot = snapshot();
        let point = snapshot.point(name);
        let class = point.map(|point| &point.lock);
        assert!(
            matches!(class, Some(Lock::Created(site)) if site.file == file!() && site.line == line),
            "{name} is {class:?}"
        );
    }
    let name = |line: u32| format!("new@{}:{line}", file!());

    let (lock, line) = (Mutex::new(0), line!());
    drop(lock.lock());
    known(&name(line), line);
    let (lock, line) = (FairMutex::from(0), line!());
    drop(lock.lock());
    known(&name(line), line);
    let (lock, line) = (RwLock::<u8>::default(), line!());
    drop(lock.write());
    known(&name(line), line);
    let (lock, line) = (RecursiveRwLock::new(0), line!());
    drop(lock.read());
    known(&name(line), line);
    let (lock, line) = (ReentrantMutex::new(0), line!());
    drop(lock.lock());
    known(&name(line), line);
    static IN_A_STATIC: (Mutex<u8>, u32) = (Mutex::new(0), line!());
    drop(IN_A_STATIC.0.lock());
    known(&name(IN_A_STATIC.1), IN_A_STATIC.1);

    let holder = Holder::default();
    drop(holder._mutex.lock());
}

/// A raw lock's `INIT` has no class. Each such lock is identified by the place of its first
/// acquisition, at all other places too.
#[test]
fn locks_of_which_nothing_is_known() {
    use nexus_lockprof::{RawMutex, lock_api};

    type Bare = lock_api::Mutex<RawMutex, ()>;
    let rows = |line: u32| recorded(&format!("first@{}:{line}", file!()));
    let locks = [const { Bare::new(()) }; 4];
    let mut lines = Vec::new();
    for (index, lock) in locks.iter().enumerate() {
        // Two are first acquired at one line, and form a class; the others at another line.
        match index % 2 {
            0 => drop(at!(lines, Exclusive => lock.lock())),
            _ => drop(at!(lines, Exclusive => lock.lock())),
        }
    }
    let mut together = 0;
    for lock in &locks {
        together = line!() + 1;
        drop(lock.lock());
    }
    for first in [lines[0].1, lines[1].1] {
        let expected = [(Exclusive, first, 2), (Exclusive, together, 2)];
        assert_eq!(rows(first), expected);
    }
    assert_eq!(rows(together), []);
}

#[cfg(feature = "arc_lock")]
#[test]
fn arcs() {
    use std::sync::Arc;

    let mut lines = Vec::new();
    let later = Instant::now() + ages();
    let mutex = Arc::new(Mutex::named("sites arc mutex", 0));
    drop(at!(lines, Exclusive => mutex.lock_arc()));
    drop(at!(lines, Exclusive => mutex.try_lock_arc()));
    drop(at!(lines, Exclusive => mutex.try_lock_arc_for(ages())));
    drop(at!(lines, Exclusive => mutex.try_lock_arc_until(later)));
    check("sites arc mutex", &lines);

    lines.clear();
    let lock = Arc::new(RwLock::named("sites arc rwlock", 0));
    drop(at!(lines, Shared => lock.read_arc()));
    drop(at!(lines, Shared => lock.try_read_arc()));
    drop(at!(lines, Shared => lock.try_read_arc_for(ages())));
    drop(at!(lines, Shared => lock.try_read_arc_until(later)));
    drop(at!(lines, Exclusive => lock.write_arc()));
    drop(at!(lines, Exclusive => lock.try_write_arc()));
    drop(at!(lines, Exclusive => lock.try_write_arc_for(ages())));
    drop(at!(lines, Exclusive => lock.try_write_arc_until(later)));
    drop(at!(lines, Upgradable => lock.upgradable_read_arc()));
    drop(at!(lines, Upgradable => lock.try_upgradable_read_arc()));
    drop(at!(lines, Upgradable => lock.try_upgradable_read_arc_for(ages())));
    drop(at!(lines, Upgradable => lock.try_upgradable_read_arc_until(later)));
    check("sites arc rwlock", &lines);

    lines.clear();
    let mutex = Arc::new(ReentrantMutex::named("sites arc reentrant", 0));
    drop(at!(lines, Exclusive => mutex.lock_arc()));
    drop(at!(lines, Exclusive => mutex.try_lock_arc()));
    drop(at!(lines, Exclusive => mutex.try_lock_arc_for(ages())));
    let guard = at!(lines, Exclusive => mutex.try_lock_arc_until(later));
    drop((mutex.lock_arc(), guard));
    check("sites arc reentrant", &lines);
}
