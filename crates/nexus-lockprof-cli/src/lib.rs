//! What the program `lockprof` is made of: [`main`] is all of it, and [`target`] where it gets snapshots from.
//!
//! It is a library for its tests' sake, and no interface for other programs: those have `nexus-lockprof-snapshot` and
//! `nexus-lockprof-export`.
#![forbid(unsafe_code)]

mod command;
mod command_line;
mod diff;
mod exit;
mod files;
mod number;
mod output;
mod progress;
mod select;
mod shown;
mod size;
pub mod target;
mod terminal;
mod top;
#[cfg(target_os = "linux")]
mod waits;

use clap::Parser;
use std::process::ExitCode;

/// Runs the program with this process's arguments. What it returns says how that went: see [`EXIT_CODES`].
#[must_use]
pub fn main() -> ExitCode {
    match command_line::Lockprof::try_parse() {
        Ok(cli) => exit::code(cli.color, command::run(cli.command, cli.color)),
        Err(error) => exit::usage(&error),
    }
}

/// The exit codes, as `lockprof --help` lists them.
pub const EXIT_CODES: &str = exit::CODES;
