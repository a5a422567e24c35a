//! `lockprof man` and `lockprof completions`: generated from the command line's description.

use crate::output;
use anyhow::{Context, Result};
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof man ~/.local/share/man/man1
  lockprof man pages && man -l pages/lockprof-diff.1";

pub(crate) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  lockprof completions bash > ~/.local/share/bash-completion/completions/lockprof
  lockprof completions zsh > ~/.zfunc/_lockprof
  lockprof completions fish > ~/.config/fish/completions/lockprof.fish";

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Output folder; created if missing.
    pub(crate) folder: PathBuf,
}

/// Writes the pages of `usage`.
pub(crate) fn run(options: &Options, usage: clap::Command) -> Result<()> {
    let folder = &options.folder;
    let unwritten = || format!("the pages cannot be written to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(unwritten)?;
    // A page for each command, and none for `help`.
    let command = usage.disable_help_subcommand(true);
    clap_mangen::generate_to(command, folder).with_context(unwritten)
}

/// Prints the completions of `usage`.
pub(crate) fn completions(shell: clap_complete::Shell, mut usage: clap::Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut usage, "lockprof", &mut script);
    output::write(None, |out| out.write_all(&script))
}
