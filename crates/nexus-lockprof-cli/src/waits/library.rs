//! The preloaded library, and the folder of a run.

use anyhow::{Context, Result, bail};
use nexus_lockprof_snapshot::replace_file;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Empty where there is no library.
pub(super) const LIBRARY: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/liblockprof_preload.so"));
const WHY_NOT: &str = include_str!(concat!(env!("OUT_DIR"), "/why_not.txt"));
/// Its file name, which also identifies its own frames.
pub(super) const NAME: &str = "liblockprof_preload.so";

/// The longest folder path the library accepts, in bytes.
const LONGEST: usize = 400;

/// What the loader may make of `$LIB` in a path, depending on how the system was built. Other C
/// libraries do not know `$LIB`. So their programs, which could not load our library, do not find
/// it, and run without.
const LIBS: [&str; 4] = [
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "lib64",
    "lib",
];

/// A folder where processes leave their files, removed at the end; and the library.
pub(crate) struct Folder {
    path: PathBuf,
    /// The folder of the library. It stays: a process that continues would load whatever somebody
    /// else puts there.
    library: PathBuf,
}

impl Folder {
    /// Creates it in a place that allows executables, with a path that the loader accepts.
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
                Ok(()) => {
                    // In its permanent place, or else beside the files.
                    let library = kept().or_else(|_| put(&path.join("preload")))?;
                    return Ok(Folder { path, library });
                }
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

    /// The value for `LD_PRELOAD`. Ours comes first, so that it sees the program's calls before
    /// others do.
    pub(crate) fn preload(&self) -> OsString {
        let mut value = self.library.join("$LIB").join(NAME).into_os_string();
        if let Some(theirs) = std::env::var_os("LD_PRELOAD").filter(|value| !value.is_empty()) {
            value.push(":");
            value.push(theirs);
        }
        value
    }

    /// The value for `LOCKPROF_WAITS`: this process, whose child gets its file at once, and the
    /// folder.
    pub(crate) fn variable(&self) -> OsString {
        let mut value = OsString::from(format!("{}:", std::process::id()));
        value.push(&self.path);
        value
    }
}

/// The library in the user's cache folder, where nobody else can replace it.
fn kept() -> Result<PathBuf> {
    let absolute = |name: &str| {
        let folder = std::env::var_os(name).map(PathBuf::from);
        folder.filter(|folder| folder.is_absolute())
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let cache = cache.context("there is no HOME")?;
    fs::create_dir_all(&cache).with_context(|| format!("{} cannot be made", cache.display()))?;
    is_fit(&cache)?;
    let mut folder = cache;
    is_ours(&folder)?;
    let mut hash = DefaultHasher::new();
    LIBRARY.hash(&mut hash);
    for name in ["lockprof", &format!("preload-{:x}", hash.finish())] {
        folder.push(name);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
            _ => is_ours(&folder)?,
        }
    }
    put(&folder)
}

/// Checks that nobody else can change the folder's content.
fn is_ours(folder: &Path) -> Result<()> {
    const OTHERS: u32 = 0o022;
    let meta = fs::symlink_metadata(folder)
        .with_context(|| format!("{} cannot be looked at", folder.display()))?;
    let user = rustix::process::geteuid().as_raw();
    if !meta.is_dir() || meta.uid() != user || meta.permissions().mode() & OTHERS != 0 {
        bail!("{} is not this user's own", folder.display());
    }
    Ok(())
}

/// Puts the library into a folder, where the loader will look for it. Keeps an identical existing
/// file.
fn put(folder: &Path) -> Result<PathBuf> {
    for lib in LIBS {
        let folder = folder.join(lib);
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let library = folder.join(NAME);
        if fs::read(&library).is_ok_and(|bytes| bytes == LIBRARY) {
            continue;
        }
        // A program that has the old file mapped keeps it.
        let written = replace_file(&library, |mut file| file.write_all(LIBRARY));
        written.with_context(|| format!("{} cannot be written", library.display()))?;
    }
    Ok(folder.to_owned())
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
    // Private, because the program's data in it may be confidential.
    let made = DirBuilder::new().mode(0o700).create(folder);
    made.with_context(|| format!("{} cannot be made", folder.display()))
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A process that outlives the program still has its file mapped, but nobody reads it any
        // more. The library stays in its place.
        if !self.library.starts_with(&self.path) {
            let _ = fs::remove_dir_all(&self.path);
            return;
        }
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.path() != self.library {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
