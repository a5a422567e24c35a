//! Everything a program may do to its profiler, at random and at once, checked against the
//! program's own count.
//!
//! `chaos [SECONDS [SEED]]` plays rounds, each in its own process with its own seed, from SEED on.
//! `chaos --round SEED` replays one of them. `--faults` lists additional faults ([`Faults`]). A
//! round ends with a comparison by lock and mode: recorded plus lost events must equal the actual
//! ones. A hanging thread or child fails too, and so does a percentile out of order. Each failure
//! prints its seed and what the threads did last.

mod actors;
mod children;
#[cfg(feature = "serve")]
mod endpoint;
mod faces;
mod faults;
mod plan;
mod round;
mod truth;
mod watchdog;

use plan::{Faults, Plan};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The usage.
const USAGE: &str = "usage: chaos [--faults LIST] [SECONDS [SEED]] | chaos [--faults LIST] --round SEED [TIMES-AS-LONG]";

#[allow(clippy::print_stdout, reason = "what it is for")]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut list = String::new();
    if let ["--faults", given, ..] = args[..] {
        list = given.to_owned();
        args.drain(..2);
    }
    let faults = match Faults::parse(&list) {
        Ok(faults) => faults,
        Err(error) => return usage(&error),
    };
    let mut numbers = Vec::new();
    let command = args.first().filter(|arg| arg.starts_with("--")).copied();
    for text in args.iter().skip(usize::from(command.is_some())) {
        match text.parse::<u64>() {
            Ok(number) => numbers.push(number),
            Err(error) => return usage(&format!("{text}: {error}")),
        }
    }
    match (command, &numbers[..]) {
        (Some("--round"), &[seed] | &[seed, _]) => {
            let mut plan = Plan::of(seed, faults);
            plan.length *= numbers.get(1).map_or(1, |&times| times as u32);
            println!("{plan}");
            println!("{} events", round::play(&plan));
            ExitCode::SUCCESS
        }
        (Some("--victim"), &[seed]) => std::process::exit(faults::be_a_victim(seed, None)),
        (Some("--victim"), &[seed, largest]) => {
            std::process::exit(faults::be_a_victim(seed, Some(largest)))
        }
        (None, []) => rounds(120, 1, &list),
        (None, &[seconds]) => rounds(seconds, 1, &list),
        (None, &[seconds, seed]) => rounds(seconds, seed, &list),
        _ => usage(&format!("no such arguments: {args:?}")),
    }
}

fn usage(error: &str) -> ExitCode {
    eprintln!("{error}\n{USAGE}");
    ExitCode::from(2)
}

/// Plays rounds for this long, and stops at the first failure.
#[allow(clippy::print_stdout, reason = "what it is for")]
fn rounds(seconds: u64, first: u64, faults: &str) -> ExitCode {
    let begin = Instant::now();
    let mut seed = first;
    while begin.elapsed() < Duration::from_secs(seconds) {
        let mut command = Command::new(std::env::current_exe().unwrap_or_default());
        command
            .args(["--faults", faults, "--round", &seed.to_string()])
            .stdin(Stdio::null())
            // Nobody wants the stacks of intended panics.
            .env("RUST_BACKTRACE", "0");
        for name in ["", "_BUDGET", "_EVERY", "_OUT", "_SERVE", "_STACKS"] {
            command.env_remove(format!("LOCKPROF{name}"));
        }
        let ended = match command.status() {
            Ok(status) if status.success() => None,
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(ended) = ended {
            eprintln!("the round of seed {seed}: {ended}; to repeat it: ci/chaos.sh 0 {seed}");
            return ExitCode::FAILURE;
        }
        seed += 1;
    }
    println!("seeds {first} to {}: nothing missing", seed - 1);
    ExitCode::SUCCESS
}
