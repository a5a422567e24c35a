//! Waits.

use super::{MS, THRESHOLD, TIMED, here, listening, name_of, taken};
use nexus_lockprof::engine::{Config, Engine, Mode};
use nexus_lockprof::{AcquireMode, Point, Profiled, Site, SlowHolder, SlowMetric};
use nexus_lockprof_adaptor::{HoldMode, ProfiledGuard};
use nexus_lockprof_tests::bench::{self, Bench, poll_task};
use std::convert::Infallible;
use std::panic::Location;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

const NS: Duration = Duration::from_nanos(1);
const ALL: [Mode; 3] = [Mode::Counts, Mode::DEFAULT, Mode::Exact];

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
        assert_eq!(hold.mode, AcquireMode::Exclusive);
        // Locks of other tests may share the counter.
        assert!(hold.waiters >= Some(1), "{hold:?}");
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
    for (mode, is_abandoned) in ALL
        .into_iter()
        .flat_map(|mode| [(mode, false), (mode, true)])
    {
        let (bench, heard) = listening(Config::default().mode(mode).slow(THRESHOLD));
        let lock = scene(&bench);
        let (holder, waiter) = (Location::caller(), here_too());
        let guard = lock.try_acquire(holder, HoldMode::Exclusive, |()| Some(()));
        let mut wait = lock.task_wait(waiter, HoldMode::Exclusive);
        let pending = poll_task(&mut wait, Poll::Pending);
        assert!(pending.is_pending());
        bench.pass(99 * MS);
        let Some(guard) = guard else {
            unreachable!("it lets everybody in")
        };
        // SAFETY: of this lock, and released once.
        unsafe { lock.release(guard, |(), ()| ()) };
        bench.pass(MS);
        if !is_abandoned {
            let ready = poll_task(&mut wait, Poll::Ready(()));
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
        let metric = match is_abandoned {
            true => SlowMetric::AbandonedWait,
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
        let [wait] = &slow[..] else {
            panic!("{slow:?}")
        };
        assert_eq!(
            (wait.metric, wait.ns),
            (SlowMetric::AbandonedWait, 200 * MS)
        );
        assert_eq!(wait.site, Site::from(waiter));
        let blamed = wait.holder.as_ref().map(|holder| &holder.site);
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
