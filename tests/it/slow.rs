//! `lock.slow`: one event for each long wait and each long hold, with every field right.

use nexus_lockprof::engine::{Config, Engine, Mode};
use nexus_lockprof::{
    AcquireMode, Event, Lock, Point, Profiled, Site, Slow, SlowHolder, SlowLine, SlowMetric,
    Snapshot,
};
use nexus_lockprof_adaptor::{HoldMode, ProfiledGuard};
use nexus_lockprof_tests::bench::{self, Bench};
use nexus_lockprof_tests::children::{self, Ended};
use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::panic::Location;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

const MS: u64 = 1_000_000;
const THRESHOLD: Duration = Duration::from_millis(100);
const NS: Duration = Duration::from_nanos(1);
const TIMED: [Mode; 2] = [Mode::DEFAULT, Mode::Exact];
const ALL: [Mode; 3] = [Mode::Counts, Mode::DEFAULT, Mode::Exact];

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

/// The name of this thread, and of those that [`named`] starts, as Linux knows them.
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
fn a_long_wait_names_its_holder_and_the_hold_its_waiters() {
    for mode in TIMED {
        let (bench, heard) = listening(Config::default().mode(mode).slow(THRESHOLD));
        let db = bench.rwlock("db", ());
        let (held, read) = thread::scope(|scope| {
            let (guard, held) = (db.write(), here());
            let waiter = thread::Builder::new().name("reader".to_owned());
            let waiter = waiter.spawn_scoped(scope, || {
                let (guard, site) = (db.read(), here());
                drop(guard);
                site
            });
            // SAFETY: only asks how many are blocked.
            unsafe { db.raw() }.raw().await_blocked(1);
            bench.pass(300 * MS);
            drop(guard);
            let read = waiter.map(thread::ScopedJoinHandle::join);
            let Ok(Ok(read)) = read else {
                panic!("no waiter")
            };
            (held, read)
        });
        let (mut slow, _) = taken(&bench, &heard);
        slow.sort_by_key(|slow| slow.metric == SlowMetric::Wait);
        let [hold, wait] = &slow[..] else {
            panic!("{slow:?}")
        };
        let lines = (hold.site.line, wait.site.line);
        assert_eq!(lines, (held.line, read.line), "{slow:?}");
        assert_eq!((hold.metric, hold.ns), (SlowMetric::Hold, 300 * MS));
        assert_eq!((hold.mode, hold.waiters), (AcquireMode::Exclusive, Some(1)));
        assert_eq!((wait.metric, wait.ns), (SlowMetric::Wait, 300 * MS));
        assert_eq!((wait.mode, wait.waiters), (AcquireMode::Shared, None));
        let holder = SlowHolder {
            thread: hold.thread.clone(),
            mode: AcquireMode::Exclusive,
            site: hold.site.clone(),
            ns: 300 * MS,
        };
        assert_eq!(wait.holder, Some(holder));
        if cfg!(target_os = "linux") {
            assert_eq!(name_of(wait), Some("reader"));
        }
        assert_ne!(hold.thread, wait.thread);
    }
}

/// A wait for a hold of 300 ms. The lock's holder calls `meanwhile` before others wait.
fn wait_for_a_hold(bench: &Bench, db: &bench::Mutex<()>, meanwhile: impl FnOnce()) -> (Site, Site) {
    thread::scope(|scope| {
        let (guard, held) = (db.lock(), here());
        meanwhile();
        let waiter = scope.spawn(|| {
            let (guard, site) = (db.lock(), here());
            drop(guard);
            site
        });
        // SAFETY: only asks how many are blocked.
        unsafe { db.raw() }.raw().await_blocked(1);
        bench.pass(300 * MS);
        drop(guard);
        let Ok(waited) = waiter.join() else {
            panic!("no waiter")
        };
        (held, waited)
    })
}

