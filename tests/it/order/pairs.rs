//! Which acquisitions make pairs.

use super::{Scene, told};
use crate::scene::exclusive;
use nexus_lockprof::engine::Mode;
use nexus_lockprof_tests::bench::Mutex;
use std::thread;

#[test]
fn locks_of_one_class_have_no_order() {
    let scene = Scene::new();
    let locks: Vec<Mutex<()>> = (0..3).map(|_| scene.bench.mutex("row", ())).collect();
    for (first, second) in [(0, 1), (1, 2), (2, 0)] {
        let _first = locks[first].lock();
        drop(locks[second].lock());
    }
    let (snapshot, lines) = scene.look();
    assert_eq!(lines, [] as [String; 0]);
    assert_eq!(snapshot.potential_deadlocks(), []);
    let [pair] = snapshot.lock_order() else {
        panic!("{:?}", snapshot.lock_order())
    };
    assert_eq!((pair.same_lock, pair.count), (false, 3));
}

#[test]
fn what_is_released_is_not_held() {
    let scene = Scene::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| scene.bench.mutex(name, ()));
    // Not in the order of their acquisition.
    let first = a.lock();
    let second = b.lock();
    drop(first);
    drop(c.lock());
    drop(second);
    drop(c.lock());
    drop(a.lock());
    let (snapshot, _) = scene.look();
    let names: Vec<_> = told(&snapshot);
    let names: Vec<_> = names
        .iter()
        .map(|line| line.replace(|c: char| c.is_ascii_digit(), ""))
        .collect();
    assert_eq!(
        names,
        [
            "a: exclusive, b: exclusive x",
            "b: exclusive, c: exclusive x",
        ]
    );
}

#[test]
fn a_guard_that_another_thread_released_is_not_held() {
    let scene = crate::scene::Scene::new(Mode::Exact);
    let next = scene.bench.mutex("next", ());
    let guard = scene.take(exclusive());
    thread::scope(|scope| {
        scope.spawn(|| scene.release(guard));
    });
    drop(next.lock());
    assert_eq!(scene.bench.engine.snapshot().lock_order(), []);
    let guard = scene.take(exclusive());
    drop(next.lock());
    scene.release(guard);
    assert_eq!(scene.bench.engine.snapshot().lock_order().len(), 1);
}

#[test]
fn more_than_eight_at_once_are_a_loss() {
    let scene = Scene::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let locks = names.map(|name| scene.bench.mutex(name, ()));
    let last = scene.bench.mutex("last", ());
    let guards = locks.each_ref().map(|lock| lock.lock());
    drop(last.lock());
    drop(guards);
    let (snapshot, _) = scene.look();
    assert_eq!(snapshot.lock_order().len(), 36 + 8);
    // The ninth, and the last.
    assert_eq!(snapshot.losses().order, 2);
    drop(last.lock());
    assert_eq!(scene.look().0.losses().order, 2);
}

#[test]
fn each_thread_adds_to_the_counts() {
    let scene = Scene::new();
    let locks: Vec<Mutex<()>> = (0..40)
        .map(|i| {
            scene
                .bench
                .mutex(Box::leak(format!("{i}").into_boxed_str()), ())
        })
        .collect();
    let outer = scene.bench.mutex("outer", ());
    // More pairs than a thread remembers.
    let work = || {
        for _ in 0..10 {
            for lock in &locks {
                let _outer = outer.lock();
                drop(lock.lock());
                drop(lock.lock());
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let (snapshot, _) = scene.look();
    assert_eq!(snapshot.lock_order().len(), locks.len());
    for pair in snapshot.lock_order() {
        assert_eq!(pair.count, 40, "{pair}");
    }
    assert!(snapshot.losses().is_empty());
}

/// An acquisition that begins again, and then is not recorded, takes no other one's pairs away.
#[test]
fn an_acquisition_that_is_given_up_hides_no_pair() {
    let scene = crate::scene::Scene::new(Mode::Exact);
    let [inner, other] = ["inner", "other"].map(|name| scene.sibling(name));
    let (outer, at, last) = (exclusive(), exclusive(), exclusive());
    let guard = scene.take(outer);
    inner.release(inner.wait(at, || {}));
    let set = |mode| {
        let config = nexus_lockprof::engine::Config::default().mode(mode);
        assert_eq!(scene.bench.engine.configure(config), Ok(()));
    };
    // The first try finds the lock taken, and meanwhile the profiler is switched off.
    let blocked = inner.lock.acquire::<_, std::convert::Infallible>(
        at.0,
        at.1,
        |()| false,
        |()| {
            set(Mode::Off);
            None::<()>
        },
        |()| Ok(()),
    );
    let Ok(blocked) = blocked;
    inner.release(blocked);
    set(Mode::Exact);
    other.release(other.wait(last, || {}));
    scene.release(guard);
    let snapshot = scene.bench.engine.snapshot();
    let wanted = snapshot.lock_order().iter();
    let wanted: Vec<_> = wanted.map(|pair| pair.wanted.lock.name()).collect();
    assert_eq!(wanted, ["inner", "other"]);
}

/// Where a thread has no room to measure one more guard, the acquisition begins again.
#[test]
fn each_pair_counts_once_however_many_guards_there_are() {
    const LOCKS: u64 = 100;
    let scene = Scene::new();
    let locks: Vec<_> = (0..LOCKS).map(|_| scene.bench.rwlock("row", ())).collect();
    let guards: Vec<_> = locks.iter().map(|lock| lock.read()).collect();
    drop(guards);
    let (snapshot, _) = scene.look();
    // At most eight of those that it holds are known.
    let pairs = (0..LOCKS).map(|held| held.min(8)).sum::<u64>();
    let counts: Vec<u64> = snapshot
        .lock_order()
        .iter()
        .map(|pair| pair.count)
        .collect();
    assert_eq!(counts, [pairs]);
}
