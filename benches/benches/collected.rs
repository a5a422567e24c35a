//! How much a thread that uses locks is slowed by another that takes a hundred snapshots a second.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench collected
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

use nexus_lockprof::Mutex;
use nexus_lockprof_benches::interval::Interval;
use nexus_lockprof_benches::modes;
use nexus_lockprof_benches::results::{self, Args};
use nexus_lockprof_benches::threads::take_turns;
use serde_json::json;

const SHARDS: usize = 64;
const POINTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(10);
/// How much a writer may lose.
const TARGET: f64 = 0.02;

static COLLECTING: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    results::main("collected", &[], run)
}

fn run(args: &Args) -> Result<(), String> {
    modes::switch_to("sampled")?;
    let (rounds, round) = if args.smoke { (2, 20) } else { (61, 100) };
    let locks: Vec<Mutex<u64>> = (0..POINTS)
        .map(|number| Mutex::named(format!("lock {number}").leak(), 0))
        .collect();
    let (used, over) = (Barrier::new(SHARDS), AtomicBool::new(false));
    let rates = std::thread::scope(|scope| {
        let mut waiting = Vec::new();
        for _ in 1..SHARDS {
            let (end, ends) = mpsc::channel::<()>();
            let (locks, used) = (&locks, &used);
            scope.spawn(move || {
                locks.iter().for_each(|lock| *lock.lock() += 1);
                used.wait();
                let _ = ends.recv(); // until `waiting` is dropped
            });
            waiting.push(end);
        }
        used.wait();
        scope.spawn(|| {
            while !over.load(Relaxed) {
                if COLLECTING.load(Relaxed) {
                    black_box(nexus_lockprof::snapshot());
                }
                std::thread::sleep(PAUSE);
            }
        });
        let write = |collecting: bool, stop: &AtomicBool| {
            COLLECTING.store(collecting, Relaxed);
            let mut operations = 0;
            while !stop.load(Relaxed) {
                for lock in locks.iter().cycle().take(1_000) {
                    *black_box(lock).lock() += 1;
                }
                operations += 1_000;
            }
            operations
        };
        let rates = take_turns(
            1,
            rounds,
            Duration::from_millis(round),
            &[
                &|_, stop: &AtomicBool| write(false, stop),
                &|_, stop: &AtomicBool| write(true, stop),
                &|_, stop: &AtomicBool| write(false, stop),
            ],
        );
        over.store(true, Relaxed);
        rates
    });
    let beside = Interval::of_median(&rates[1], &rates[0]);
    let noise = Interval::of_median(&rates[2], &rates[0]);
    println!(
        "| a writer beside 100 snapshots a second of {SHARDS} shards, {POINTS} points each, over one without | without, over itself | |\n| ---: | ---: | --- |"
    );
    println!(
        "| {beside} | {noise} | {} |",
        beside.verdict(&noise, 1.0 - TARGET)
    );
    let [beside, noise] = [beside, noise].map(|ratio| ratio.middle);
    args.save(&[json!({"bench": "collected", "beside": beside, "noise": noise})])
}
