//! A snapshot in a file, or on standard input.

use super::source::Source;
use crate::files;
use anyhow::{Context, Result, bail};
use nexus_lockprof_snapshot::Snapshot;
use std::path::PathBuf;

/// `None` is standard input.
pub(super) struct File(pub(super) Option<PathBuf>);

impl File {
    fn fixed(&self, done: &str) -> Result<()> {
        bail!(
            "{} is a file: only a process can be {done}",
            self.describe()
        )
    }
}

impl Source for File {
    fn snapshot(&mut self) -> Result<Snapshot> {
        match &self.0 {
            Some(path) => files::read(path),
            None => Snapshot::from_reader(std::io::stdin().lock()).with_context(|| self.describe()),
        }
    }

    fn reset(&mut self) -> Result<()> {
        self.fixed("reset")
    }

    fn set(&mut self, _: &str) -> Result<()> {
        self.fixed("told what to measure")
    }

    fn describe(&self) -> String {
        match &self.0 {
            Some(path) => path.display().to_string(),
            None => "standard input".to_owned(),
        }
    }
}
