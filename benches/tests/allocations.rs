//! After the first acquisition at a point, acquiring there allocates nothing, in any mode.
//!
//! This is a separate program because of its counting allocator.

#![cfg(feature = "profile")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use nexus_lockprof::{FairMutex, Mutex, RecursiveRwLock, ReentrantMutex, RwLock};
use nexus_lockprof_benches::modes::{self, MODES};

/// Counts the calling thread's allocations, because the harness has threads too.
struct Counting;

thread_local! {
    // A constant without a destructor: reading it allocates nothing.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn allocations() -> u64 {
    ALLOCATIONS.get()
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: forwards everything to the system allocator, with the caller's arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller upholds this function's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller upholds this function's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller upholds this function's contract.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ACQUISITIONS: u64 = 100_000;

/// In these a point gets its record, and its reservoir at the fifth timed one.
const FIRST: u64 = 20_000;

/// The allocations of the [`FIRST`] acquisitions at a point, and of the [`ACQUISITIONS`] after
/// them, in a mode.
///
/// In mode sampled, chance decides when a point is timed for the fifth time. On a busy machine that
/// may take thousands of acquisitions. So the first half of the first ones are all timed.
fn count_in(mode: &str, mut acquire: impl FnMut()) -> (u64, u64) {
    let switch_to = |mode| assert_eq!(modes::switch_to(mode), Ok(()));
    let before = allocations();
    if mode == "sampled" {
        switch_to("exact");
    }
    (0..FIRST / 2).for_each(|_| acquire());
    switch_to(mode);
    (0..FIRST / 2).for_each(|_| acquire());
    let first = allocations() - before;
    for _ in 0..ACQUISITIONS {
        acquire();
    }
    (first, allocations() - before - first)
}

/// Every kind of acquisition. The locks are named after the mode, so that each mode has its own
/// points. A point from another mode might already have its record, and get its reservoir only with
/// the first timed acquisition.
fn all_kinds(mode: &'static str) -> Vec<(&'static str, (u64, u64))> {
    let mutex = Mutex::named(mode, 0_u64);
    let fair = FairMutex::named(mode, 0_u64);
    let reentrant = ReentrantMutex::named(mode, Cell::new(0_u64));
    let rwlock = RwLock::named(mode, 0_u64);
    let recursive = RecursiveRwLock::named(mode, 0_u64);
    let count_at = |acquire: &mut dyn FnMut()| count_in(mode, acquire);
    vec![
        ("Mutex::lock", count_at(&mut || *mutex.lock() += 1)),
        ("Mutex::try_lock", count_at(&mut || drop(mutex.try_lock()))),
        ("FairMutex::lock", count_at(&mut || *fair.lock() += 1)),
        (
            "ReentrantMutex::lock",
            count_at(&mut || reentrant.lock().update(|x| x + 1)),
        ),
        ("RwLock::read", count_at(&mut || drop(rwlock.read()))),
        ("RwLock::write", count_at(&mut || *rwlock.write() += 1)),
        (
            "RwLock::upgradable_read",
            count_at(&mut || drop(rwlock.upgradable_read())),
        ),
        (
            "RecursiveRwLock::read",
            count_at(&mut || drop(recursive.read())),
        ),
        (
            "RecursiveRwLock::write",
            count_at(&mut || *recursive.write() += 1),
        ),
    ]
}

#[test]
fn nothing_is_allocated_after_the_first_acquisitions_at_a_point() {
    // Twice: the second time every point is known, and the mode has changed in between.
    for mode in MODES.iter().chain(MODES) {
        modes::switch_to(mode).unwrap();
        // In a separate thread: it may be new to the profiler, or take over what the last one left.
        let counts = std::thread::spawn(|| all_kinds(mode)).join().unwrap();
        for (kind, (_, later)) in counts {
            assert_eq!(
                later, 0,
                "{mode}: {kind}, in {ACQUISITIONS} acquisitions after the first"
            );
        }
    }
    // All of it was recorded: an engine that gave up would not allocate either.
    let acquired: u64 = nexus_lockprof::snapshot()
        .points()
        .iter()
        .map(|point| point.acquisitions)
        .sum();
    assert_eq!(acquired, 2 * 3 * 9 * (ACQUISITIONS + FIRST));
}

#[test]
fn the_allocator_counts() {
    let before = allocations();
    (0..FIRST).for_each(|_| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(allocations() - before, FIRST);
}
