//! What the locks cost compared to the bare lock (parking_lot's, std's or tokio's) in the same run:
//! the tables of `docs/performance.md`.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench overhead                         # every mode
//! cargo bench -p nexus-lockprof-benches --bench overhead --no-default-features   # feature `profile` off
//! ```
//!
//! With `-- --smoke` it only shows that it runs; the figures then mean nothing.

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::process::ExitCode;

use nexus_lockprof_benches::measure::{self, Comparison, Effort};
use nexus_lockprof_benches::modes::{self, MODES};
use nexus_lockprof_benches::paths;
use nexus_lockprof_benches::results::{self, Args};
use nexus_lockprof_benches::truth;
use serde_json::{Value, json};

fn main() -> ExitCode {
    results::main("overhead", &[], run)
}

fn run(args: &Args) -> Result<(), String> {
    let effort = if args.smoke {
        Effort::SMOKE
    } else {
        Effort::FULL
    };
    let clock_ns = clock_read(effort);
    let in_order_ns = measure::alone(effort, |n| {
        for _ in 0..n {
            black_box(truth::ticks());
        }
    });
    println!(
        "{}. One clock read: {clock_ns:.1} ns; after all earlier instructions: {in_order_ns:.1} ns\n\n\
         | lock | mode | bare ns | ours ns | ratio | bare again | target | |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
        results::processor()
    );
    let mut rows = Vec::new();
    let faces = [
        (paths::PLACED_COMMON, 1.05),
        (paths::PLACED_STD, 1.05),
        (paths::PLACED_SHIM_0_13, 1.05),
        (paths::PLACED_SHIM_0_12, 1.12),
        (paths::PLACED_TOKIO, 1.10),
    ];
    // With the feature off, only these are the bare locks.
    let faces = &faces[..if cfg!(feature = "profile") {
        faces.len()
    } else {
        2
    }];
    for (path, limit) in faces
        .iter()
        .flat_map(|(list, limit)| list.iter().map(move |path| (path, *limit)))
    {
        for mode in MODES {
            modes::switch_to(mode)?;
            let result = measure::compare(effort, &path.loops);
            let target = target(mode, limit, result.bare.median, clock_ns);
            rows.push(row(path.name, mode, result, target));
        }
    }
    args.save(&rows)
}

/// The cost of one counter reading, when readings follow each other.
fn clock_read(effort: Effort) -> f64 {
    let clock = quanta::Clock::new();
    measure::alone(effort, |n| {
        for _ in 0..n {
            black_box(black_box(&clock).raw());
        }
    })
}

/// The ratio that a mode must not exceed.
fn target(mode: &str, limit: f64, bare_ns: f64, clock_ns: f64) -> Option<f64> {
    match mode {
        "off" => Some(1.02),
        "counts" | "sampled" => Some(limit),
        // The lock and two clock reads, plus 5 %.
        "exact" => Some((bare_ns + 2.0 * clock_ns) * 1.05 / bare_ns),
        // The feature off: the gate on identical code decides, and this shows only noise.
        _ => None,
    }
}

fn row(lock: &str, mode: &str, result: Comparison, target: Option<f64>) -> Value {
    let Comparison {
        bare,
        ours,
        ratio,
        noise,
    } = result;
    let (limit, verdict) = match target {
        Some(target) => (format!("{target:.2}"), result.verdict(target)),
        None => ("1.00".into(), "see gate-off"),
    };
    println!(
        "| {lock} | {mode} | {bare} | {ours} | {ratio:.3} | {noise:.3} | {limit} | {verdict} |"
    );
    json!({"bench": "overhead", "lock": lock, "mode": mode, "bare_ns": bare.median, "ours_ns": ours.median, "ours_smallest_ns": ours.smallest, "ours_largest_ns": ours.largest, "ratio": ratio, "noise": noise, "target": target})
}
