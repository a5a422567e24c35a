//! The implementation of the program `lockprof`: [`main`] runs it, and [`target`] gets its
//! snapshots.
//!
//! It is a library only for its tests. Other programs should use `nexus-lockprof-snapshot` and
//! `nexus-lockprof-export`.
#![forbid(unsafe_code)]

mod command;
mod command_line;
mod diff;
mod exit;
mod files;
mod output;
mod progress;
mod select;
mod shown;
mod size;
pub mod target;
mod terminal;
mod top;
mod values;
#[cfg(target_os = "linux")]
mod waits;

use clap::Parser;
use std::process::ExitCode;

/// Runs the program with this process's arguments. See [`EXIT_CODES`] for its exit code.
#[must_use]
pub fn main() -> ExitCode {
    match command_line::Lockprof::try_parse() {
        Ok(cli) => exit::code(cli.color, command::run(cli.command, cli.color)),
        Err(error) => exit::usage(&error),
    }
}

/// The exit codes, as `lockprof --help` lists them.
pub const EXIT_CODES: &str = exit::CODES;
