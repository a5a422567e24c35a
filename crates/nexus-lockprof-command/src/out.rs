//! `--out FILE`.

use anyhow::{Context, Result, bail};
use nexus_lockprof_snapshot::Snapshot;
use std::path::Path;

/// Checks the file before the program runs: after the run it is too late.
///
/// # Errors
///
/// If it is a folder, or its folder is missing.
pub fn check(out: Option<&Path>) -> Result<()> {
    let Some(out) = out else { return Ok(()) };
    let folder = match out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    if out.is_dir() {
        bail!("--out {} is a folder", out.display());
    }
    if !folder.is_dir() {
        bail!(
            "--out {}: there is no folder {}",
            out.display(),
            folder.display()
        );
    }
    Ok(())
}

/// Writes the profile: as JSON, unless the name of `out` ends in `.lockprof`.
///
/// # Errors
///
/// If it cannot be written.
pub fn write(snapshot: &Snapshot, out: &Path, to: &Path) -> Result<()> {
    let is_own = out.extension().is_some_and(|ending| ending == "lockprof");
    let written = match is_own {
        true => snapshot.write_file(to),
        false => snapshot.write_json_file(to),
    };
    written.context("the profile cannot be written")
}
