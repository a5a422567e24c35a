//! Well-known crates that use parking_lot, under load from two threads and a runtime. It knows
//! nothing of any profiler. It prints what it did, for a program that compares.

use prometheus::{IntCounterVec, Opts, Registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const ROUNDS: usize = 20_000;
const WORKERS: usize = 2;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Connections to nothing.
#[derive(Debug)]
struct Nowhere;

impl r2d2::ManageConnection for Nowhere {
    type Connection = u64;
    type Error = std::io::Error;

    fn connect(&self) -> Result<u64, Self::Error> {
        Ok(7)
    }

    fn is_valid(&self, _: &mut u64) -> Result<(), Self::Error> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

/// Shared by the workers.
struct Shared {
    requests: IntCounterVec,
    pages: quick_cache::sync::Cache<usize, usize>,
    sessions: moka::sync::Cache<usize, usize>,
    pool: r2d2::Pool<Nowhere>,
    users: dashmap::DashMap<usize, usize>,
}

fn work(shared: &Shared, worker: usize) -> Result<usize, Error> {
    let mut sum = 0;
    for round in 0..ROUNDS {
        let key = (round * 7 + worker) % 512;
        let label = ["get", "put"][round % 2];
        shared.requests.with_label_values(&[label]).inc();
        match shared.pages.get(&key) {
            Some(page) => sum += page,
            None => shared.pages.insert(key, round),
        }
        if round % 16 == 0 {
            let connection = shared.pool.get()?;
            sum += usize::try_from(*connection)?;
            shared.sessions.insert(key, round);
            shared.sessions.run_pending_tasks();
        }
        sum += shared.sessions.get(&key).unwrap_or(0);
        sum += *shared.users.entry(key).or_insert(round);
    }
    Ok(sum)
}

/// A semaphore that tasks pass to each other.
async fn tasks() -> Result<usize, Error> {
    let permits = Arc::new(tokio::sync::Semaphore::new(1));
    let passed = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (permits, passed) = (Arc::clone(&permits), Arc::clone(&passed));
        tasks.push(tokio::spawn(async move {
            for _ in 0..ROUNDS / 8 {
                let _permit = permits.acquire().await?;
                passed.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
            Ok::<_, tokio::sync::AcquireError>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(passed.load(Ordering::Relaxed))
}

fn main() -> Result<(), Error> {
    let registry = Registry::new();
    let requests = IntCounterVec::new(Opts::new("requests", "Requests."), &["kind"])?;
    registry.register(Box::new(requests.clone()))?;
    let shared = Shared {
        requests,
        pages: quick_cache::sync::Cache::new(256),
        sessions: moka::sync::Cache::new(256),
        pool: r2d2::Pool::builder()
            .max_size(1)
            .connection_timeout(Duration::from_secs(600))
            .build(Nowhere)?,
        users: dashmap::DashMap::new(),
    };
    let sum = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                scope.spawn({
                    let shared = &shared;
                    move || work(shared, worker)
                })
            })
            .collect();
        let mut sum = 0;
        for worker in workers {
            sum += worker.join().map_err(|_| "a worker panicked")??;
        }
        Ok::<_, Error>(sum)
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let passed = runtime.block_on(tasks())?;
    let tree = sled::Config::new().temporary(true).open()?;
    for key in 0..1000_u32 {
        tree.insert(key.to_be_bytes(), "value")?;
    }
    drop(tree);
    drop(runtime);

    let counted: u64 = registry
        .gather()
        .iter()
        .flat_map(|family| family.get_metric())
        .map(|metric| metric.get_counter().get_value() as u64)
        .sum();
    // What each crate must have done at least, or exactly.
    println!("prometheus.with_label_values {counted}");
    println!("quick_cache.get {}", ROUNDS * WORKERS);
    println!("dashmap.entry {}", ROUNDS * WORKERS);
    println!("r2d2.get {}", ROUNDS.div_ceil(16) * WORKERS);
    println!("moka.run_pending_tasks {}", ROUNDS.div_ceil(16) * WORKERS);
    println!("tokio.permits {passed}");
    eprintln!("sum {sum}");
    Ok(())
}
