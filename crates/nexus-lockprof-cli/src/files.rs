//! Snapshots from and to bytes and files, in whatever format they are.

use crate::output;
use crate::progress::Progress;
use crate::size;
use anyhow::{Result, anyhow};
use nexus_lockprof_snapshot::{Merge, Snapshot, WriteError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

/// The snapshot that `bytes` are.
pub(crate) fn parse(bytes: &[u8]) -> Result<Snapshot> {
    Ok(Snapshot::from_bytes(bytes)?)
}

/// The snapshot in a file. The error names it.
pub(crate) fn read(path: &Path) -> Result<Snapshot> {
    Ok(Snapshot::read_file(path)?)
}

/// Writes a snapshot to a file, in the format that its name says, or as JSON to standard output if that is `-`.
pub(crate) fn write(snapshot: &Snapshot, path: &Path) -> Result<()> {
    if output::is_stdout(Some(path)) {
        return write_json(snapshot, None);
    }
    if path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"))
    {
        size::check(snapshot)?;
    }
    Ok(snapshot.write_file(path)?)
}

/// Writes a line of JSON to a file, or to standard output if there is none.
pub(crate) fn write_json(snapshot: &Snapshot, path: Option<&Path>) -> Result<()> {
    size::check(snapshot)?;
    output::write(path, |out| {
        let written = snapshot.write_json(&mut *out);
        written.map_err(|error| match error {
            WriteError::Io(error) => error,
            error => io::Error::other(error),
        })?;
        writeln!(out)
    })
}

/// One snapshot of all in `paths`. Of each thread, one is in memory at a time.
pub(crate) fn merge(paths: &[PathBuf]) -> Result<Snapshot> {
    // What has been merged is in memory once for each, so there are not as many as there may be.
    const THREADS: usize = 2;
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get().min(THREADS));
    let progress = Progress::of(paths.len());
    let share = paths.len().div_ceil(threads).max(1);
    let merged = thread::scope(|scope| {
        let threads: Vec<_> = paths
            .chunks(share)
            .map(|paths| scope.spawn(|| merge_here(paths, &progress)))
            .collect();
        let mut all: Option<Merge> = None;
        for thread in threads {
            let merged = thread
                .join()
                .map_err(|_| anyhow!("a thread has panicked"))??;
            // Into the first, not into an empty one: that would be a third with all points.
            match &mut all {
                None => all = Some(merged),
                Some(all) => all.append(merged),
            }
        }
        Ok::<_, anyhow::Error>(all.unwrap_or_default())
    })?;
    Ok(merged.finish())
}

fn merge_here(paths: &[PathBuf], progress: &Progress) -> Result<Merge> {
    let mut merge = Merge::new();
    for path in paths {
        progress.at(path);
        merge.add_file(path)?;
        progress.done();
    }
    Ok(merge)
}
