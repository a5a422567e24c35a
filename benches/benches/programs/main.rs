//! How close the default mode comes to the truth in ordinary programs, which time each of their
//! holds themselves.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench programs
//! cargo bench -p nexus-lockprof-benches --bench programs -- --program cache --rounds 3 --seconds 2
//! ```
//!
//! Each round runs in its own process. `--program` takes a prefix of a name; it also lists the
//! misses, as `--misses all` does for all programs. `--mode exact` tests the truth itself.

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod cache;
mod job_server;
mod many_points;
mod pipeline;
mod pool;
mod short_threads;
mod table;
mod tasks;

use nexus_lockprof_benches::results::{self, Args};
use nexus_lockprof_benches::truth::compare::{Round, compare};
use nexus_lockprof_benches::truth::{self, finish};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// How long a program runs, and its seed.
#[derive(Clone, Copy, Debug)]
struct Setting {
    length: Duration,
    seed: u64,
}

impl Setting {
    /// The random number generator of one thread.
    fn rng(&self, thread: usize) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed << 32 | thread as u64)
    }
}

type Run = fn(&Setting);

const PROGRAMS: [(&str, Run); 7] = [
    ("job server", job_server::run),
    ("cache", cache::run),
    ("pipeline", pipeline::run),
    ("connection pool", pool::run),
    ("300 points", many_points::run),
    ("5,000 threads", short_threads::run),
    ("async tasks", tasks::run),
];

fn main() -> ExitCode {
    let known = [
        "--program",
        "--rounds",
        "--seconds",
        "--mode",
        "--misses",
        "--child",
    ];
    results::main("programs", &known, run)
}

fn run(args: &Args) -> Result<(), String> {
    let one = |name, default| Ok::<_, String>(args.numbers(name, &[default])?[0]);
    let (rounds, length) = if args.smoke {
        (1, Duration::from_millis(200))
    } else {
        (10, Duration::from_secs(one("--seconds", 5)?))
    };
    if !args.text("--child", "").is_empty() {
        return child(args, length);
    }
    let rounds = one("--rounds", rounds)?;
    let only = args.text("--program", "");
    let misses = !args.text("--misses", only).is_empty();
    let mut results = Vec::new();
    for (name, _) in PROGRAMS {
        // "job" is enough for "job server".
        if !name.starts_with(only) {
            continue;
        }
        let rounds = (1..=rounds)
            .map(|number| apart(args, name, number))
            .collect::<Result<Vec<_>, _>>()?;
        results.push((name, rounds));
    }
    if results.is_empty() {
        let names = PROGRAMS.map(|(name, _)| name).join(", ");
        return Err(format!("no program {only}; there are {names}"));
    }
    println!("{rounds} rounds of {} s each.\n", length.as_secs_f64());
    args.save(&table::show(&results, misses))?;
    match table::miscounted(&results) {
        Some(program) => Err(format!("{program}: a count is not exact")),
        None => Ok(()),
    }
}

/// Runs a round in its own process, with a fresh profiler.
fn apart(args: &Args, name: &str, round: u64) -> Result<Round, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    if args.smoke {
        command.arg("--smoke");
    }
    // Removes the user's settings, which are for other programs.
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("LOCKPROF") {
            command.env_remove(variable);
        }
    }
    let mode = args.text("--mode", "");
    if !mode.is_empty() {
        command.env("LOCKPROF", mode);
    }
    let output = command
        .args(["--program", name, "--rounds", &round.to_string()])
        .args(["--seconds", args.text("--seconds", "5"), "--child", "yes"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{name}, round {round}: {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{name}: {error}"))
}

/// In that process: runs the program and prints the round.
fn child(args: &Args, length: Duration) -> Result<(), String> {
    let name = args.text("--program", "");
    let seed = args.numbers("--rounds", &[1])?[0];
    let (_, program) = PROGRAMS
        .into_iter()
        .find(|&(other, _)| other == name)
        .ok_or(format!("no program {name}"))?;
    truth::start();
    // In a separate thread, because the truth contains only the holds of exited threads.
    let ran = std::thread::spawn(move || program(&Setting { length, seed })).join();
    ran.map_err(|_| "the program panicked".to_owned())?;
    let snapshot = nexus_lockprof::snapshot();
    let round = compare(&snapshot, &finish());
    println!("{}", serde_json::json!(round));
    Ok(())
}
