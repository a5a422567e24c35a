//! The profiler's memory: per lock, per point in a thread, and whether it grows.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench memory
//! ```
//!
//! Each figure comes from its own process, which this program starts.

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use nexus_lockprof::{Config, Mode, Mutex, ReentrantMutex, RwLock};
use nexus_lockprof_benches::memory::resident_kib;
use nexus_lockprof_benches::results::{self, Args, verdict};
use serde_json::json;

static HEAP: AtomicI64 = AtomicI64::new(0);

struct Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller upholds this function's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HEAP.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: the caller upholds this function's contract.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LOCKS: usize = 2_000;
const ONCE_KIB: i64 = 1_024;
const POINT: i64 = 4_096;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [role, case, size] = args.as_slice()
        && role == "case"
    {
        println!("{}", measure(case, size == "smoke"));
        return ExitCode::SUCCESS;
    }
    results::main("memory", &[], run)
}

fn run(args: &Args) -> Result<(), String> {
    println!("| lock | bare bytes | ours |\n| --- | ---: | ---: |");
    let mut rows = Vec::new();
    for (lock, bare, ours) in [
        (
            "Mutex<()>",
            size_of::<parking_lot::Mutex<()>>(),
            size_of::<Mutex<()>>(),
        ),
        (
            "RwLock<()>",
            size_of::<parking_lot::RwLock<()>>(),
            size_of::<RwLock<()>>(),
        ),
        (
            "ReentrantMutex<()>",
            size_of::<parking_lot::ReentrantMutex<()>>(),
            size_of::<ReentrantMutex<()>>(),
        ),
    ] {
        println!("| `{lock}` | {bare} | {ours} |");
        rows.push(json!({"bench": "lock-size", "lock": lock, "bare": bare, "ours": ours}));
    }
    println!("\n| what | figure | target | |\n| --- | ---: | ---: | --- |");
    for (case, what, unit, target) in [
        ("rare", "a point a thread, measured once", "bytes", None),
        (
            "full",
            "a point a thread, holds measured 1,000 times in each of two collections",
            "bytes",
            Some(POINT),
        ),
        (
            "once",
            "resident growth over 2,000 locks of one class locked once",
            "KiB",
            Some(ONCE_KIB),
        ),
        (
            "classes",
            "resident growth over 2,000 locks of 2,000 classes locked once",
            "KiB",
            None,
        ),
        (
            "steady",
            "resident growth over 30 million operations",
            "KiB",
            Some(0),
        ),
    ] {
        let figure = call(case, args.smoke)?;
        let verdict = target.map_or("", |target| verdict(figure <= target));
        let target = target.map_or(String::new(), |target| target.to_string());
        println!("| {what} | {figure} {unit} | {target} | {verdict} |");
        rows.push(json!({"bench": "memory", "what": what, "figure": figure, "unit": unit}));
    }
    args.save(&rows)
}

/// The figure of a case, measured in a new process of this program.
fn call(case: &str, smoke: bool) -> Result<i64, String> {
    let me = std::env::current_exe().map_err(|error| error.to_string())?;
    let size = if smoke { "smoke" } else { "full" };
    let output = Command::new(me)
        .args(["case", case, size])
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim()
        .parse()
        .map_err(|_| format!("{case}: {}: {said:?}", output.status))
}

fn measure(case: &str, smoke: bool) -> i64 {
    let mode = match case {
        "rare" | "full" => Mode::Exact,
        _ => Mode::DEFAULT,
    };
    nexus_lockprof::engine::Engine::global().warm_up();
    if let Err(error) = nexus_lockprof::configure(Config::default().mode(mode)) {
        panic!("{error}");
    }
    // Creates this thread's shard, and the table for the points.
    *Mutex::new(0).lock() += 1;
    // Allocates what reading the figures needs before the first figure.
    let _ = resident_kib();
    let named = |number: usize| Mutex::named(format!("lock {number}").leak(), 0_u64);
    let use_all = |locks: &[Mutex<u64>], times: usize| {
        for lock in locks {
            for _ in 0..times {
                *black_box(lock).lock() += 1;
            }
        }
    };
    match case {
        "rare" | "full" => {
            let locks: Vec<_> = (0..LOCKS).map(named).collect();
            let start = HEAP.load(Relaxed);
            if case == "rare" {
                use_all(&locks, 1);
                return (HEAP.load(Relaxed) - start) / LOCKS as i64;
            }
            use_all(&locks, 1_000);
            let filled = HEAP.load(Relaxed);
            // What the snapshot itself keeps belongs to the aggregator, not to the thread.
            drop(nexus_lockprof::snapshot());
            let snapshot = HEAP.load(Relaxed);
            use_all(&locks, 1_000);
            (filled - start + HEAP.load(Relaxed) - snapshot) / LOCKS as i64
        }
        "once" | "classes" => {
            let locks: Vec<_> = (0..LOCKS)
                .map(|number| {
                    if case == "once" {
                        Mutex::new(0)
                    } else {
                        named(number)
                    }
                })
                .collect();
            let start = resident_kib();
            use_all(&locks, 1);
            resident_kib() - start
        }
        _ => {
            let operations = if smoke { 300_000 } else { 30_000_000 };
            let lock = [Mutex::new(0_u64)];
            use_all(&lock, operations / 30);
            let start = resident_kib();
            use_all(&lock, operations);
            resident_kib() - start
        }
    }
}
