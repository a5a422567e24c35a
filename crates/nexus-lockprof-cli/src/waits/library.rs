//! The library, and the folder of a run.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Empty where there is none.
pub(super) const LIBRARY: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/liblockprof_preload.so"));
const WHY_NOT: &str = include_str!(concat!(env!("OUT_DIR"), "/why_not.txt"));
/// What it is called, by which its own frames are known.
pub(super) const NAME: &str = "liblockprof_preload.so";

/// The most bytes of the folder's path that the library takes.
const LONGEST: usize = 400;

/// A folder with the library, in which processes leave their files. Removed in the end.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// In a place that may have programs, with a path that the loader takes for one.
    pub(crate) fn new() -> Result<Self> {
        if LIBRARY.is_empty() {
            bail!("`lockprof run` cannot profile: {WHY_NOT}");
        }
        let candidates = [
            std::env::temp_dir(),
            PathBuf::from("/tmp"),
            PathBuf::from("/dev/shm"),
            PathBuf::from("/var/tmp"),
        ];
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_nanos());
        let name = format!("lockprof-run-{}-{now}", std::process::id());
        let mut failed = None;
        for candidate in candidates {
            let path = candidate.join(&name);
            match is_fit(&candidate).and_then(|()| make(&path)) {
                Ok(()) => return Ok(Folder { path }),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        let error = failed.unwrap_or_else(|| anyhow::anyhow!("there is none"));
        Err(error.context("no folder for the library of `lockprof run`"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What `LD_PRELOAD` is to be: ours first, so that it sees the program's calls before others do.
    pub(crate) fn preload(&self) -> OsString {
        let mut value = self.path.join(NAME).into_os_string();
        if let Some(theirs) = std::env::var_os("LD_PRELOAD").filter(|value| !value.is_empty()) {
            value.push(":");
            value.push(theirs);
        }
        value
    }

    /// What `LOCKPROF_WAITS` is to be: this process, whose child gets its file at once, and the folder.
    pub(crate) fn variable(&self) -> OsString {
        let mut value = OsString::from(format!("{}:", std::process::id()));
        value.push(&self.path);
        value
    }
}

fn is_fit(folder: &Path) -> Result<()> {
    let bytes = folder.as_os_str().as_bytes();
    if !folder.is_absolute() || bytes.len() > LONGEST {
        bail!(
            "{}: not an absolute path of at most {LONGEST} bytes",
            folder.display()
        );
    }
    if bytes.iter().any(|byte| b": $".contains(byte)) {
        bail!(
            "{}: LD_PRELOAD takes no path with a colon, a space or a $",
            folder.display()
        );
    }
    let file_system = rustix::fs::statvfs(folder)
        .with_context(|| format!("{} cannot be looked at", folder.display()))?;
    if file_system
        .f_flag
        .contains(rustix::fs::StatVfsMountFlags::NOEXEC)
    {
        bail!("{}: no program may be there (noexec)", folder.display());
    }
    Ok(())
}

fn make(folder: &Path) -> Result<()> {
    // Nobody else's: what is in it is run.
    DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let library = folder.join(NAME);
    fs::write(&library, LIBRARY).with_context(|| format!("{} cannot be written", library.display()))
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A process that outlives the program has its file mapped, and nobody reads it any more.
        let _ = fs::remove_dir_all(&self.path);
    }
}
