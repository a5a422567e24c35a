//! `lockprof snapshot`: writes a target's snapshot to a file.

use crate::files;
use crate::target::Target;
use crate::values::seconds;
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof snapshot 4711 -o before.lockprof
  lockprof snapshot http://127.0.0.1:9464 --seconds 30 -o half-a-minute.json
  lockprof snapshot 4711 | lockprof report -";

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Process, socket, URL or file to ask
    pub(crate) target: Target,
    /// Output file: JSON if its name ends in .json, otherwise .lockprof. Written whole or not at
    /// all. Without it, or with -, JSON goes to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Cover only the next SECONDS, not everything since the start or the last reset.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let snapshot = options.target.snapshot(options.seconds)?;
    files::write(&snapshot, options.output.as_deref())
}
