//! What each thread has done: exact on a manual clock, against a truth that the program itself
//! keeps.

use crate::scene::{Scene, exclusive};
use nexus_lockprof::engine::Mode;
use nexus_lockprof::{Snapshot, ThreadKind, ThreadRow};
use nexus_lockprof_tests::threads::{check, ended};
use std::sync::mpsc;
use std::thread;

const US: u64 = 1_000;
const MS: u64 = 1_000_000;

/// A thread that does what it is told, one thing after the other.
struct Worker<'scope> {
    orders: mpsc::Sender<Box<dyn FnOnce() + Send + 'scope>>,
    done: mpsc::Receiver<()>,
    thread: thread::ScopedJoinHandle<'scope, ()>,
}

impl<'scope> Worker<'scope> {
    fn new(scope: &'scope thread::Scope<'scope, '_>, name: &str) -> Self {
        let (orders, ordered) = mpsc::channel::<Box<dyn FnOnce() + Send + 'scope>>();
        let (did, done) = mpsc::channel();
        let work = move || {
            for order in ordered {
                order();
                let _ = did.send(());
            }
        };
        let named = thread::Builder::new().name(name.to_owned());
        let Ok(thread) = named.spawn_scoped(scope, work) else {
            panic!("no thread")
        };
        Worker {
            orders,
            done,
            thread,
        }
    }

    fn does(&self, order: impl FnOnce() + Send + 'scope) {
        assert!(self.orders.send(Box::new(order)).is_ok());
        assert_eq!(self.done.recv(), Ok(()));
    }

    fn ends(self) {
        drop(self.orders);
        assert!(self.thread.join().is_ok());
    }
}

/// The row of the thread with this name.
fn row<'a>(snapshot: &'a Snapshot, name: &str) -> &'a ThreadRow {
    let is_called = |row: &&ThreadRow| {
        let thread = row.thread.as_ref();
        thread.and_then(|thread| thread.name.as_deref()) == Some(name)
    };
    let Some(row) = snapshot.threads().iter().find(is_called) else {
        panic!("no {name} in {:#?}", snapshot.threads())
    };
    row
}

/// Acquisitions, contentions, and the times of waits and holds.
fn figures(row: &ThreadRow) -> [u64; 4] {
    [
        row.acquisitions,
        row.contentions,
        row.wait.total_ns,
        row.hold.total_ns,
    ]
}

/// Three threads take a lock in turns, and one of them waits for most of the time.
#[cfg(target_os = "linux")]
#[test]
fn one_thread_is_starved() {
    let scene = &Scene::new(Mode::Exact);
    let at = exclusive();
    thread::scope(|scope| {
        let [fast, slow, starved] =
            ["fast", "slow", "starved"].map(|name| Worker::new(scope, name));
        for _ in 0..10 {
            fast.does(move || scene.hold(at, 2 * US));
            slow.does(move || scene.hold(at, 3 * US));
        }
        starved.does(move || {
            let guard = scene.wait(at, || scene.pass(7 * MS));
            scene.pass(US);
            scene.release(guard);
        });
        let snapshot = scene.bench.engine.snapshot();
        check(&snapshot);
        assert_eq!(snapshot.threads().len(), 3, "{:#?}", snapshot.threads());
        assert_eq!(snapshot.threads()[0], *row(&snapshot, "starved"));
        assert_eq!(figures(row(&snapshot, "fast")), [10, 0, 0, 20 * US]);
        assert_eq!(figures(row(&snapshot, "slow")), [10, 0, 0, 30 * US]);
        assert_eq!(figures(row(&snapshot, "starved")), [1, 1, 7 * MS, US]);
        [fast, slow, starved].into_iter().for_each(Worker::ends);
    });
    let snapshot = scene.bench.engine.snapshot();
    let [all] = snapshot.threads() else {
        panic!("{:#?}", snapshot.threads())
    };
    assert_eq!((all.kind, all.threads), (ThreadKind::Ended, 3));
    assert_eq!(figures(all), [21, 1, 7 * MS, 51 * US]);
}

