//! Waits that nobody is left to end, or that last too long.

use super::Scene;
use nexus_lockprof::Stuck;
use nexus_lockprof::engine::Config;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const NONE: [String; 0] = [];

/// The lines of the events, as soon as there are some. A thread that has just parked may not sleep
/// yet.
fn lines(scene: &Scene) -> Vec<String> {
    loop {
        let _ = scene.bench.engine.snapshot();
        let lines = scene.lines();
        if !lines.is_empty() {
            return lines;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_holder_that_has_exited_leaves_its_waiters_stuck() {
    let scene = Scene::new();
    let lock = scene.mutex("left");
    let begin = line!();
    let holder = thread::spawn(|| std::mem::forget(lock.lock())); // 1
    holder.join().unwrap();
    scene.thread("waits", || drop(lock.lock())); // 3
    scene.await_waiters(1);
    scene.pass(SECOND - Duration::from_nanos(1));
    let _ = scene.bench.engine.snapshot();
    assert_eq!(scene.lines(), NONE);
    scene.pass(Duration::from_nanos(1));
    let file = file!();
    let (held, waits) = (begin + 1, begin + 3);
    assert_eq!(
        lines(&scene),
        [format!(
            "lock.stuck lock=left site={file}:{waits} thread=waits waited_ms=1000 \
             holder_site={file}:{held} holder_thread=(exited)"
        )]
    );
    scene.pass(SECOND * 100);
    let snapshot = scene.bench.engine.snapshot();
    assert_eq!(scene.lines(), NONE, "once");
    assert_eq!(snapshot.deadlocks(), []);
    assert_eq!(snapshot.stuck(Duration::MAX).len(), 1);
}

#[test]
fn a_forgotten_guard_is_told_after_ten_seconds() {
    let scene = Scene::new();
    let lock = scene.mutex("forgotten");
    let (stop, stopped) = mpsc::channel::<()>();
    let (say, heard) = mpsc::channel();
    let begin = line!();
    scene.thread("forgets", move || {
        std::mem::forget(lock.lock()); // 2
        let _ = say.send(());
        let _ = stopped.recv();
    });
    heard.recv().unwrap();
    scene.thread("waits", || drop(lock.lock())); // 7
    scene.await_waiters(1);
    scene.pass(Stuck::AFTER - Duration::from_nanos(1));
    let _ = scene.bench.engine.snapshot();
    assert_eq!(scene.lines(), NONE);
    scene.pass(Duration::from_nanos(1));
    let snapshot = scene.bench.engine.snapshot();
    let file = file!();
    let (held, waits) = (begin + 2, begin + 7);
    assert_eq!(
        scene.lines(),
        [format!(
            "lock.stuck lock=forgotten site={file}:{waits} thread=waits waited_ms=10000 \
             holder_site={file}:{held} holder_thread=forgets"
        )]
    );
    assert_eq!(snapshot.stuck(Stuck::AFTER).len(), 1);
    drop(stop);
}

#[test]
fn the_time_is_a_setting_and_zero_is_never() {
    for (after, told) in [(SECOND * 3, 1), (Duration::ZERO, 0)] {
        let scene = Scene::with(Config::default().stuck(after));
        let lock = scene.mutex("held");
        let guard = lock.lock();
        scene.thread("waits", || drop(lock.lock()));
        scene.await_waiters(1);
        scene.pass(SECOND * 3);
        let _ = scene.bench.engine.snapshot();
        assert_eq!(scene.lines().len(), told);
        drop(guard);
    }
}

#[test]
fn each_wait_is_told_once() {
    let scene = Scene::with(Config::default().stuck(SECOND));
    let lock = scene.mutex("held");
    for round in 1..=3 {
        let guard = lock.lock();
        thread::scope(|scope| {
            scope.spawn(|| drop(lock.lock()));
            scene.await_waiters(1);
            for told in [1, 0, 0] {
                scene.pass(SECOND);
                scene.bench.engine.tick();
                assert_eq!(scene.lines().len(), told, "round {round}");
            }
            drop(guard);
        });
    }
}