/// The hold that makes others wait need not be timed for the waiter to name it.
#[test]
fn a_wait_is_told_though_the_hold_is_not_measured() {
    for waiter in [Mode::Counts, Mode::DEFAULT, Mode::Exact] {
        let (bench, heard) = listening(Config::default().mode(Mode::Counts).slow(THRESHOLD));
        let db = bench.mutex("db", ());
        let (held, waited) = wait_for_a_hold(&bench, &db, || {
            let config = bench.engine.config().mode(waiter);
            assert_eq!(bench.engine.configure(config), Ok(()));
        });
        // This thread's own event says how it is called.
        let config = bench.engine.config().mode(Mode::Exact);
        assert_eq!(bench.engine.configure(config), Ok(()));
        let guard = db.lock();
        bench.pass(100 * MS);
        drop(guard);
        let (slow, snapshot) = taken(&bench, &heard);
        let [wait, mine] = &slow[..] else {
            panic!("{slow:?}")
        };
        assert_eq!((wait.metric, wait.ns), (SlowMetric::Wait, 300 * MS));
        assert_eq!(wait.site.line, waited.line);
        let Some(holder) = &wait.holder else {
            panic!("{wait:?}")
        };
        assert_eq!((holder.site.line, holder.ns), (held.line, 300 * MS));
        assert_eq!(holder.thread, mine.thread);
        assert!(mine.thread.is_some() && wait.thread != mine.thread);
        // The snapshot is what it would be without the event.
        let sum = |of: fn(&Point) -> u64| -> u64 { snapshot.points().iter().map(of).sum() };
        let is_timed = u64::from(waiter != Mode::Counts);
        assert_eq!(sum(|p| p.wait.samples), is_timed);
        assert_eq!(sum(|p| p.wait.total_ns), is_timed * 300 * MS);
        assert_eq!((sum(|p| p.contentions), sum(|p| p.blocked)), (1, 1));
        assert!(snapshot.losses().is_empty());
    }
}

#[test]
fn a_holder_that_has_ended_is_named() {
    for mode in ALL {
        let (bench, heard) = listening(Config::default().mode(mode).slow(THRESHOLD));
        let db = bench.mutex("db", ());
        let (ready, is_ready) = mpsc::channel();
        thread::scope(|scope| {
            let holder = thread::Builder::new().name("short-lived".to_owned());
            let (bench, db) = (&bench, &db);
            let holder = holder.spawn_scoped(scope, move || {
                let guard = db.lock();
                assert!(ready.send(()).is_ok());
                // SAFETY: only asks how many are blocked.
                unsafe { db.raw() }.raw().await_blocked(1);
                bench.pass(300 * MS);
                drop(guard);
            });
            assert!(is_ready.recv().is_ok());
            let guard = db.lock();
            assert!(holder.is_ok_and(|holder| holder.join().is_ok()));
            drop(guard);
        });
        let (slow, _) = taken(&bench, &heard);
        let Some(wait) = slow.iter().find(|slow| slow.metric == SlowMetric::Wait) else {
            panic!("{slow:?}")
        };
        let holder = wait
            .holder
            .as_ref()
            .and_then(|holder| holder.thread.clone());
        let Some(holder) = holder else {
            panic!("{wait:?}")
        };
        if cfg!(target_os = "linux") {
            assert_eq!(holder.name.as_deref(), Some("short-lived"));
        }
        assert_ne!(Some(holder), wait.thread);
    }
}

#[test]
fn a_wait_below_the_threshold_is_not_told() {
    for mode in ALL {
        let (bench, heard) = listening(Config::default().mode(mode).slow(3 * THRESHOLD));
        let db = bench.mutex("db", ());
        wait_for_a_hold(&bench, &db, || ());
        let told = taken(&bench, &heard).0.len();
        let (bench, heard) = listening(Config::default().mode(mode).slow(3 * THRESHOLD + NS));
        let db = bench.mutex("db", ());
        wait_for_a_hold(&bench, &db, || ());
        assert!(told != 0 && taken(&bench, &heard).0.is_empty());
    }
}

/// A lock that excludes nobody: the scene says who has it.
fn scene(bench: &Bench) -> Profiled<(), Engine> {
    Profiled::named_in(bench.engine.clone(), (), "scene")
}

