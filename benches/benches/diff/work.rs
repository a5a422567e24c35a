//! The profiled program: a job server whose threads take turns at six locks. Its work is a number
//! of jobs, and each hold a number of steps. So two runs differ only by what else the machine does.
//! Holds vary as in most programs: most are short, and some are ten times as long.

use std::collections::VecDeque;
use std::hint::black_box;
use std::thread;

use nexus_lockprof::{Mutex, RwLock};

/// Locks that can be held twice as long: from brief and frequent holds to long and rare ones.
pub(crate) const SLOWED: [&str; 4] = ["stats", "pool", "cache", "log"];

const THREADS: usize = 4;

static QUEUE: Mutex<VecDeque<u64>> = Mutex::named("queue", VecDeque::new());
static CONFIG: RwLock<u64> = RwLock::named("config", 7);
static CACHE: RwLock<u64> = RwLock::named("cache", 0);
static POOL: Mutex<u64> = Mutex::named("pool", 0);
static STATS: Mutex<u64> = Mutex::named("stats", 0);
static LOG: Mutex<u64> = Mutex::named("log", 0);

/// Runs the jobs, and holds the lock `slowed` twice as long.
pub(crate) fn run(jobs: u64, slowed: &str) {
    let steps = Steps {
        cache: length("cache", slowed, 4_000),
        pool: length("pool", slowed, 2_000),
        stats: length("stats", slowed, 400),
        log: length("log", slowed, 8_000),
    };
    QUEUE.lock().extend(0..jobs);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| while job(&steps) {});
        }
    });
}

fn length(lock: &str, slowed: &str, steps: u64) -> u64 {
    if lock == slowed { 2 * steps } else { steps }
}

/// How long each lock is held.
struct Steps {
    cache: u64,
    pool: u64,
    stats: u64,
    log: u64,
}

fn job(steps: &Steps) -> bool {
    let Some(job) = QUEUE.lock().pop_front() else {
        return false;
    };
    let seed = *CONFIG.read() + job;
    let mut done = compute(seed, 8_000);
    done ^= compute(*CACHE.read(), 600);
    if job % 6 == 0 {
        let mut cache = CACHE.write();
        *cache = compute(*cache ^ done, vary(steps.cache, job));
    }
    if job % 3 == 0 {
        let mut pool = POOL.lock();
        *pool = compute(*pool ^ done, vary(steps.pool, job));
    }
    done ^= compute(done, 8_000);
    {
        let mut stats = STATS.lock();
        *stats = compute(*stats ^ done, vary(steps.stats, job));
    }
    if job % 16 == 0 {
        let mut log = LOG.lock();
        *log = compute(*log ^ done, vary(steps.log, job));
    }
    black_box(done);
    true
}

/// A number of steps that depends on the job: a quarter to ten times as many, with about the same
/// average.
fn vary(steps: u64, job: u64) -> u64 {
    const QUARTERS: [u64; 20] = [1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 40];
    let hash = job.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let quarters = QUARTERS[hash as usize % QUARTERS.len()];
    steps * quarters / 4
}

/// Keeps the processor busy for this many steps of about a nanosecond.
pub(crate) fn compute(seed: u64, steps: u64) -> u64 {
    let mut value = seed | 1;
    for _ in 0..steps {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
    }
    black_box(value)
}
