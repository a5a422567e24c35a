//! Two threads, each with its own lock: they must not affect each other.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench private
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use nexus_lockprof_benches::modes::{self, MODES};
use nexus_lockprof_benches::placed;
use nexus_lockprof_benches::placements::{PLACEMENTS, begin_at};
use nexus_lockprof_benches::results::{self, Args, verdict_within};
use nexus_lockprof_benches::threads::{Plan, Side, by_round, ratio, take_turns_until};
use serde_json::json;

/// Share of the bare locks' throughput, in the default mode.
const TARGET: f64 = 0.97;
const THREADS: usize = 2;

#[repr(align(256))]
struct Alone<L>(L);

static BARE: [Alone<parking_lot::Mutex<u64>>; THREADS] =
    [const { Alone(parking_lot::Mutex::new(0)) }; THREADS];
static AGAIN: [Alone<parking_lot::Mutex<u64>>; THREADS] =
    [const { Alone(parking_lot::Mutex::new(0)) }; THREADS];
static OURS: [Alone<nexus_lockprof::Mutex<u64>>; THREADS] =
    [const { Alone(nexus_lockprof::Mutex::new(0)) }; THREADS];

/// The copies of a loop on these locks.
macro_rules! side {
    ($locks:expr) => {{
        #[inline(never)]
        fn copy<const OFFSET: usize>(thread: usize, stop: &AtomicBool) -> u64 {
            let lock = &$locks[thread].0;
            let mut operations = 0;
            while !stop.load(Relaxed) {
                operations += 1_000;
                begin_at::<OFFSET>();
                for _ in 0..1_000 {
                    *std::hint::black_box(lock).lock() += 1;
                }
            }
            operations
        }
        placed!(copy)
    }};
}

/// Works until the flag is set, as the thread with this number; returns its operations.
type Copy = fn(usize, &AtomicBool) -> u64;

fn main() -> ExitCode {
    results::main("private", &[], run)
}

fn run(args: &Args) -> Result<(), String> {
    let (rounds, round) = if args.smoke { (2, 1) } else { (51, 4) };
    println!(
        "{}\n\n| mode | throughput over the bare locks' | bare over bare | |\n| --- | ---: | ---: | --- |",
        results::processor()
    );
    let copies: [[Copy; PLACEMENTS]; 3] = [side!(BARE), side!(OURS), side!(AGAIN)];
    let sides: Vec<Side<'_>> = copies
        .iter()
        .flatten()
        .map(|copy| copy as Side<'_>)
        .collect();
    let mut rows = Vec::new();
    for mode in MODES {
        modes::switch_to(mode)?;
        let plan = Plan {
            threads: THREADS,
            rounds,
            round: Duration::from_millis(round),
            together: PLACEMENTS,
        };
        let rates = take_turns_until(plan, &sides, |_| false);
        let rates: Vec<Vec<f64>> = rates.chunks(PLACEMENTS).map(by_round).collect();
        let (ours, noise) = (ratio(&rates[1], &rates[0]), ratio(&rates[2], &rates[0]));
        let verdict = match *mode {
            "sampled" => verdict_within(noise, ours >= TARGET),
            _ => "",
        };
        println!("| {mode} | {ours:.3} | {noise:.3} | {verdict} |");
        rows.push(json!({"bench": "private", "mode": mode, "ratio": ours, "noise": noise}));
    }
    args.save(&rows)
}
