//! The commands, one file each.

pub(crate) mod diff;
pub(crate) mod export;
pub(crate) mod man;
pub(crate) mod merge;
pub(crate) mod ps;
pub(crate) mod report;
pub(crate) mod run;
#[cfg(feature = "selftest")]
pub(crate) mod selftest;
pub(crate) mod set;
pub(crate) mod snapshot;
pub(crate) mod top;

use crate::command_line::{Command, Lockprof};
use crate::exit::Outcome;
use crate::terminal::Color;
use anyhow::Result;
use clap::CommandFactory;

/// Runs the given command.
pub(crate) fn run(command: Command, color: Color) -> Result<Outcome> {
    match command {
        Command::Snapshot(options) => snapshot::run(&options)?,
        Command::Top(options) => top::run(options, color)?,
        Command::Run(options) => return run::run(&options),
        Command::Report(options) => report::run(&options, color)?,
        Command::Diff(options) => return diff::run(&options, color),
        Command::Merge(options) => merge::run(&options)?,
        Command::Export(options) => export::run(&options, Lockprof::command())?,
        Command::Reset { target } => set::reset(&target)?,
        Command::Set(options) => set::run(&options)?,
        Command::Ps(options) => ps::run(&options, color)?,
        #[cfg(feature = "selftest")]
        Command::Selftest => return selftest::run(color),
        Command::Completions { shell } => man::completions(shell, Lockprof::command())?,
        Command::Man(options) => man::run(&options, Lockprof::command())?,
    }
    Ok(Outcome::Good)
}
