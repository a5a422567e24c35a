//! `cargo lockprof`: builds and runs a project as it is, with every parking_lot lock in its dependency graph profiled.
//!
//! What is replaced, and how the project's own files stay as they are, is in `docs/guide/cargo-lockprof.md`.
#![forbid(unsafe_code)]

mod args;
mod cargo;
mod graph;
mod locks;
mod profiles;
mod project;
mod run;
mod runner;
mod seed;
mod shim;
mod wait;

use anyhow::Result;
use args::{Cargo, Command};
use clap::Parser;
use nexus_lockprof_snapshot::printable_lines;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Cargo::Lockprof(command) =
        match Cargo::try_parse_from(args::ours_first(std::env::args_os())) {
            Ok(cargo) => cargo,
            Err(error) => return usage(&error),
        };
    match dispatch(command) {
        Ok(code) => code,
        Err(error) => {
            say(format_args!("error: {error:#}"));
            ExitCode::from(101) // as cargo's own
        }
    }
}

fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run(options) => run::profiled("run", &options),
        Command::Build(options) => run::profiled("build", &options),
        Command::Test(options) => run::profiled("test", &options),
        Command::Bench(options) => run::profiled("bench", &options),
        Command::Vendor { args } => run::vendor(&args),
        Command::Exec { command } => runner::exec(&command),
    }
}

/// Tells the user something, on stderr. A closed stderr is no reason to stop.
fn say(message: std::fmt::Arguments<'_>) {
    tell(&format!("cargo lockprof: {message}\n"));
}

/// Writes text to stderr. Nothing in it steers the terminal, be it the name of a file or of a lock.
fn tell(text: &str) {
    let _ = write!(std::io::stderr(), "{}", printable_lines(text));
}

/// The exit code of a command line that is wrong, or asks for help. Tells what it is about.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    match error.use_stderr() {
        true => tell(&text),
        false => {
            let _ = write!(std::io::stdout(), "{}", printable_lines(&text));
        }
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
