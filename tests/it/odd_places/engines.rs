//! Local engines.

use super::{acquisitions, engine, mutex};
use nexus_lockprof::engine::{Config, Engine, ManualClock, Mode};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

#[test]
fn two_engines_with_two_clocks_do_not_see_each_other() {
    let (slow, fast) = (ManualClock::new(), ManualClock::new());
    let engines = [&slow, &fast].map(|clock| {
        let engine = Engine::with_clock(clock);
        assert_eq!(
            engine.configure(Config::default().mode(Mode::Exact)),
            Ok(())
        );
        engine
    });
    // The same name and the same line for both.
    let locks = engines
        .each_ref()
        .map(|engine| mutex(engine, "shared name"));
    let work = || {
        for (lock, times) in locks.iter().zip([1, 3]) {
            for _ in 0..times {
                let _guard = lock.lock();
                slow.advance(Duration::from_nanos(10));
                fast.advance(Duration::from_nanos(1000));
            }
        }
    };
    work();
    thread::scope(|scope| assert!(scope.spawn(work).join().is_ok()));
    let of = |engine: &Engine| {
        let snapshot = engine.snapshot();
        assert!(snapshot.losses().is_empty());
        let [point] = snapshot.points() else {
            panic!("{snapshot}")
        };
        (
            point.acquisitions,
            point.hold.total_ns,
            snapshot.table().shards,
        )
    };
    assert_eq!(of(&engines[0]), (2, 20, 2));
    assert_eq!(of(&engines[1]), (6, 6000, 2));
    assert!(engines[0].snapshot().since(&engines[1].snapshot()).is_err());
    let _ = engines[0].reset();
    assert_eq!(acquisitions(&engines[1].snapshot(), "shared name"), 6);
}

#[test]
fn an_engine_is_dropped_while_its_threads_live_and_exit_later() {
    const THREADS: usize = 4;
    for _ in 0..50 {
        let engine = engine(Mode::Exact);
        let lock = mutex(&engine, "short-lived");
        let (used, dropped) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
        thread::scope(|scope| {
            let threads = [(); THREADS].map(|()| {
                let lock = Arc::clone(&lock);
                let (used, dropped) = (&used, &dropped);
                scope.spawn(move || {
                    *lock.lock() += 1;
                    drop(lock);
                    used.wait();
                    dropped.wait();
                    // The thread exits, so its share of the engine is gone.
                })
            });
            used.wait();
            assert_eq!(
                acquisitions(&engine.snapshot(), "short-lived"),
                THREADS as u64
            );
            drop((engine, lock));
            dropped.wait();
            for thread in threads {
                assert!(thread.join().is_ok());
            }
        });
    }
}

#[test]
fn the_last_of_an_engine_goes_while_its_threads_exit() {
    for _ in 0..200 {
        let lock = mutex(&engine(Mode::Exact), "short-lived");
        let threads = [(); 3].map(|()| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *lock.lock() += 1)
        });
        drop(lock);
        for thread in threads {
            assert!(thread.join().is_ok());
        }
    }
}

#[test]
fn a_lock_and_a_guard_outlive_the_engine_s_handle() {
    let engine = engine(Mode::Exact);
    let lock = mutex(&engine, "orphan");
    let guard = lock.lock();
    drop(engine);
    drop(guard);
    for _ in 0..100 {
        *lock.lock() += 1;
    }
    let used_elsewhere = Arc::clone(&lock);
    assert!(
        thread::spawn(move || *used_elsewhere.lock() += 1)
            .join()
            .is_ok()
    );
    assert_eq!(*lock.lock(), 101);
}
