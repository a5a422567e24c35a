//! Locks whose guards may go to another thread: who holds them is never certain.

use super::{Scene, told};
use nexus_lockprof::Profiled;
use nexus_lockprof::engine::Engine;
use nexus_lockprof_adaptor::HoldMode;
use std::convert::Infallible;
use std::panic::Location;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A lock as those of tasks have it, for threads that block.
struct TaskLock {
    meter: Profiled<(), Engine>,
    inner: parking_lot::Mutex<()>,
}

impl TaskLock {
    fn new(scene: &Scene, name: &'static str) -> &'static Self {
        Box::leak(Box::new(TaskLock {
            meter: Profiled::of_tasks_named(scene.bench.engine.clone(), name),
            inner: parking_lot::Mutex::new(()),
        }))
    }

    /// Acquires it for good.
    #[track_caller]
    fn keep(&'static self) {
        let acquired = self.meter.acquire::<_, Infallible>(
            Location::caller(),
            HoldMode::Exclusive,
            |()| !self.inner.is_locked(),
            |()| self.inner.try_lock(),
            |()| Ok(self.inner.lock()),
        );
        match acquired {
            Ok(guard) => std::mem::forget(guard),
        }
    }
}

#[test]
fn a_circle_through_one_is_possible() {
    let scene = Scene::new();
    let (queue, accounts) = (TaskLock::new(&scene, "queue"), scene.mutex("accounts"));
    let both = Arc::new(Barrier::new(2));
    scene.thread("sends", {
        let both = Arc::clone(&both);
        move || {
            queue.keep();
            both.wait();
            drop(accounts.lock());
        }
    });
    scene.thread("pays", move || {
        let _accounts = accounts.lock();
        both.wait();
        queue.keep();
    });
    scene.await_waiters(2);
    scene.pass(SECOND);
    let snapshot = scene.deadlocks(1);
    let deadlock = &snapshot.deadlocks()[0];
    assert!(!deadlock.certain, "{:?}", told(deadlock));
    let lines = scene.lines();
    assert!(lines[0].ends_with(" certain=false"), "{lines:?}");
}

/// The thread that has exited may have sent the guard to another one.
#[test]
fn its_holder_is_not_said_to_have_exited() {
    let scene = Scene::new();
    let queue = TaskLock::new(&scene, "queue");
    assert!(thread::spawn(|| queue.keep()).join().is_ok());
    scene.thread("waits", || queue.keep());
    scene.await_waiters(1);
    scene.pass(SECOND);
    for _ in 0..20 {
        let snapshot = scene.bench.engine.snapshot();
        let holder = snapshot.waiters()[0].holder.as_ref();
        assert!(holder.is_some_and(|holder| !holder.exited), "{holder:?}");
        thread::sleep(Duration::from_millis(1));
    }
    let none: [String; 0] = [];
    assert_eq!(scene.lines(), none);
}
