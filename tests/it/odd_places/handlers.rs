//! Event handlers that use the profiler, lock, and fail, as real handlers do.

use super::{acquisitions, engine, mutex};
use nexus_lockprof::engine::{Config, Engine, Event, Mode};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// An engine that reports each interval in which one of its locks is used.
fn hot_engine() -> Engine {
    let engine = engine(Mode::Exact);
    let config = Config::default()
        .mode(Mode::Exact)
        .hot_hold(Duration::ZERO)
        .hot_min_samples(1);
    assert_eq!(engine.configure(config), Ok(()));
    engine
}

#[test]
fn a_handler_collects_locks_and_resets() {
    let engine = hot_engine();
    let lock = mutex(&engine, "hot");
    let inner = mutex(&engine, "in the handler");
    let hot = Arc::new(AtomicU64::new(0));
    engine.on_event({
        let (engine, inner, hot) = (engine.clone(), Arc::clone(&inner), Arc::clone(&hot));
        move |event| match event {
            Event::Hot(_) => {
                hot.fetch_add(1, Relaxed);
                *inner.lock() += 1;
                // Finds the inner lock hot, and calls this handler again, once.
                let _ = engine.snapshot();
            }
            _ => {
                let _ = engine.published();
                let _ = engine.reset();
            }
        }
    });
    std::thread::sleep(Duration::from_nanos(1));
    for _ in 0..3 {
        drop(lock.lock());
    }
    let _ = engine.snapshot();
    assert_eq!(hot.load(Relaxed), 2, "the lock and the inner one");
    assert_eq!(*inner.lock(), 2);
    assert_eq!(acquisitions(&engine.snapshot(), "in the handler"), 3);
    engine.tick();
    assert!(
        engine.snapshot().points().is_empty(),
        "the handler has reset"
    );
}

#[test]
fn a_handler_that_panics_is_kept_and_stops_nobody() {
    let engine = engine(Mode::Counts);
    let lock = mutex(&engine, "work");
    let (before, after) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let count = |calls: &Arc<AtomicU64>| {
        let calls = Arc::clone(calls);
        move |_: &Event| {
            calls.fetch_add(1, Relaxed);
        }
    };
    engine.on_event(count(&before));
    let panics = engine.on_event({
        let lock = Arc::clone(&lock);
        move |_| {
            // The unwinding releases it.
            let _guard = lock.lock();
            panic!("a handler of a test panics: not an error");
        }
    });
    engine.on_event(count(&after));
    engine.tick();
    engine.tick();
    assert!(engine.remove_handler(panics));
    engine.tick();
    assert_eq!((before.load(Relaxed), after.load(Relaxed)), (3, 3));
    assert_eq!(acquisitions(&engine.snapshot(), "work"), 2);
    assert!(!lock.is_locked());
}

/// Panics when dropped, unless a panic is already in progress.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a drop of a test panics: not an error");
        }
    }
}

#[test]
fn what_a_handler_panics_with_may_panic_again() {
    let engine = engine(Mode::Counts);
    let lock = mutex(&engine, "work");
    let calls = Arc::new(AtomicU64::new(0));
    engine.on_event({
        let calls = Arc::clone(&calls);
        move |_| {
            calls.fetch_add(1, Relaxed);
            std::panic::panic_any(Bomb);
        }
    });
    for _ in 0..2 {
        *lock.lock() += 1;
        engine.tick();
    }
    assert_eq!(calls.load(Relaxed), 2);
    assert_eq!(acquisitions(&engine.snapshot(), "work"), 2);
}

#[test]
fn a_handler_whose_drop_panics_is_removed_like_another() {
    let engine = engine(Mode::Counts);
    let handler = || {
        let bomb = Bomb;
        engine.on_event(move |_| {
            let _ = &bomb;
        })
    };
    let [first, second] = [handler(), handler()];
    assert!(engine.remove_handler(first));
    assert!(!engine.remove_handler(first));
    engine.tick();
    assert!(engine.remove_handler(second));
    // The last two go with their engine: two simultaneous panics would end the process.
    let _ = (handler(), handler());
}

#[test]
fn handlers_that_are_removed_in_a_call_are_dropped_after_it() {
    let engine = engine(Mode::Counts);
    let ids = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..3 {
        let bomb = Bomb;
        let id = engine.on_event({
            let (engine, ids) = (engine.clone(), Arc::clone(&ids));
            move |_| {
                let _ = &bomb;
                for id in ids.lock().drain(..) {
                    assert!(engine.remove_handler(id));
                }
            }
        });
        ids.lock().push(id);
    }
    // The list of the current call is the last to hold them.
    engine.tick();
    assert!(ids.lock().is_empty());
    engine.tick();
}
