//! Snapshots from and to bytes and files, in whatever format they are.

use crate::output;
use crate::progress::Progress;
use anyhow::Result;
use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
use std::path::{Path, PathBuf};

/// The snapshot that `bytes` are.
pub(crate) fn parse(bytes: &[u8]) -> Result<Snapshot> {
    Ok(Snapshot::from_json_slice(bytes)?)
}

/// The snapshot in a file. The error names it.
pub(crate) fn read(path: &Path) -> Result<Snapshot> {
    Ok(Snapshot::read_json_file(path)?)
}

/// A snapshot as bytes that [`parse`] reads.
pub(crate) fn bytes(snapshot: &Snapshot) -> Result<Vec<u8>> {
    Ok(snapshot.to_json()?.into_bytes())
}

/// Writes a snapshot to a file, in the format that its name says, or to standard output if that is `-`.
pub(crate) fn write(snapshot: &Snapshot, path: &Path) -> Result<()> {
    if output::is_stdout(Some(path)) {
        let json = snapshot.to_json()?;
        return output::write(None, |out| writeln!(out, "{json}"));
    }
    Ok(snapshot.write_json_file(path)?)
}

/// One snapshot of all in `paths`, one of which is in memory at a time.
pub(crate) fn merge(paths: &[PathBuf]) -> Result<Snapshot> {
    let progress = Progress::of(paths.len());
    let mut parts = SnapshotParts::default();
    for path in paths {
        progress.at(path);
        let next = read(path)?;
        parts.mode = next.mode();
        parts.elapsed_ns = parts.elapsed_ns.saturating_add(next.elapsed_ns());
        parts.points.extend(next.points().iter().cloned());
        progress.done();
    }
    Ok(Snapshot::from_parts(parts))
}
