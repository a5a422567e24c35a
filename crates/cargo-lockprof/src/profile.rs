//! The profile of one process.

use anyhow::{Context, Result};
use nexus_lockprof_snapshot::Snapshot;
use std::path::PathBuf;
use std::time::SystemTime;

/// A file in the run's folder, and the process that wrote it.
pub(crate) struct Profile {
    pub(crate) path: PathBuf,
    pub(crate) pid: String,
    pub(crate) program: String,
    pub(crate) written: SystemTime,
    /// The number of its acquisitions, if it was written before the exit.
    pub(crate) cut_off: Option<u64>,
}

impl Profile {
    /// Whether its process has not ended, or not by an exit.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut_off.is_some()
    }

    /// Whether the process with this number wrote it. Further copies of the profiler in one process
    /// add `-2` and so on.
    pub(crate) fn is_of(&self, pid: &str) -> bool {
        self.pid.split('-').next() == Some(pid)
    }

    /// Whether it has no acquisitions, and shows only that its process existed.
    pub(crate) fn is_empty(&self) -> bool {
        self.cut_off == Some(0)
    }

    /// Reads the file.
    pub(crate) fn read(&mut self) -> Result<Snapshot> {
        let snapshot = Snapshot::read_file(&self.path)
            .with_context(|| format!("the profile of {} cannot be read", self.program))?;
        self.cut_off = snapshot.is_peek().then(|| snapshot.table().acquisitions);
        Ok(snapshot)
    }
}
