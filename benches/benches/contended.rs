//! Throughput of a contended mutex, ours against the bare one: by number of threads, length of the
//! hold, and gap until a thread wants it again.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench contended -- [--threads 2,4] [--hold 20,200] [--gap 20] [--mode counts] [--rounds 41]
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use nexus_lockprof_benches::modes;
use nexus_lockprof_benches::results::{self, Args, verdict};
use nexus_lockprof_benches::threads::{ratio, spin, take_turns, turn_ns};
use serde_json::json;

/// Shares of the bare lock's throughput: the geometric mean over the cells, and the worst cell.
const MEAN: f64 = 0.97;
const WORST: f64 = 0.90;

#[repr(align(128))]
struct Alone<L>(L);

static BARE: Alone<parking_lot::Mutex<u64>> = Alone(parking_lot::Mutex::new(0));
static AGAIN: Alone<parking_lot::Mutex<u64>> = Alone(parking_lot::Mutex::new(0));
static OURS: Alone<nexus_lockprof::Mutex<u64>> = Alone(nexus_lockprof::Mutex::new(0));

macro_rules! side {
    ($lock:expr, $hold:expr, $gap:expr) => {
        &|_: usize, stop: &AtomicBool| {
            let mut operations = 0;
            while !stop.load(Relaxed) {
                let mut it = $lock.0.lock();
                *it += 1;
                spin($hold);
                drop(it);
                spin($gap);
                operations += 1;
            }
            operations
        }
    };
}

fn main() -> ExitCode {
    let known = ["--threads", "--hold", "--gap", "--mode", "--rounds"];
    results::main("contended", &known, run)
}

fn run(args: &Args) -> Result<(), String> {
    let smoke = [20];
    let lengths: &[u64] = if args.smoke { &smoke } else { &[20, 200, 2000] };
    let (holds, gaps) = (
        args.numbers("--hold", lengths)?,
        args.numbers("--gap", lengths)?,
    );
    let mode = args.text("--mode", "sampled");
    let rounds = args.numbers("--rounds", &[if args.smoke { 2 } else { 41 }])?[0] as usize;
    modes::switch_to(mode)?;

    let turn = turn_ns();
    let turns = |ns: u64| (ns as f64 / turn).round() as u64;
    println!(
        "{}. One turn of the busy loops: {turn:.2} ns. Mode: {mode}. Throughput of ours over the bare lock's (in brackets: bare over bare).\n",
        results::processor()
    );
    let (mut rows, mut ratios) = (Vec::new(), Vec::new());
    for threads in args.numbers("--threads", &[2, 4, 8])? {
        let mut table = format!("| {threads} threads: hold | {} |\n|", columns(&gaps));
        let _ = writeln!(table, " --- |{}", " ---: |".repeat(gaps.len())); // to a String
        for &hold in &holds {
            let _ = write!(table, "| {hold} ns |");
            for &gap in &gaps {
                let (held, pause) = (turns(hold), turns(gap));
                // Threads that share a processor need several scheduler turns in a round.
                let round = Duration::from_millis(if args.smoke { 1 } else { 4 * threads });
                let rates = take_turns(
                    threads as usize,
                    rounds,
                    round,
                    &[
                        side!(BARE, held, pause),
                        side!(OURS, held, pause),
                        side!(AGAIN, held, pause),
                    ],
                );
                let (ours, noise) = (ratio(&rates[1], &rates[0]), ratio(&rates[2], &rates[0]));
                ratios.push(ours);
                let _ = write!(table, " {ours:.3} ({noise:.3}) |");
                rows.push(json!({"bench": "contended", "mode": mode, "threads": threads, "hold_ns": hold, "gap_ns": gap, "ratio": ours, "noise": noise}));
            }
            table.push('\n');
        }
        println!("{table}");
    }
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let worst = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "Geometric mean {mean:.3} (target {MEAN}: {}), worst cell {worst:.3} (target {WORST}: {}).",
        verdict(mean >= MEAN),
        verdict(worst >= WORST)
    );
    rows.push(json!({"bench": "contended-summary", "mode": mode, "mean": mean, "worst": worst}));
    args.save(&rows)
}

fn columns(gaps: &[u64]) -> String {
    let columns: Vec<_> = gaps.iter().map(|gap| format!("gap {gap} ns")).collect();
    columns.join(" | ")
}
