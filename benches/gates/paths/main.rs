//! Executes every path in every mode for an observing tool: callgrind in `ci/gate-instructions.sh`.
//!
//! Prints one line per measured call, in order: `MODE PATH SIDE OPERATIONS`. The tool finds the
//! calls by [`lockprof_measured`]. With `--sizes` it prints the size of each lock type instead.

use std::io::{self, Write};
use std::process::ExitCode;

use nexus_lockprof_benches::modes::{self, MODES};
use nexus_lockprof_benches::paths::{self, Path};

/// Operations of a measured call: enough for a steady mean of random events.
const OPERATIONS: u64 = 50_000;

/// Operations before it: past the first use of each place, and past what sampling treats as rare.
const WARM_UP: u64 = 5_000;

/// Rounds before it at least, where an operation has many places: past the moves in the thread's
/// cache.
const WARM_UP_ROUNDS: u64 = 200;

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        None => run(),
        Some("--sizes") => sizes(),
        Some(_) => Err("usage: gate-paths [--sizes]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gate-paths: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut calls = Vec::new();
    // Allocates everything that a point needs. In other modes, chance decides which acquisition is
    // the fifth timed one.
    if MODES.contains(&"exact") {
        modes::switch_to("exact")?;
        paths::counted().for_each(|path| warm_up(path, path.ours));
    }
    for mode in MODES {
        modes::switch_to(mode)?;
        // How many of many points' acquisitions are timed, and when their reservoirs grow, depends
        // on the machine's speed.
        let is_steady = |path: &&Path| path.operations == 1 || ["off", "counts"].contains(mode);
        for path in paths::counted().filter(is_steady) {
            for (side, function) in [("bare", path.bare), ("ours", path.ours)] {
                warm_up(path, function);
                let rounds = OPERATIONS / path.operations;
                lockprof_measured(function, rounds);
                let operations = rounds * path.operations;
                calls.push(format!("{mode}\t{}\t{side}\t{operations}", path.name));
            }
        }
    }
    print(&calls)
}

/// What callgrind counts. One function for all paths, because callgrind takes one name and
/// mishandles a pattern.
#[unsafe(no_mangle)] // the only function of this name: the prefix is this workspace's
#[inline(never)]
fn lockprof_measured(function: fn(u64), rounds: u64) {
    function(rounds);
}

fn warm_up(path: &Path, function: fn(u64)) {
    function((WARM_UP / path.operations).max(WARM_UP_ROUNDS));
}

fn sizes() -> Result<(), String> {
    let lines: Vec<_> = [paths::sizes(), paths::std_sizes()]
        .iter()
        .flatten()
        .map(|(name, ours, bare)| format!("{name}\t{ours}\t{bare}"))
        .collect();
    print(&lines)
}

fn print(lines: &[String]) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", lines.join("\n")).map_err(|error| error.to_string())
}
