//! After 12,000 more threads or engines, memory is the same.

use lock_api::RawMutex;
use nexus_lockprof::engine::Engine;
use nexus_lockprof::{Config, Mode, Mutex, Profiled, RwLock, Snapshot, snapshot};
use std::sync::Barrier;
use std::thread;

/// Threads alive at one time.
const ALIVE: usize = 8;

/// Threads or engines that come and go between two measurements of the resident set.
const STRETCH: usize = 1_200;
const STRETCHES: usize = 10;

/// Allowed growth of the resident set in KiB in the stretch with the smallest. A leak of 42 bytes
/// for each thread or engine exceeds it in all. What happens for the first time makes it grow in
/// some: on a busy machine, the first long wait of a shard may come late, and needs a reservoir and
/// an edge.
const SLACK_KIB: u64 = 48;

static LOCKS: [Mutex<u64>; 4] = [const { Mutex::named("mutex", 0) }; 4];
static TABLE: RwLock<u64> = RwLock::named("rwlock", 0);

pub(crate) fn main() {
    assert_eq!(
        nexus_lockprof::configure(Config::default().mode(Mode::Exact)),
        Ok(())
    );
    work();
    threads(104);
    let [few_shards, _, few_slots] = sizes(&snapshot());
    // By then, most of what can happen to these points has happened once.
    threads(3_000 - 104);
    expect_no_steady_growth(threads);
    let [shards, records, slots] = sizes(&snapshot());

    assert_eq!((shards, slots), (few_shards, few_slots), "shards, slots");
    // One for each thread that lived at the same time, and this one's.
    assert_eq!(shards, ALIVE as u64 + 1);
    // Of this thread alone: three points, plus readers as a group if it had to wait for them.
    assert!((3..=4).contains(&records), "{records} records");
    let snapshot = snapshot();
    assert!(snapshot.losses().is_empty(), "{:?}", snapshot.losses());
    assert_eq!(
        snapshot.point("mutex").map(|point| point.acquisitions),
        Some(4 * (3_000 + STRETCHES * STRETCH) as u64 + 4)
    );
}

/// A thread that uses 10,000 engines, one after the other, keeps nothing of the ended ones.
pub(crate) fn engines() {
    expect_no_steady_growth(|number| {
        for _ in 0..number {
            let raw = Profiled::named_in(Engine::new(), RawMutex::INIT, "passing");
            *lock_api::Mutex::<Profiled<parking_lot::RawMutex, Engine>, u64>::from_raw(raw, 0)
                .lock() += 1;
        }
    });
}

/// Calls `come_and_go` for one stretch after the other.
fn expect_no_steady_growth(come_and_go: impl Fn(usize)) {
    let mut resident = vec![resident_kib()];
    for _ in 0..STRETCHES {
        come_and_go(STRETCH);
        resident.push(resident_kib());
    }
    let resident: Option<Vec<u64>> = resident.into_iter().collect();
    if let Some(resident) = resident {
        let steady = resident
            .array_windows()
            .all(|[before, after]| *after > before + SLACK_KIB);
        assert!(!steady, "KiB resident after each stretch: {resident:?}");
    }
}

/// Runs that many threads in groups. All members of a group live and use locks at the same time.
fn threads(number: usize) {
    for _ in 0..number / ALIVE {
        let all_here = Barrier::new(ALIVE);
        thread::scope(|scope| {
            let member = || {
                work();
                all_here.wait();
            };
            let members = [(); ALIVE].map(|()| scope.spawn(member));
            // A scope does not wait until its threads have left their shards at their exit; this
            // does.
            for member in members {
                assert!(member.join().is_ok());
            }
        });
        let _ = snapshot();
    }
}

fn work() {
    for lock in &LOCKS {
        *lock.lock() += 1;
    }
    let sum = *TABLE.read();
    *TABLE.write() = sum + 1;
}

fn sizes(snapshot: &Snapshot) -> [u64; 3] {
    let table = snapshot.table();
    [table.shards, table.records, table.hash_size]
}

/// What `/proc` says, if there is one.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