/// The budget allows to measure a part of these waits. All are told.
#[test]
fn each_long_wait_is_told_even_if_it_is_in_no_sample() {
    let config = Config::default().slow(Duration::from_nanos(4_000));
    let (bench, heard) = listening(config.slow_rate(1_000_000));
    let lock = scene(&bench);
    let mut told = 0;
    let rounds = 400;
    for _ in 0..rounds {
        for _ in 0..32 {
            let guard = lock.acquire::<_, Infallible>(
                here_too(),
                HoldMode::Exclusive,
                |()| false,
                |()| None,
                |()| {
                    bench.pass(4_000);
                    Ok(())
                },
            );
            let Ok(guard) = guard;
            // SAFETY: of this lock, and released once.
            unsafe { lock.release(guard, |(), ()| ()) };
        }
        told += taken(&bench, &heard).0.len();
    }
    let snapshot = bench.engine.snapshot();
    let samples: u64 = snapshot.points().iter().map(|p| p.wait.samples).sum();
    assert!(samples < 32 * rounds / 2, "{samples}");
    assert_eq!(told as u64, 32 * rounds);
    assert!(snapshot.losses().is_empty());
}

#[test]
fn waits_of_tasks_are_told() {
    for (mode, is_in_vain) in ALL
        .into_iter()
        .flat_map(|mode| [(mode, false), (mode, true)])
    {
        let (bench, heard) = listening(Config::default().mode(mode).slow(THRESHOLD));
        let lock = scene(&bench);
        let (holder, waiter) = (Location::caller(), here_too());
        let guard = lock.try_acquire(holder, HoldMode::Exclusive, |()| Some(()));
        let mut wait = lock.task_wait(waiter, HoldMode::Exclusive);
        let pending = wait.poll(|| Poll::<()>::Pending, |()| true, || true);
        assert!(pending.is_pending());
        bench.pass(99 * MS);
        let Some(guard) = guard else {
            unreachable!("it lets everybody in")
        };
        // SAFETY: of this lock, and released once.
        unsafe { lock.release(guard, |(), ()| ()) };
        bench.pass(MS);
        if !is_in_vain {
            let ready = wait.poll(|| Poll::Ready(()), |()| true, || true);
            let Poll::Ready(((), pending_ref)) = ready else {
                panic!("it is ready")
            };
            // SAFETY: of this lock, and released once.
            unsafe { lock.release(ProfiledGuard::new((), pending_ref), |(), ()| ()) };
        }
        drop(wait);
        let (slow, _) = taken(&bench, &heard);
        let [wait] = &slow[..] else {
            panic!("{slow:?}")
        };
        let metric = match is_in_vain {
            true => SlowMetric::VainWait,
            false => SlowMetric::Wait,
        };
        assert_eq!((wait.metric, wait.ns), (metric, 100 * MS));
        assert_eq!(wait.site, Site::from(waiter));
        let blamed = wait.holder.as_ref().map(|holder| &holder.site);
        assert_eq!(blamed, Some(&Site::from(holder)));
    }
}

#[test]
fn a_wait_that_gives_up_is_told_too() {
    for mode in ALL {
        let (bench, heard) = listening(Config::default().mode(mode).slow(THRESHOLD));
        let lock = scene(&bench);
        let (holder, waiter) = (Location::caller(), here_too());
        let guard = lock.try_acquire(holder, HoldMode::Exclusive, |()| Some(()));
        let gave_up = lock.acquire::<(), _>(
            waiter,
            HoldMode::Exclusive,
            |()| false,
            |()| None,
            |_| {
                bench.pass(200 * MS);
                Err(())
            },
        );
        assert!(gave_up.is_err());
        let (slow, _) = taken(&bench, &heard);
        let [vain] = &slow[..] else {
            panic!("{slow:?}")
        };
        assert_eq!((vain.metric, vain.ns), (SlowMetric::VainWait, 200 * MS));
        assert_eq!(vain.site, Site::from(waiter));
        let blamed = vain.holder.as_ref().map(|holder| &holder.site);
        assert_eq!(blamed, Some(&Site::from(holder)));
        let Some(guard) = guard else {
            unreachable!("it lets everybody in")
        };
        // SAFETY: of this lock, and released once.
        unsafe { lock.release(guard, |(), ()| ()) };
    }
}

