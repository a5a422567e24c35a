//! `lock.slow`: one event for each long wait and each long hold, with every field right.

mod programs;
mod waits;

use nexus_lockprof::engine::{Config, Mode};
use nexus_lockprof::{AcquireMode, Event, Lock, Site, Slow, SlowMetric, Snapshot};
use nexus_lockprof_tests::bench::Bench;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

const MS: u64 = 1_000_000;
const THRESHOLD: Duration = Duration::from_millis(100);
const TIMED: [Mode; 2] = [Mode::DEFAULT, Mode::Exact];

type Heard = Arc<Mutex<Vec<Slow>>>;

/// A bench that keeps its slow events.
fn listening(config: Config) -> (Bench, Heard) {
    let bench = Bench::with(config);
    let heard = Heard::default();
    bench.engine.on_event({
        let heard = Arc::clone(&heard);
        move |event| {
            if let Event::Slow(slow) = event {
                lock(&heard).push(slow.clone());
            }
        }
    });
    (bench, heard)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a snapshot, and the events that it delivers.
fn taken(bench: &Bench, heard: &Heard) -> (Vec<Slow>, Snapshot) {
    let snapshot = bench.engine.snapshot();
    (std::mem::take(&mut lock(heard)), snapshot)
}

/// The name of its thread, as Linux knows it.
fn name_of(slow: &Slow) -> Option<&str> {
    slow.thread.as_ref()?.name.as_deref()
}

fn in_thread<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(name.to_owned());
        let Ok(thread) = thread.spawn_scoped(scope, work) else {
            panic!("no thread")
        };
        let Ok(result) = thread.join() else {
            panic!("the thread panicked")
        };
        result
    })
}

#[track_caller]
fn here() -> Site {
    Site::from(Location::caller())
}

#[test]
fn one_long_hold_is_one_event() {
    for mode in TIMED {
        let (bench, heard) = listening(Config::default().mode(mode).slow(THRESHOLD));
        let db = bench.mutex("db", ());
        for _ in 0..3 {
            let _guard = db.lock();
            bench.pass(99 * MS);
        }
        let site = in_thread("a slow one", || {
            let (guard, site) = (db.lock(), here());
            bench.pass(5_000 * MS);
            drop(guard);
            site
        });
        let (mut slow, snapshot) = taken(&bench, &heard);
        assert_eq!(slow.len(), 1, "{slow:?}");
        let slow = slow.remove(0);
        if cfg!(target_os = "linux") {
            assert_eq!(name_of(&slow), Some("a slow one"));
        }
        let thread = slow.thread.clone();
        assert_ne!(thread.as_ref().map(|thread| thread.id), Some(0));
        let expected = Slow {
            lock: Lock::Named("db".into()),
            mode: AcquireMode::Exclusive,
            site: Site::new(&*site.file, site.line, slow.site.column),
            metric: SlowMetric::Hold,
            ns: 5_000 * MS,
            threshold_ns: 100 * MS,
            thread: thread.clone(),
            holder: None,
            waiters: Some(0),
            dropped: 0,
        };
        assert_eq!(slow, expected);
        // The hold is counted as it would be without the event.
        let held: u64 = snapshot.points().iter().map(|p| p.hold.total_ns).sum();
        assert_eq!(held, (3 * 99 + 5_000) * MS);
        assert!(snapshot.losses().is_empty());
        assert!(taken(&bench, &heard).0.is_empty(), "it is told once");
    }
}

#[test]
fn more_than_the_rate_are_dropped_and_counted() {
    let config = Config::default()
        .mode(Mode::Exact)
        .slow(Duration::from_nanos(5));
    for (config, rate) in [(config.clone(), 10), (config.slow_rate(3), 3)] {
        let (bench, heard) = listening(config);
        let db = bench.mutex("db", ());
        let hold = |times| {
            for _ in 0..times {
                let _guard = db.lock();
                bench.pass(5);
            }
        };
        hold(rate + 7);
        let (slow, snapshot) = taken(&bench, &heard);
        assert_eq!(slow.len(), rate);
        assert!(slow.iter().all(|slow| slow.dropped == 0), "{slow:?}");
        assert_eq!(snapshot.losses().slow_events, 7);
        assert_eq!(snapshot.losses().total(), 7);
        assert!(
            snapshot
                .to_string()
                .contains("LOST 7 events: slow_events 7")
        );
        bench.pass(1_000 * MS);
        hold(2);
        let (slow, snapshot) = taken(&bench, &heard);
        let dropped: Vec<_> = slow.iter().map(|slow| slow.dropped).collect();
        assert_eq!(dropped, [7, 0]);
        assert!(slow[0].to_string().ends_with(" dropped=7"), "{}", slow[0]);
        assert_eq!(snapshot.losses().slow_events, 7);
        let holds: u64 = snapshot.points().iter().map(|p| p.hold.samples).sum();
        assert_eq!(holds, rate as u64 + 9, "the holds themselves are counted");
    }
}

#[test]
fn nothing_is_slow_by_default_and_it_can_be_switched() {
    let (bench, heard) = listening(Config::default().mode(Mode::Exact));
    let db = bench.mutex("db", ());
    let hold = || {
        let guard = db.lock();
        bench.pass(5_000 * MS);
        drop(guard);
        taken(&bench, &heard).0.len()
    };
    assert_eq!(hold(), 0);
    let on = bench.engine.config().slow(THRESHOLD);
    assert_eq!(bench.engine.configure(on.clone()), Ok(()));
    assert_eq!(hold(), 1);
    assert_eq!(bench.engine.configure(on.clear_slow()), Ok(()));
    assert_eq!(hold(), 0);
}

#[test]
fn a_handler_that_panics_stops_nobody_and_may_lock() {
    let (bench, heard) = listening(Config::default().mode(Mode::Exact).slow(THRESHOLD));
    let db = Arc::new(bench.mutex("db", 0));
    bench.engine.on_event({
        let db = Arc::clone(&db);
        move |event| {
            *db.lock() += 1;
            panic!("a handler of a test panics, which is no error: {event}");
        }
    });
    let later = Arc::new(AtomicU64::new(0));
    bench.engine.on_event({
        let later = Arc::clone(&later);
        move |_| {
            later.fetch_add(1, Relaxed);
        }
    });
    for round in 1..=2 {
        let guard = db.lock();
        bench.pass(100 * MS);
        drop(guard);
        assert_eq!(taken(&bench, &heard).0.len(), 1);
        assert_eq!(later.load(Relaxed), round);
        assert_eq!(*db.lock(), round);
    }
}

/// A downgrade ends a hold while the lock is held. Its event comes all the same.
#[test]
fn a_hold_that_is_downgraded_is_told_at_its_release() {
    let (bench, heard) = listening(Config::default().mode(Mode::Exact).slow(THRESHOLD));
    let db = bench.full_rwlock("db", ());
    let guard = db.write();
    bench.pass(200 * MS);
    let guard = lock_api::RwLockWriteGuard::downgrade(guard);
    assert!(taken(&bench, &heard).0.is_empty());
    bench.pass(5 * MS);
    drop(guard);
    let (slow, _) = taken(&bench, &heard);
    let [hold] = &slow[..] else {
        panic!("{slow:?}")
    };
    let told = (hold.metric, hold.mode, hold.ns);
    assert_eq!(told, (SlowMetric::Hold, AcquireMode::Exclusive, 200 * MS));
}
