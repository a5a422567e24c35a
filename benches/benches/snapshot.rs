//! The cost of a snapshot, by the number of threads with statistics and of acquisition points in
//! each.

use std::sync::{Arc, Barrier};
use std::thread;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nexus_lockprof::engine::Engine;
use nexus_lockprof::{Config, Mode, Profiled, lock_api};

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

/// Calls `measure` while `shards` threads live that have each used `points` locks.
fn with_records(shards: usize, points: usize, measure: impl FnOnce(&Engine)) {
    let engine = Engine::new();
    let config = Config::default()
        .mode(Mode::Exact)
        .max_records(2 * shards * points);
    if let Err(error) = engine.configure(config) {
        panic!("{error}");
    }
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

criterion_group!(benches, snapshots);
criterion_main!(benches);