#[track_caller]
fn here_too() -> &'static Location<'static> {
    Location::caller()
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

/// A part of the child program with `LOCKPROF_SLOW`.
fn child(part: &str, slow: Option<&str>) -> Command {
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    command.args(["slow", part]);
    command.envs(slow.map(|slow| ("LOCKPROF_SLOW", slow)));
    command
}

fn run(part: &str, slow: Option<&str>) -> Ended {
    let ended = children::run(&mut child(part, slow));
    ended.expect_success();
    ended
}

/// The event in a line of a child. `None` if it is another line, or of a lock that the child holds
/// for long only on a busy machine.
fn event(line: &str) -> Option<SlowLine> {
    if !line.starts_with("lock.") {
        return None;
    }
    match line.parse::<SlowLine>() {
        Ok(event) => (event.lock != "other").then_some(event),
        Err(error) => panic!("{error}: {line}"),
    }
}

fn events(ended: &Ended) -> Vec<SlowLine> {
    ended.stderr.lines().filter_map(event).collect()
}

/// The child tells of a long hold of each of these locks, in any order.
#[track_caller]
fn check(part: &str, slow: Option<&str>, locks: &[&str]) {
    let ended = run(part, slow);
    let mut held = Vec::new();
    for event in events(&ended) {
        assert_eq!(event.metric, SlowMetric::Hold, "{event}");
        assert_eq!(event.threshold_ns, 20 * MS);
        assert!(event.ns >= 20 * MS, "{event}");
        assert!(event.site.0.ends_with("slow.rs"), "{event}");
        held.push(event.lock);
    }
    held.sort();
    assert_eq!(held, locks, "{}", ended.stderr);
    assert!(ended.complaints().is_empty(), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn a_program_with_one_thread_says_so_at_once() {
    check("one thread", Some("20ms"), &["first"]);
}

#[test]
fn a_program_with_two_threads_says_so_while_it_runs() {
    let mut child = child("two threads", Some("20ms"));
    let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines
        .map(|line| line.unwrap())
        .find_map(|line| event(&line));
    let event = first.unwrap_or_else(|| panic!("no line"));
    assert_eq!((&*event.lock, event.metric), ("first", SlowMetric::Hold));
    if cfg!(target_os = "linux") {
        assert_eq!(event.thread.as_deref(), Some("main"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_end_of_a_program_says_what_is_left() {
    check("end", Some("20ms"), &["first"]);
}

#[test]
fn a_handler_is_called_though_nobody_takes_snapshots() {
    check("handler", Some("20ms"), &["first"]);
}

#[test]
fn a_program_that_asks_itself_gets_a_line_or_a_call() {
    check("settings", None, &["first"]);
}

#[cfg(unix)]
#[test]
fn a_forked_child_tells_only_its_own() {
    check("fork", Some("20ms"), &["first", "second"]);
}

#[test]
fn a_bad_threshold_is_named_and_nothing_is_slow() {
    for bad in ["", "0ms", "soon"] {
        let ended = run("holds", Some(bad));
        let complaint = format!(
            "lockprof: LOCKPROF_SLOW={bad} is not a time such as 100ms, 1s or 2m: slow waits and holds are not reported"
        );
        assert_eq!(ended.complaints(), [&*complaint]);
        assert!(events(&ended).is_empty());
    }
    check("holds", None, &[]);
}

#[test]
fn a_program_with_settings_of_its_own_says_that_it_ignores_the_environment() {
    let ended = run("ignored", Some("20ms"));
    let complaint = "lockprof: LOCKPROF_SLOW=20ms is ignored: the program has settings of its own";
    assert_eq!(ended.complaints(), [complaint]);
    assert!(events(&ended).is_empty());
}
