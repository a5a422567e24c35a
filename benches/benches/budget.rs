//! Whether the budget holds: what a thread says measuring cost, and what it really cost, `Sampled`
//! against `Counts`.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench budget
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use nexus_lockprof::{Config, Mode, Mutex};
use nexus_lockprof_benches::modes;
use nexus_lockprof_benches::results::{self, Args, median, verdict};
use nexus_lockprof_benches::threads::{spin, turn_ns};
use serde_json::json;

/// The most that may be spent, as a multiple of the budget.
const MOST: f64 = 1.2;
/// The allowed factor between the two accounts, either way.
const FACTOR: f64 = 1.5;

static LOCK: Mutex<u64> = Mutex::new(0);

#[inline(never)]
fn work(operations: u64, gap: u64) {
    for _ in 0..operations {
        *black_box(&LOCK).lock() += 1;
        spin(gap);
    }
}

fn configure(mode: Mode) -> Result<(), String> {
    nexus_lockprof::configure(Config::default().mode(mode)).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    results::main("budget", &[], run)
}

fn run(args: &Args) -> Result<(), String> {
    modes::switch_to("sampled")?;
    let turn = turn_ns();
    // Each round opens a new account. Reading the thread's clock takes up to 10 us on a virtual
    // machine, which would use up much of the budget of a shorter round.
    let rounds = if args.smoke { 3 } else { 31 };
    let round_ns = if args.smoke { 1e6 } else { 5e7 };
    println!(
        "| budget | acquisitions a second | one timed in | as it says | as measured | counts again | |\n| ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    );
    let mut rows = Vec::new();
    for budget in [0.005, 0.01, 0.05] {
        for gap_ns in [0.0, 200.0, 10_000.0] {
            let gap = (gap_ns / turn) as u64;
            let operations = (round_ns / (gap_ns + 5.0)).ceil() as u64;
            let time = |mode| {
                configure(mode)?;
                // Warms up the governor and the caches.
                work(operations / 4, gap);
                let before = nexus_lockprof::snapshot();
                let start = Instant::now();
                work(operations, gap);
                let ns = start.elapsed().as_nanos() as f64;
                let after = nexus_lockprof::snapshot();
                let spent = after.overhead().budgeted_ns - before.overhead().budgeted_ns;
                let timed = |s: &nexus_lockprof::Snapshot| {
                    s.points().iter().map(|p| p.hold.samples).sum::<u64>()
                };
                Ok::<_, String>((ns, spent as f64, timed(&after) - timed(&before)))
            };
            let (mut counts, mut said, mut measured, mut again) =
                (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let mut timed = 0;
            for _ in 0..rounds {
                let (bare, _, _) = time(Mode::Counts)?;
                let (ns, spent, samples) = time(Mode::Sampled { budget })?;
                let (second, _, _) = time(Mode::Counts)?;
                // The two rounds in `Counts` come before and after the other one.
                let middle = (bare + second) / 2.0;
                counts.push(middle);
                said.push(spent / ns);
                measured.push((ns - middle) / ns);
                again.push((second - bare) / bare);
                timed += samples;
            }
            let rate = operations as f64 / median(counts) * 1e9;
            let interval = (operations * rounds as u64) as f64 / timed.max(1) as f64;
            let (said, measured, again) = (median(said), median(measured), median(again));
            let held = said <= budget * MOST && measured <= budget * MOST;
            // A figure below the noise agrees with nothing.
            let agree = said > 0.0
                && measured > 0.0
                && said / measured <= FACTOR
                && measured / said <= FACTOR;
            println!(
                "| {:.1} % | {rate:.2e} | {interval:.1} | {:.2} % | {:.2} % | {:.2} % | {} |",
                budget * 100.0,
                said * 100.0,
                measured * 100.0,
                again * 100.0,
                verdict(held && agree)
            );
            rows.push(json!({"bench": "budget", "budget": budget, "rate": rate, "interval": interval, "said": said, "measured": measured, "noise": again}));
        }
    }
    args.save(&rows)
}
