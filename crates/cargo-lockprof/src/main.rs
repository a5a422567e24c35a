//! `cargo lockprof`: runs any cargo command with every lock of the program profiled. The project
//! stays unchanged.
//!
//! It is three programs in one. The user calls [`run`]. Cargo then calls this program as its
//! wrapper of rustc ([`compile`]) and, by another name, as rustdoc. `docs/guide/cargo-lockprof.md`
//! says what is seen, and `docs/decisions/0027-between-cargo-and-rustc.md` how it works.
#![forbid(unsafe_code)]

mod args;
mod attempt;
mod call;
mod cargo_config;
mod compile;
mod endings;
mod files;
mod notes;
mod profile;
mod profiles;
mod programs;
mod project;
mod registry;
mod run;
mod runtime;
mod say;
mod settings;
mod sources;
mod way;

use anyhow::Result;
use clap::Parser;
use nexus_lockprof_snapshot::printable_lines;
use say::{say, tell};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match dispatch(std::env::args_os().collect()) {
        Ok(code) => code,
        Err(error) => {
            say(format_args!("error: {error:#}"));
            ExitCode::from(101) // as cargo's own
        }
    }
}

fn dispatch(mut words: Vec<OsString>) -> Result<ExitCode> {
    let name = words.first().map(Path::new).and_then(Path::file_stem);
    if name.is_some_and(|name| name == project::RUSTDOC) {
        return compile::wrap_rustdoc(words.split_off(1));
    }
    // Cargo passes a subcommand its name, and a wrapper the name of a rustc.
    let is_front = match words.get(1) {
        None => true,
        Some(word) => word == "lockprof" || word.as_encoded_bytes().starts_with(b"-"),
    };
    if !is_front {
        return compile::wrap(words.split_off(1));
    }
    match args::Cargo::try_parse_from(args::ours_first(words.into_iter())) {
        Ok(args::Cargo::Lockprof(options)) => run::command(&options),
        Err(error) => Ok(usage(&error)),
    }
}

/// Prints the error of a wrong command line, or the help that it asks for. Returns the exit code.
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
