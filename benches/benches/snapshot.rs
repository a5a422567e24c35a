//! The cost of a snapshot, by the number of threads with statistics and of acquisition points in
//! each, and with many edges between few points, with and without many threads that wait.

use std::convert::Infallible;
use std::panic::Location;
use std::sync::{Arc, Barrier};
use std::thread;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nexus_lockprof::engine::Engine;
use nexus_lockprof::{Config, Mode, Profiled, lock_api};
use nexus_lockprof_adaptor::HoldMode;

type Raw = Profiled<parking_lot::RawMutex, Engine>;
type Lock = lock_api::Mutex<Raw, ()>;

/// Acquisitions at each point: enough to fill the reservoirs.
const ACQUISITIONS: usize = 200;

fn snapshots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot");
    for shards in [1, 8, 64] {
        for points in [10, 100, 1000] {
            let id = BenchmarkId::new(format!("{shards}-shards"), format!("{points}-points"));
            group.throughput(Throughput::Elements((shards * points) as u64));
            // Built only if not filtered out: the largest has 64,000 records.
            group.bench_function(id, |bencher| {
                with_records(shards, points, |engine| {
                    assert_eq!(engine.snapshot().points().len(), points);
                    bencher.iter(|| engine.snapshot());
                });
            });
        }
    }
    group.finish();
}

/// An engine that measures each acquisition.
fn engine(config: Config) -> Engine {
    let engine = Engine::new();
    if let Err(error) = engine.configure(config.mode(Mode::Exact)) {
        panic!("{error}");
    }
    engine
}

/// Calls `measure` while `shards` threads live that have each used `points` locks.
fn with_records(shards: usize, points: usize, measure: impl FnOnce(&Engine)) {
    let engine = engine(Config::default().max_records(2 * shards * points));
    let locks: Arc<Vec<Lock>> = Arc::new((0..points).map(|point| lock(&engine, point)).collect());
    let (used, measured) = (Barrier::new(shards + 1), Barrier::new(shards + 1));
    thread::scope(|scope| {
        for _ in 0..shards {
            scope.spawn(|| {
                for lock in locks.iter() {
                    for _ in 0..ACQUISITIONS {
                        drop(lock.lock());
                    }
                }
                used.wait();
                measured.wait();
            });
        }
        used.wait();
        measure(&engine);
        measured.wait();
    });
}

/// A lock with its own class. Names live for ever, so these few are leaked.
fn lock(engine: &Engine, point: usize) -> Lock {
    let raw = <parking_lot::RawMutex as lock_api::RawMutex>::INIT;
    let name = format!("lock {point}").leak();
    Lock::from_raw(Profiled::named_in(engine.clone(), raw, name), ())
}

/// At each of ten locks, one thread waits at each of 32 places behind each of the same places.
const EDGES: usize = 10 * 32 * 32;

fn edges(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot");
    group.throughput(Throughput::Elements(EDGES as u64));
    for waiting in [0, 1000] {
        let id = BenchmarkId::new(format!("{waiting}-waiting"), format!("{EDGES}-edges"));
        group.bench_function(id, |bencher| {
            let engine = with_edges();
            while_waiting(&engine, waiting, || bencher.iter(|| engine.snapshot()));
        });
    }
    group.finish();
}

/// An engine with `EDGES` edges, all of one thread.
fn with_edges() -> Engine {
    let engine = engine(Config::default().max_points(2 * EDGES));
    let sites = sites();
    for lock in 0..10 {
        let name = format!("lock {lock}").leak();
        // It excludes nobody, so one thread can wait for itself.
        let lock = Profiled::named_in(engine.clone(), (), name);
        for (holding, waiting) in sites.iter().flat_map(|a| sites.iter().map(move |b| (a, b))) {
            wait(&lock, holding, waiting);
        }
    }
    assert_eq!(engine.snapshot().edges().len(), EDGES);
    engine
}

/// Calls `measure` while `threads` threads wait for a lock.
fn while_waiting(engine: &Engine, threads: usize, measure: impl FnOnce()) {
    let lock = lock(engine, 0);
    thread::scope(|scope| {
        let held = lock.lock();
        for _ in 0..threads {
            scope.spawn(|| drop(lock.lock()));
        }
        while engine.snapshot().waiters().len() != threads {
            thread::yield_now();
        }
        measure();
        drop(held);
    });
}

type Site = &'static Location<'static>;

/// Acquires the lock at `waiting`, which finds it taken at `holding`.
fn wait(lock: &Profiled<(), Engine>, holding: Site, waiting: Site) {
    let mode = HoldMode::Exclusive;
    let mut held = lock.try_acquire(holding, mode, |()| Some(()));
    let release = |guard| {
        // SAFETY: each guard is of this lock, and is released once.
        unsafe { lock.release(guard, |(), ()| ()) };
    };
    let block = |_: &()| {
        held.take().into_iter().for_each(release);
        Ok(())
    };
    let Ok(guard) = lock.acquire::<_, Infallible>(waiting, mode, |()| false, |()| None, block);
    release(guard);
}

/// 32 places in a program.
fn sites() -> Vec<Site> {
    #[track_caller]
    fn at() -> Site {
        Location::caller()
    }
    [
        [at(), at(), at(), at()],
        [at(), at(), at(), at()],
        [at(), at(), at(), at()],
        [at(), at(), at(), at()],
        [at(), at(), at(), at()],
        [at(), at(), at(), at()],
        [at(), at(), at(), at()],
        [at(), at(), at(), at()],
    ]
    .concat()
}

criterion_group!(benches, snapshots, edges);
criterion_main!(benches);
