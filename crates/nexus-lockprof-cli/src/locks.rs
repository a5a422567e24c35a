//! Copies of a project's lock file, in one of which our packages are.

use crate::cargo;
use crate::say;
use crate::seed::{Lock, Seed};
use crate::shim;
use anyhow::{Context, Result};
use cargo_metadata::Metadata;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Copies of the project's lock file.
pub(crate) struct Locks {
    /// For a look at the graph as it is.
    pub(crate) plain: PathBuf,
    /// With our packages.
    pub(crate) ours: PathBuf,
    /// What `ours` was made from.
    basis: PathBuf,
}

/// How often cargo may refuse before we give up. The profiler depends on about 100 packages.
const MOST_ATTEMPTS: usize = 100;

impl Locks {
    /// Copies the project's, if it has one, into a folder of the project's own.
    pub(crate) fn copy(original: &Path, directory: &Path) -> Result<Self> {
        let locks = Locks {
            plain: directory.join("plain/Cargo.lock"),
            ours: directory.join("Cargo.lock"),
            basis: directory.join("basis/Cargo.lock"),
        };
        if original.is_file() {
            shim::write_if_new(&locks.plain, &shim::read(original)?)?;
            return Ok(locks);
        }
        // Cargo would make one: there, and not from one of another day.
        let folder = directory.join("plain");
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        match fs::remove_file(&locks.plain) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error)
                .with_context(|| format!("{} cannot be removed", locks.plain.display()))?,
            _ => Ok(locks),
        }
    }

    /// The graph with our packages in it, at the versions that the profiler was tested with.
    ///
    /// Where the project has locked a version that is too old for the profiler, our copy gets a newer one. Says so: the
    /// profiled program differs by that.
    pub(crate) fn graph(
        &self,
        args: &[OsString],
        platforms: &[String],
        config: &Path,
    ) -> Result<Metadata> {
        let project = Lock::read(&self.plain)?;
        let mut seed = Seed::new(project, Lock::read(&shim::tested_lock()?)?);
        let basis = seed.text();
        // The last run's result is as good, if it was made from the same.
        let known = fs::read_to_string(&self.basis).is_ok_and(|last| last == basis);
        if !known || !self.ours.is_file() {
            shim::write_if_new(&self.ours, &basis)?;
            shim::write_if_new(&self.basis, &basis)?;
        }
        let mut result = cargo::graph(args, platforms, &self.ours, Some(config));
        for _ in 0..MOST_ATTEMPTS {
            let Err(error) = &result else { break };
            if !seed.give_way(&error.to_string()) {
                break;
            }
            shim::write_if_new(&self.ours, &seed.text())?;
            result = cargo::graph(args, platforms, &self.ours, Some(config));
        }
        let metadata = result?;
        self.tell(&seed, &metadata)?;
        Ok(metadata)
    }

    /// Says which versions the profiled program has that it would not have otherwise, or that the profiler was not tested with.
    fn tell(&self, seed: &Seed, metadata: &Metadata) -> Result<()> {
        let changes = seed.changes(&Lock::read(&self.ours)?, metadata);
        if !changes.moved.is_empty() {
            say(format_args!(
                "the profiled program is built with {}, which the profiler needs",
                changes.moved.join(", ")
            ));
        }
        if !changes.untested.is_empty() {
            say(format_args!(
                "warning: the profiler was not tested with {}, which this project's lock file leaves it",
                changes.untested.join(", ")
            ));
        }
        Ok(())
    }
}
