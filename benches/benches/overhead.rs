//! What the locks cost, next to the bare lock in the same run: the tables of `docs/performance.md`.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench overhead                         # every mode
//! cargo bench -p nexus-lockprof-benches --bench overhead --no-default-features   # feature `profile` off
//! ```
//!
//! With `-- --smoke` it only shows that it runs; its figures then mean nothing.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::process::ExitCode;

use nexus_lockprof_benches::measure::{self, Comparison, Effort};
use nexus_lockprof_benches::modes::{self, MODES};
use nexus_lockprof_benches::paths;

/// The row of the bare lock against another bare lock: how far from 1 a ratio is for no reason.
const NOISE: &str = "bare again";

fn main() -> ExitCode {
    match parse().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overhead: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Effort, String> {
    let mut effort = Effort::FULL;
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--bench" => {} // cargo says so to every bench
            "--smoke" => effort = Effort::SMOKE,
            other => return Err(format!("unknown argument {other}; there is --smoke")),
        }
    }
    Ok(effort)
}

fn run(effort: Effort) -> Result<(), String> {
    let clock_ns = clock_read(effort);
    let mut out = format!(
        "One clock read: {clock_ns:.1} ns\n\n\
         | lock | mode | bare ns | ours ns | ratio | target | |\n\
         | --- | --- | ---: | ---: | ---: | ---: | --- |\n"
    );
    for path in paths::COMMON {
        // For each path, and not once for all: noise depends on the code, and on the minute.
        row(
            &mut out,
            path.name,
            NOISE,
            measure::compare(effort, path.bare, path.again),
            None,
        );
        for mode in MODES {
            modes::switch_to(mode)?;
            let result = measure::compare(effort, path.bare, path.ours);
            row(
                &mut out,
                path.name,
                mode,
                result,
                target(mode, result.bare_ns, clock_ns),
            );
        }
    }
    io::stdout()
        .write_all(out.as_bytes())
        .map_err(|error| error.to_string())
}

/// What one reading of the counter takes, when readings follow each other.
fn clock_read(effort: Effort) -> f64 {
    let clock = quanta::Clock::new();
    measure::alone(effort, |n| {
        for _ in 0..n {
            black_box(black_box(&clock).raw());
        }
    })
}

/// The ratio that a mode has to keep.
fn target(mode: &str, bare_ns: f64, clock_ns: f64) -> Option<f64> {
    match mode {
        "off" => Some(1.05),
        "counts" => Some(1.10),
        "sampled" => Some(1.12),
        // The lock and two clock reads, and 15 % on top of them.
        "exact" => Some((bare_ns + 2.0 * clock_ns) * 1.15 / bare_ns),
        // The feature off: the gate on identical code decides, and what is seen here is noise.
        _ => None,
    }
}

fn row(out: &mut String, lock: &str, mode: &str, result: Comparison, target: Option<f64>) {
    let Comparison {
        bare_ns,
        ours_ns,
        ratio,
    } = result;
    let (target, verdict) = match target {
        Some(target) if ratio <= target => (format!("{target:.2}"), "PASS"),
        Some(target) => (format!("{target:.2}"), "over"),
        None if mode == NOISE => ("".into(), "noise"),
        None => ("1.00".into(), "see gate-off"),
    };
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "| {lock} | {mode} | {bare_ns:.2} | {ours_ns:.2} | {ratio:.3} | {target} | {verdict} |"
    );
}
