//! Guards released by another thread than the one that acquired them.

use super::{acquisitions, engine, lasting_mutex as mutex};
use nexus_lockprof::engine::{Engine, Mode};
use std::sync::mpsc;
use std::thread;

/// Far more than a thread has nodes for measured guards.
const GUARDS: u64 = 5000;

#[test]
fn what_is_measured_is_recorded_by_the_thread_that_releases() {
    let engine = engine(Mode::Exact);
    let lock = mutex(&engine, "sent");
    let (send, receive) = mpsc::channel();
    let releasing = thread::spawn(move || receive.into_iter().for_each(drop));
    // One thread acquires while the other releases: contended every time.
    for _ in 0..GUARDS {
        assert!(send.send(lock.lock()).is_ok());
    }
    drop(send);
    assert!(releasing.join().is_ok());
    let snapshot = engine.snapshot();
    assert!(snapshot.losses().is_empty(), "{:?}", snapshot.losses());
    let [point] = snapshot.points() else {
        panic!("{snapshot}")
    };
    assert_eq!((point.acquisitions, point.hold.samples), (GUARDS, GUARDS));
    assert!(point.contentions > 0, "{snapshot}");
    assert_eq!(
        (point.wait.samples, point.blocked),
        (point.contentions, point.contentions)
    );
}

/// A thread that only releases exits before the acquiring one returns.
#[test]
fn the_releasing_thread_exits() {
    let engine = engine(Mode::Exact);
    let lock = mutex(&engine, "sent");
    for _ in 0..300 {
        let guard = lock.lock();
        assert!(thread::spawn(move || drop(guard)).join().is_ok());
    }
    assert_all_recorded(&engine, 300);
}

/// The acquiring thread has exited, and its place belongs to another one, when the guard is
/// released.
#[test]
fn the_acquiring_thread_exits() {
    let engine = engine(Mode::Exact);
    for _ in 0..300 {
        let lock = mutex(&engine, "sent");
        let acquiring = thread::spawn(move || lock.lock());
        match acquiring.join() {
            Ok(guard) => drop(guard),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    assert_all_recorded(&engine, 300);
}

/// Asserts that many acquisitions of "sent", each with its hold, and no losses.
fn assert_all_recorded(engine: &Engine, times: u64) {
    let snapshot = engine.snapshot();
    assert!(snapshot.losses().is_empty(), "{:?}", snapshot.losses());
    assert_eq!(acquisitions(&snapshot, "sent"), times);
    let holds: u64 = snapshot.points().iter().map(|p| p.hold.samples).sum();
    assert_eq!(holds, times);
}
