//! A connection pool. A session holds a guard as long as it uses its connection. A worker has
//! dozens of sessions open, and counts each query in statistics that all workers share.

use crate::Setting;
use nexus_lockprof_benches::truth::locks::Mutex;
use nexus_lockprof_benches::truth::{compute, crew};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::Duration;

const WORKERS: usize = 4;
const CONNECTIONS: usize = 240;
/// The maximum number of open sessions of a worker.
const OPEN: usize = 50;

#[derive(Default)]
struct Connection {
    queries: u64,
}

#[derive(Default)]
struct Statistics {
    queries: u64,
    slowest: u64,
}

static STATISTICS: Mutex<Statistics> = Mutex::named(
    "statistics",
    Statistics {
        queries: 0,
        slowest: 0,
    },
);
/// The connections that broke.
static BROKEN: Mutex<Vec<usize>> = Mutex::named("broken", Vec::new());

pub(crate) fn run(setting: &Setting) {
    let pool: Vec<Mutex<Connection>> = (0..CONNECTIONS)
        .map(|_| Mutex::named("connection", Connection::default()))
        .collect();
    crew(WORKERS, setting.length, |number, stop| {
        let mut rng = setting.rng(number);
        let mut open = VecDeque::new();
        while !stop.load(Relaxed) {
            if open.len() == OPEN {
                open.pop_front();
            }
            let first = rng.usize(0..CONNECTIONS);
            let free =
                (0..CONNECTIONS).find_map(|step| pool[(first + step) % CONNECTIONS].try_lock());
            let Some(mut connection) = free else {
                continue;
            };
            for _ in 0..rng.u32(1..30) {
                connection.queries += 1;
                query(&mut rng);
            }
            open.push_back(connection);
            migrate(&pool, &mut rng);
        }
    });
}

/// Queries the database, which is slow now and then.
fn query(rng: &mut fastrand::Rng) {
    let steps = rng.u64(500..5_000);
    compute(steps);
    if rng.u32(0..20) == 0 {
        sleep(Duration::from_micros(rng.u64(200..2_000)));
    }
    let mut statistics = STATISTICS.lock();
    statistics.queries += 1;
    statistics.slowest = statistics.slowest.max(steps);
    compute(statistics.queries % 1_000);
}

/// Sometimes a connection breaks, and is recreated while all others wait.
fn migrate(pool: &[Mutex<Connection>], rng: &mut fastrand::Rng) {
    let mut broken = BROKEN.lock();
    let which = rng.usize(0..pool.len());
    if !broken.contains(&which) {
        broken.push(which);
    }
    compute(rng.u64(100..1_000));
    if broken.len() == 100 {
        sleep(Duration::from_millis(rng.u64(2..20)));
        broken.clear();
    }
}
