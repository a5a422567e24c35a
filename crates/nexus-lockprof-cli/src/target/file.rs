//! A snapshot in a file, or on standard input.

use super::source::Source;
use crate::files;
use anyhow::{Context, Result, bail};
use nexus_lockprof_snapshot::Snapshot;
use std::path::{Path, PathBuf};

pub(super) struct File(PathBuf);

impl File {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Source for File {
    fn snapshot(&mut self) -> Result<Snapshot> {
        files::read(&self.0)
    }

    fn reset(&mut self) -> Result<()> {
        fixed(&self.describe(), "reset")
    }

    fn set(&mut self, _: &str) -> Result<()> {
        fixed(&self.describe(), "told what to measure")
    }

    fn describe(&self) -> String {
        self.0.display().to_string()
    }
}

pub(super) struct Stdin;

impl Source for Stdin {
    fn snapshot(&mut self) -> Result<Snapshot> {
        Snapshot::from_reader(std::io::stdin().lock()).context("standard input")
    }

    fn reset(&mut self) -> Result<()> {
        fixed(&self.describe(), "reset")
    }

    fn set(&mut self, _: &str) -> Result<()> {
        fixed(&self.describe(), "told what to measure")
    }

    fn describe(&self) -> String {
        "standard input".to_owned()
    }
}

fn fixed(what: &str, done: &str) -> Result<()> {
    bail!("{what} is a file: only a process can be {done}")
}
