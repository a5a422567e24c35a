//! Reads and writes snapshots in any format.

use crate::output;
use crate::progress::Progress;
use crate::size;
use anyhow::{Result, anyhow};
use nexus_lockprof_snapshot::{Merge, Snapshot, WriteError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

/// Parses a snapshot.
pub(crate) fn parse(bytes: &[u8]) -> Result<Snapshot> {
    Ok(Snapshot::from_bytes(bytes)?)
}

/// Reads a snapshot from a file. The error names the file.
pub(crate) fn read(path: &Path) -> Result<Snapshot> {
    Ok(Snapshot::read_file(path)?)
}

/// Writes a snapshot to a file in the format of its extension. Writes JSON to standard output if
/// there is no path, or it is `-`.
pub(crate) fn write(snapshot: &Snapshot, path: Option<&Path>) -> Result<()> {
    let Some(path) = path.filter(|path| !output::is_stdout(Some(path))) else {
        return write_json(snapshot, None);
    };
    if path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"))
    {
        size::check(snapshot)?;
    }
    Ok(snapshot.write_file(path)?)
}

/// Writes a line of JSON to a file, or to standard output without a path.
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

/// Merges all snapshots in `paths` into one. Each thread keeps one of them in memory at a time.
pub(crate) fn merge(paths: &[PathBuf]) -> Result<Snapshot> {
    // Each thread has a merged snapshot in memory, so use only a few threads.
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
            // Merges into the first. An empty one would become a third with all points.
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
