//! `lockprof merge`: combines many snapshots into one.

use crate::files;
use anyhow::Result;
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof merge host-*.lockprof -o fleet.lockprof
  lockprof merge run-1.json run-2.json | lockprof report -

The order of the files changes nothing, nor does merging what was merged.";

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Snapshots to merge, in any format.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Output file: JSON if the name ends in .json, otherwise .lockprof. Written whole or not at
    /// all. Without it, or with -, JSON goes to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let merged = files::merge(&options.files)?;
    files::write(&merged, options.output.as_deref())
}
