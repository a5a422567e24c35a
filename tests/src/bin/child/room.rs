//! Full tables: late events are still recorded, and nothing is lost.
//!
//! Lock classes belong to the process, so each of these tests has its own process.

use nexus_lockprof::{Config, Mode, Mutex, Profiled, Snapshot, snapshot};
use std::sync::Barrier;
use std::thread;

/// Enough to use up all class numbers.
const NAMES: usize = 135_000;
/// Acquisitions of the hot lock, by each of two threads.
const HOT: u64 = 20_000;

type RawMutex = Profiled<parking_lot::RawMutex>;

pub(crate) fn main(part: &str) {
    match part {
        "late hot lock" => late_hot_lock(),
        "classes" => classes(),
        "ended threads" => ended_threads(true),
        "ended threads, never collected" => ended_threads(false),
        "one thread after the other" => one_after_the_other(),
        _ => panic!("no such part: {part:?}"),
    }
}

fn configure(config: Config) {
    assert_eq!(nexus_lockprof::configure(config), Ok(()));
}

fn leak(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

fn acquisitions(snapshot: &Snapshot, is_counted: impl Fn(&str) -> bool) -> u64 {
    let points = snapshot.points().iter();
    let points = points.filter(|point| is_counted(&point.lock.name()));
    points.map(|point| point.acquisitions).sum()
}

/// All acquisitions; asserts that nothing was lost.
fn all_acquisitions(snapshot: &Snapshot) -> u64 {
    assert!(snapshot.losses().is_empty(), "{:?}", snapshot.losses());
    acquisitions(snapshot, |_| true)
}

/// A long-lived thread has used a name for each request; then other threads use one lock.
fn late_hot_lock() {
    static LOCK: Mutex<u64> = Mutex::named("hot", 0);
    configure(Config::default().mode(Mode::Counts));
    let take = |from: usize| {
        for number in from..from + NAMES / 2 {
            *Mutex::named(leak(format!("request-{number}")), 0).lock() += 1;
        }
    };
    take(0);
    let before = resident_kib();
    take(NAMES / 2);
    if let (Some(before), Some(after)) = (before, resident_kib()) {
        // Names, at 32 bytes each, and their numbers, but not their records.
        assert!(after < before + 16_384, "{before} KiB, then {after}");
    }
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..HOT).for_each(|_| *LOCK.lock() += 1));
        }
    });
    let snapshot = snapshot();
    assert_eq!(acquisitions(&snapshot, |name| name == "hot"), 2 * HOT);
    assert_eq!(all_acquisitions(&snapshot), NAMES as u64 + 2 * HOT);
    let table = snapshot.table();
    assert!(table.records <= 4_096 + 2, "{table:?}");
    let points = snapshot.points().len();
    assert!(points <= 4_096 + 65_536 / 4 + 3, "{points} points");
}

/// All classes stay in use until there are no more numbers; then new ones arrive.
fn classes() {
    let caps = Config::default().max_points(1 << 20).max_records(1 << 20);
    configure(caps.mode(Mode::Counts));
    for number in 0..NAMES {
        let lock = Mutex::named(leak(format!("class-{number}")), 0);
        for _ in 0..2 {
            *lock.lock() += 1;
        }
    }
    let full = snapshot();
    assert_eq!(all_acquisitions(&full), 2 * NAMES as u64);
    let named = full.points().iter().filter(|point| !point.lock.is_rest());
    assert!(named.clone().all(|point| point.acquisitions == 2));
    // Half of the numbers can be reused, but some of them find no place.
    assert!(named.count() > 60_000);
    assert!(acquisitions(&full, |name| name == "(rest)") > 0);

    let important = Mutex::named("important", 0);
    let raw = Profiled::from_raw(lock_api::RawMutex::INIT);
    let anonymous = lock_api::Mutex::<RawMutex, u64>::from_raw(raw, 0);
    for _ in 0..1000 {
        *important.lock() += 1;
        *anonymous.lock() += 1;
    }
    let later = snapshot();
    assert_eq!(acquisitions(&later, |name| name == "?"), 1000);
    assert_eq!(all_acquisitions(&later), 2 * NAMES as u64 + 2000);
    // Under its name, or in the rest.
    let found = acquisitions(&later, |name| name == "important" || name == "(rest)");
    assert!(found >= 1000);
    let since = later
        .since(&full)
        .map(|interval| all_acquisitions(&interval));
    assert_eq!(since, Ok(2000));
}

/// `threads` simultaneous threads with `points` points each.
fn phase(name: &str, threads: usize, points: usize) {
    let locks: Vec<_> = (0..points)
        .map(|number| Mutex::named(leak(format!("{name}-{number}")), 0))
        .collect();
    let all_here = Barrier::new(threads);
    thread::scope(|scope| {
        let members: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    locks.iter().for_each(|lock| *lock.lock() += 1);
                    all_here.wait();
                })
            })
            .collect();
        for member in members {
            assert!(member.join().is_ok());
        }
    });
}

/// Ended threads have used up all records. Others get records even without a collection.
fn ended_threads(collected: bool) {
    const RECORDS: usize = 2048;
    // All phases together have fewer than are kept for ended threads.
    const POINTS: usize = 100;
    configure(Config::default().mode(Mode::Exact).max_records(RECORDS));
    let mut all = 0;
    let mut phase = |name: &str, threads: usize, points: usize| {
        all += (threads * points) as u64;
        phase(name, threads, points);
        if collected {
            let snapshot = snapshot();
            let of_phase = acquisitions(&snapshot, |lock| lock.starts_with(name));
            if threads * points < RECORDS {
                assert_eq!(of_phase, (threads * points) as u64, "{name}");
            }
            assert_eq!(all_acquisitions(&snapshot), all);
            assert_eq!(snapshot.table().records, 0, "they have ended");
        }
    };
    phase("many", 40, 70);
    // If several threads run out of records at once, they cannot all wait for the one that finds
    // some.
    let threads = if collected { 10 } else { 1 };
    for name in ["later", "again", "and again"] {
        phase(name, threads, POINTS / threads);
    }
    let snapshot = snapshot();
    for name in ["later", "again", "and again"] {
        let of_phase = acquisitions(&snapshot, |lock| lock.starts_with(name));
        assert_eq!(of_phase, POINTS as u64, "{name}");
    }
    assert_eq!(all_acquisitions(&snapshot), all);
    let holds: u64 = snapshot
        .points()
        .iter()
        .map(|point| point.hold.samples)
        .sum();
    assert_eq!(holds, all);
}

/// Each thread has the same shard, and its own points.
fn one_after_the_other() {
    configure(Config::default().mode(Mode::Counts));
    const POINTS: u64 = 1000;
    for thread in 0..20 {
        let work = move || {
            for number in 0..POINTS {
                *Mutex::named(leak(format!("{thread}-{number}")), 0).lock() += 1;
            }
        };
        assert!(thread::spawn(work).join().is_ok());
    }
    let snapshot = snapshot();
    assert_eq!(all_acquisitions(&snapshot), 20 * POINTS);
    let last = acquisitions(&snapshot, |lock| lock.starts_with("19-"));
    assert_eq!(last, POINTS);
    assert_eq!((snapshot.table().records, snapshot.table().shards), (0, 1));
}

/// What `/proc` says, if there is one.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
