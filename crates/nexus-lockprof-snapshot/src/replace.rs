//! Replaces files atomically, without letting anyone redirect the write.

use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// Replaces a file by what `write` writes. A reader of `path` sees either the whole old file or the
/// whole new one. The bytes go to a temporary file in the same directory, which then replaces the
/// old file. If anything fails, the temporary file is removed.
///
/// A symbolic link stays, and its target is replaced. A file that is not regular (`/dev/stdout`, a
/// named pipe) is written directly. On Unix the new file has the old one's permissions, but no
/// set-user-ID or set-group-ID bit.
///
/// In a directory that everybody can write to, such as `/tmp`, someone else may have put a link or
/// a pipe under the name. That is an error, like Linux's `fs.protected_symlinks`: the link may
/// point to any of our files.
///
/// # Errors
///
/// Those of `write`, and the system's errors for the file.
///
/// ```
/// use std::io::{self, Write};
///
/// # let path = std::env::temp_dir().join(format!("replace-{}", std::process::id()));
/// nexus_lockprof_snapshot::replace_file::<io::Error>(&path, |mut file| file.write_all(b"whole"))?;
/// assert_eq!(std::fs::read(&path)?, b"whole");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), io::Error>(())
/// ```
pub fn replace_file<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&File) -> Result<(), E>,
) -> Result<(), E> {
    // Looks at a link itself, not its target. A path that is no link now is replaced under its own
    // name, whatever it has become by then.
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => replace(path, Some(&meta), write),
        Ok(meta) => {
            refuse_strangers(path, &meta)?;
            match fs::metadata(path) {
                Ok(meta) if meta.is_file() => replace(&fs::canonicalize(path)?, Some(&meta), write),
                // Nobody expects /dev/stdout to be replaced. Opening a directory fails, as it
                // should.
                Ok(_) => write(&OpenOptions::new().write(true).open(path)?),
                // A dangling link.
                Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, None, write),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, None, write),
        Err(error) => Err(error.into()),
    }
}

fn replace<E: From<io::Error>>(
    target: &Path,
    old: Option<&Metadata>,
    write: impl FnOnce(&File) -> Result<(), E>,
) -> Result<(), E> {
    // A private file must never be open to others: whoever opens it in that moment could read what
    // we write later.
    let (temporary, file) = Temporary::beside(target, old.is_some())?;
    if let Some(old) = old {
        keep_permissions(&file, old)?;
    }
    write(&file)?;
    // Sync before the rename: a crash must not leave an empty file under the new name.
    file.sync_all()?;
    drop(file);
    Ok(temporary.rename(target)?)
}

/// Gives the new file the old one's permissions.
#[cfg(unix)]
fn keep_permissions(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    // Whoever made the old file must not decide who else can write to ours.
    let ours = file.metadata()?.uid() == old.uid();
    let kept = if ours { 0o777 } else { 0o755 };
    file.set_permissions(fs::Permissions::from_mode(old.mode() & kept))
}

/// Elsewhere the only permission is "read-only", and such a file cannot be replaced.
#[cfg(not(unix))]
fn keep_permissions(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Refuses a file that someone else has put into a directory that everybody can write to. The
/// directory's owner and root may do so.
#[cfg(unix)]
fn refuse_strangers(path: &Path, meta: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    const EVERYBODY_WRITES: u32 = 0o002;
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let directory = fs::metadata(directory)?;
    let is_private = directory.mode() & EVERYBODY_WRITES == 0;
    if is_private || meta.uid() == directory.uid() || meta.uid() == 0 {
        return Ok(());
    }
    // A file that we create shows our user: nothing else here does.
    let (_temporary, file) = Temporary::beside(path, true)?;
    if file.metadata()?.uid() == meta.uid() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!(
            "it is no regular file, but was put there by user {}, in a directory that everybody can write to",
            meta.uid()
        ),
    ))
}

#[cfg(not(unix))]
fn refuse_strangers(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Requests a mode for the new file; the umask still applies.
#[cfg(unix)]
fn set_mode(options: &mut OpenOptions, mode: u32) {
    std::os::unix::fs::OpenOptionsExt::mode(options, mode);
}

#[cfg(not(unix))]
fn set_mode(_: &mut OpenOptions, _: u32) {}

/// A file that is removed unless it was renamed.
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    /// Creates a new file in the directory of `target`. If `private`, nobody else can open it.
    fn beside(target: &Path, private: bool) -> io::Result<(Self, File)> {
        const RETRIES: usize = 16;

        let mut options = OpenOptions::new();
        // `create_new` fails if the name exists, even as a link.
        options.write(true).create_new(true);
        set_mode(&mut options, if private { 0o600 } else { 0o666 });
        let mut retries = 0..RETRIES;
        loop {
            // A name that nobody can guess: in a shared directory, others could otherwise take all
            // names first.
            let random = RandomState::new().hash_one(RETRIES);
            let name = format!(".lockprof-{}-{random:016x}.tmp", std::process::id());
            let path = target.with_file_name(name);
            match options.open(&path) {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && retries.next().is_some() => {
                }
                Err(error) => return Err(error),
                Ok(file) => {
                    let renamed = false;
                    return Ok((Self { path, renamed }, file));
                }
            }
        }
    }

    fn rename(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // Report the original error instead.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_private_file_is_private_from_the_start() -> io::Result<()> {
        let target = std::env::temp_dir().join("private");
        let (_temporary, file) = Temporary::beside(&target, true)?;
        assert_eq!(file.metadata()?.mode() & 0o077, 0);
        Ok(())
    }
}