/// A thread goes on with the records of one that has ended, and no snapshot comes in between. Its
/// row has nothing of the other.
#[cfg(target_os = "linux")]
#[test]
fn the_next_thread_of_a_shard_starts_from_nothing() {
    let scene = &Scene::new(Mode::Exact);
    let at = exclusive();
    thread::scope(|scope| {
        let first = Worker::new(scope, "first");
        for _ in 0..5 {
            first.does(move || scene.hold(at, 2 * US));
        }
        first.ends();
        let second = Worker::new(scope, "second");
        for _ in 0..3 {
            second.does(move || scene.hold(at, 5 * US));
        }
        let before = scene.bench.engine.snapshot();
        check(&before);
        assert_eq!(before.table().shards, 1, "it took the same shard");
        assert_eq!(figures(row(&before, "second")), [3, 0, 0, 15 * US]);
        assert_eq!(figures(&before.threads()[1]), [5, 0, 0, 10 * US]);
        assert_eq!(ended(&before), 1);
        // An interval has what happened in it.
        second.does(move || scene.hold(at, 4 * US));
        let interval = scene.bench.engine.snapshot().since(&before).unwrap();
        assert_eq!(figures(row(&interval, "second")), [1, 0, 0, 4 * US]);
        assert_eq!(interval.threads().len(), 1, "no thread has ended in it");
        // A reset begins again.
        scene.bench.engine.reset();
        second.does(move || scene.hold(at, 6 * US));
        let after = scene.bench.engine.snapshot();
        assert_eq!(figures(row(&after, "second")), [1, 0, 0, 6 * US]);
        assert_eq!(after.threads().len(), 1);
        // It ends within an interval.
        second.does(move || scene.hold(at, 7 * US));
        second.ends();
        let interval = scene.bench.engine.snapshot().since(&after).unwrap();
        let [row] = interval.threads() else {
            panic!("{:#?}", interval.threads())
        };
        assert_eq!((row.kind, row.threads), (ThreadKind::Ended, 1));
        assert_eq!(figures(row), [1, 0, 0, 7 * US]);
    });
}

/// What a thread's points had counted stays in its row when they make room for others.
#[cfg(target_os = "linux")]
#[test]
fn evicted_points_stay_in_the_row() {
    let scene = &Scene::new(Mode::Exact);
    let engine = &scene.bench.engine;
    let few = nexus_lockprof::engine::Config::default().mode(Mode::Exact);
    assert_eq!(engine.configure(few.max_points(4)), Ok(()));
    thread::scope(|scope| {
        for (thread, holds) in [("first", 40), ("second", 60)] {
            let worker = Worker::new(scope, thread);
            for at in 0..holds {
                // Each place is another point.
                let place = &*Box::leak(Box::new(format!("lock {}", at % 20)));
                worker.does(move || {
                    scene.sibling(place).hold(exclusive(), US);
                });
            }
            let snapshot = engine.snapshot();
            check(&snapshot);
            assert_eq!(figures(row(&snapshot, thread)), [holds, 0, 0, holds * US]);
            worker.ends();
        }
    });
    let snapshot = engine.snapshot();
    check(&snapshot);
    assert_eq!(ended(&snapshot), 2);
}

/// Without the clock there are no times, and the row says so.
#[test]
fn counts_have_no_times() {
    let scene = Scene::new(Mode::Counts);
    for _ in 0..4 {
        scene.hold(exclusive(), US);
    }
    let snapshot = scene.bench.engine.snapshot();
    check(&snapshot);
    let [row] = snapshot.threads() else {
        panic!("{:#?}", snapshot.threads())
    };
    assert_eq!((row.acquisitions, row.hold.samples), (4, 0));
    assert_eq!((row.hold.events, row.hold.unmeasured), (0, 4));
}

/// An estimate says so, and covers the truth.
#[test]
fn a_sampled_thread_has_an_error() {
    let scene = Scene::new(Mode::DEFAULT);
    let at = exclusive();
    for _ in 0..20_000 {
        scene.hold(at, US);
        scene.pass(US);
    }
    let snapshot = scene.bench.engine.snapshot();
    check(&snapshot);
    let [row] = snapshot.threads() else {
        panic!("{:#?}", snapshot.threads())
    };
    let (hold, point) = (row.hold.durations(), &snapshot.points()[0].hold);
    assert_eq!(row.acquisitions, 20_000);
    assert!(hold.is_estimate(), "{hold:?}");
    assert_eq!((hold.samples, hold.events), (point.samples, point.events));
    assert_eq!(hold.total_variance, point.total_variance);
    let (low, high) = hold.total_interval_ns().unwrap();
    assert!((low..=high).contains(&(20_000 * US)), "{low} to {high}");
}
