//! Snapshots of many threads that have each used many locks.

use std::hint::black_box;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use nexus_lockprof::Snapshot;
use nexus_lockprof::engine::{Config, Engine, Mode};
use nexus_lockprof_benches::memory::resident_kib;
use rustix::time::{ClockId, clock_gettime};

use crate::lockprof_measured;
use crate::scene::{Lock, lock};

/// Threads and locks of the counted snapshots.
const SHARDS: usize = 64;
const POINTS: usize = 100;

/// What there is to collect.
struct Program {
    engine: Engine,
    /// One thread each. It does one round of work for each message, and answers by the barrier.
    threads: Vec<mpsc::Sender<Round>>,
}

/// Acquisitions of each of the first locks.
#[derive(Clone)]
struct Round {
    locks: usize,
    times: usize,
    done: Arc<Barrier>,
}

impl Program {
    /// Calls `measure` with threads that live.
    fn with<T>(
        shards: usize,
        points: usize,
        measure: impl FnOnce(&Program) -> T,
    ) -> Result<T, String> {
        let engine = Engine::new();
        engine
            .configure(
                Config::default()
                    .mode(Mode::Exact)
                    .max_shards(shards.max(1))
                    .max_points(2 * points)
                    .max_records(2 * shards * points),
            )
            .map_err(|error| error.to_string())?;
        let locks: Vec<Lock> = (0..points).map(|number| lock(&engine, number)).collect();
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for _ in 0..shards {
                let (send, rounds) = mpsc::channel::<Round>();
                let locks = &locks;
                thread::Builder::new()
                    .stack_size(128 * 1024)
                    .spawn_scoped(scope, move || {
                        for round in rounds {
                            for lock in &locks[..round.locks] {
                                (0..round.times).for_each(|_| drop(lock.lock()));
                            }
                            round.done.wait();
                        }
                    })
                    .map_err(|error| error.to_string())?;
                threads.push(send);
            }
            Ok(measure(&Program { engine, threads }))
        })
    }

    /// The first `threads` acquire the first `locks`, each `times` times, one thread after another.
    fn work(&self, threads: usize, locks: usize, times: usize) {
        for thread in &self.threads[..threads] {
            let done = Arc::new(Barrier::new(2));
            let round = Round {
                locks,
                times,
                done: Arc::clone(&done),
            };
            if thread.send(round).is_ok() {
                done.wait();
            }
        }
    }
}

/// Counted: the first snapshot, one after which nothing has happened, and one after which one
/// thread has used one lock.
pub(crate) fn run() -> Result<Vec<String>, String> {
    Program::with(SHARDS, POINTS, |program| {
        program.work(SHARDS, POINTS, 3);
        let mut snapshot = || {
            black_box(program.engine.snapshot());
        };
        lockprof_measured(&mut snapshot);
        // Reads once more what it may have read too early.
        snapshot();
        lockprof_measured(&mut snapshot);
        program.work(1, 1, 3);
        lockprof_measured(&mut snapshot);
        ["first", "nothing-new", "one-new"]
            .map(|name| format!("{SHARDS}x{POINTS}-{name}"))
            .to_vec()
    })
}

/// Milliseconds of processor time that this thread has used: other load makes it no longer.
fn processor_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Timed by the processor time of the thread that takes snapshots, with the growth of resident
/// memory.
pub(crate) fn time([shards, points, times]: [usize; 3]) -> Result<Vec<String>, String> {
    Program::with(shards, points, |program| {
        program.work(shards, points, times);
        let mut lines = vec![format!(
            "{shards} shards, {points} points, {times} acquisitions each: {} MB before",
            resident_kib() / 1024
        )];
        let mut line = |name: &str| {
            let (before, begin) = (resident_kib(), processor_ms());
            let snapshot: Snapshot = program.engine.snapshot();
            let time = processor_ms() - begin;
            let grown = (resident_kib() - before) / 1024;
            lines.push(format!(
                "{name}: {time:.1} ms, {grown} MB more, {} points",
                snapshot.points().len()
            ));
        };
        line("first");
        line("read again");
        line("nothing new");
        program.work(shards.min(10), points.min(10), times);
        line("100 records new");
        lines
    })
}
