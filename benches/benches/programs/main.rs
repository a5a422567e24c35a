//! How near the default mode comes to the truth in ordinary programs, which time each of their holds themselves.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench programs
//! cargo bench -p nexus-lockprof-benches --bench programs -- --program cache --rounds 3 --seconds 2
//! ```
//!
//! Each round is a process of its own. With `--program` or `--misses all`, what missed is listed too. `--mode exact`
//! tests the truth itself.

// Its output is what it is for.
#![allow(clippy::print_stdout)]

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

/// What a program is told.
#[derive(Clone, Copy, Debug)]
struct Setting {
    /// For how long it is to run.
    length: Duration,
    seed: u64,
}

impl Setting {
    /// The random numbers of one of its threads.
    fn rng(&self, thread: usize) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed << 32 | thread as u64)
    }
}

type Run = fn(&Setting) -> Result<(), String>;

const PROGRAMS: [(&str, Run); 7] = [
    ("job server", |setting| Ok(job_server::run(setting))),
    ("cache", |setting| Ok(cache::run(setting))),
    ("pipeline", |setting| Ok(pipeline::run(setting))),
    ("connection pool", |setting| Ok(pool::run(setting))),
    ("300 points", |setting| Ok(many_points::run(setting))),
    ("5,000 threads", |setting| Ok(short_threads::run(setting))),
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
    if args.text("--child", "") != "" {
        return child(args, length);
    }
    let rounds = one("--rounds", rounds)?;
    let only = args.text("--program", "");
    let misses = args.text("--misses", only) != "";
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
    args.save(&table::show(&results, misses))
}

/// Runs a round in a process of its own, whose profiler knows nothing yet.
fn apart(args: &Args, name: &str, round: u64) -> Result<Round, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    if args.smoke {
        command.arg("--smoke");
    }
    // What the user set for other programs is not meant.
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("LOCKPROF") {
            command.env_remove(variable);
        }
    }
    let mode = args.text("--mode", "");
    if mode != "" {
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

/// In that process: runs the program, and prints the round.
fn child(args: &Args, length: Duration) -> Result<(), String> {
    let name = args.text("--program", "");
    let seed = args.numbers("--rounds", &[1])?[0];
    let (_, program) = PROGRAMS
        .into_iter()
        .find(|&(other, _)| other == name)
        .ok_or(format!("no program {name}"))?;
    truth::start();
    // In a thread of its own: the truth is told by threads that are gone.
    let ran = std::thread::spawn(move || program(&Setting { length, seed })).join();
    ran.map_err(|_| "the program panicked".to_owned())??;
    let snapshot = nexus_lockprof::snapshot();
    let round = compare(&snapshot, &finish());
    println!("{}", serde_json::json!(round));
    Ok(())
}
