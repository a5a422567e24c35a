//! A snapshot in a file, or on standard input.

use super::Source;
use crate::files;
use anyhow::{Context, Result, bail};
use nexus_lockprof_snapshot::Snapshot;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most that is read from standard input, in bytes: no snapshot is near it.
const LIMIT: u64 = 1 << 30;

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
        let mut bytes = Vec::new();
        let mut limited = std::io::stdin().lock().take(LIMIT + 1);
        limited
            .read_to_end(&mut bytes)
            .context("standard input cannot be read")?;
        if bytes.len() as u64 > LIMIT {
            bail!("standard input has more than {LIMIT} bytes");
        }
        files::parse(&bytes).context("standard input")
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
