//! A program in which every allocation takes a profiled lock, including the profiler's own.
//!
//! What the profiler allocates while it records is not recorded. It counts as lost (`reentrant`).

use nexus_lockprof::engine::Global;
use nexus_lockprof::{Mode, Mutex, Profiled, Snapshot};
use nexus_lockprof_tests::spin::Spin;
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// With parking_lot's lock: used by the main thread alone. parking_lot itself allocates when
/// threads wait, so it cannot guard the global allocator against several threads.
static PARKING: Mutex<()> = Mutex::named("allocator", ());
/// With a lock that allocates nothing: used by several threads at once, with contention.
static SPINNING: lock_api::Mutex<Profiled<Spin, Global>, ()> =
    lock_api::Mutex::from_raw(Profiled::named("spinning allocator"), ());

/// Off while the figures are compared.
static LOCKED: AtomicBool = AtomicBool::new(true);
static SEVERAL: AtomicBool = AtomicBool::new(false);
static BY_PARKING: AtomicU64 = AtomicU64::new(0);
static BY_SPINNING: AtomicU64 = AtomicU64::new(0);

struct Locked;

fn under_lock<T>(system: impl FnOnce() -> T) -> T {
    if !LOCKED.load(Relaxed) {
        return system();
    }
    if SEVERAL.load(Relaxed) {
        BY_SPINNING.fetch_add(1, Relaxed);
        let _guard = SPINNING.lock();
        return system();
    }
    BY_PARKING.fetch_add(1, Relaxed);
    let _guard = PARKING.lock();
    system()
}

// SAFETY: the system's allocator, under a lock.
unsafe impl GlobalAlloc for Locked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds this function's contract.
        under_lock(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds this function's contract.
        under_lock(|| unsafe { System.dealloc(pointer, layout) });
    }
}

#[global_allocator]
static ALLOCATOR: Locked = Locked;

fn main() {
    let modes = [Mode::Counts, Mode::DEFAULT, Mode::Exact];
    let mode = match std::env::args().nth(1).as_deref() {
        // The program does not configure; the process's first allocation already read the
        // environment.
        None => None,
        Some(number) => number
            .parse()
            .ok()
            .and_then(|n: usize| modes.get(n).copied()),
    };
    if let Some(mode) = mode {
        assert_eq!(
            nexus_lockprof::configure(nexus_lockprof::config().mode(mode)),
            Ok(())
        );
    }
    churn();
    // Collecting allocates too, with the profiler's own lock held.
    let _ = nexus_lockprof::snapshot();
    churn();

    LOCKED.store(false, Relaxed);
    let alone = check();
    if mode == Some(Mode::Counts) {
        // An untimed, uncontended acquisition is either counted or lost, never in part.
        assert_eq!(alone.counted + alone.lost, alone.taken);
    }

    SEVERAL.store(true, Relaxed);
    LOCKED.store(true, Relaxed);
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(churn)).collect();
    for thread in threads {
        assert!(thread.join().is_ok());
    }
    for _ in 0..100 {
        assert!(std::thread::spawn(churn_a_little).join().is_ok());
    }
    LOCKED.store(false, Relaxed);
    check();
}

#[derive(Debug)]
struct Figures {
    /// The program's count.
    taken: u64,
    /// The profiler's count.
    counted: u64,
    lost: u64,
}

/// Nothing may be counted that did not happen, and what is missing must be counted as lost.
fn check() -> Figures {
    let snapshot = nexus_lockprof::snapshot();
    let figures = Figures {
        taken: BY_PARKING.load(Relaxed) + BY_SPINNING.load(Relaxed),
        counted: acquisitions(&snapshot, "allocator")
            + acquisitions(&snapshot, "spinning allocator"),
        lost: snapshot.losses().total(),
    };
    let Figures {
        taken,
        counted,
        lost,
    } = figures;
    assert!(counted <= taken && counted + lost >= taken, "{figures:?}");
    // The profiler's own acquisitions are few; all others are recorded.
    assert!(lost * 20 < taken, "{figures:?}: {:?}", snapshot.losses());
    figures
}

fn churn() {
    for size in 0..2000 {
        drop(black_box(vec![0_u8; size % 100 + 1]));
    }
}

fn churn_a_little() {
    drop(black_box(vec![0_u8; 10]));
}

fn acquisitions(snapshot: &Snapshot, lock: &str) -> u64 {
    snapshot
        .points_of(lock)
        .map(|point| point.acquisitions)
        .sum()
}
