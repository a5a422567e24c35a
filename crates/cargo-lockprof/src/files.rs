//! Reading and writing our files and folders.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Writes a file, and makes the folders above it.
pub(crate) fn write(path: &Path, content: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        create(folder)?;
    }
    fs::write(path, content).with_context(|| format!("{} cannot be written", path.display()))
}

pub(crate) fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

/// Removes a folder and its content, if it exists.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The folder for files that can be made again: `LOCKPROF_CACHE`, or `lockprof` in the user's cache
/// folder.
pub(crate) fn cache() -> Result<PathBuf> {
    let folder = |name: &str| {
        let folder = std::env::var_os(name).map(PathBuf::from);
        folder.filter(|folder| folder.is_absolute())
    };
    if let Some(folder) = std::env::var_os("LOCKPROF_CACHE") {
        return std::path::absolute(folder).context("LOCKPROF_CACHE is no folder");
    }
    let home = || folder("HOME").or_else(|| folder("USERPROFILE"));
    let base = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Caches"))
    } else {
        folder("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(".cache")))
    };
    match base {
        Some(base) => Ok(base.join("lockprof")),
        None => bail!("there is no HOME: set LOCKPROF_CACHE to a folder for the runtime"),
    }
}

/// FNV-1a: every build of this program computes the same.
pub(crate) fn hash(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for part in parts {
        for byte in part.as_ref().iter().chain(&[0]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
    format!("{hash:016x}")
}
