//! Files that appear whole or not at all, and that nobody else can redirect.

use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// Replaces a file by what `write` writes. Whoever reads `path` meanwhile sees the whole old file
/// or the whole new one: the bytes go to a temporary file in the same directory, which then takes
/// its place, and which is removed if anything fails.
///
/// A symbolic link stays one, and its target is replaced. What is no regular file (`/dev/stdout`, a
/// named pipe) is written to directly. On Unix the new file has the old one's permissions, but no
/// set-user-ID or set-group-ID bit.
///
/// In a directory that everybody can write to, such as `/tmp`, somebody else may have put a link or
/// a pipe under the name. That is an error, as Linux has it with `fs.protected_symlinks`: it may
/// point to any file of ours.
///
/// # Errors
///
/// What `write` returns, and what the system says of the file.
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
    // Of a link: the link. What is no link now is replaced under its own name, whatever it is by
    // then.
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => replace(path, Some(&meta), write),
        Ok(meta) => {
            refuse_strangers(path, &meta)?;
            match fs::metadata(path) {
                Ok(meta) if meta.is_file() => replace(&fs::canonicalize(path)?, Some(&meta), write),
                // Replacing /dev/stdout would be a surprise. A directory fails to open, as it
                // should.
                Ok(_) => write(&OpenOptions::new().write(true).open(path)?),
                // A link to nowhere.
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
    // A file that was private must not be open to others for a moment: whoever has opened it then
    // could read what comes.
    let (temporary, file) = Temporary::beside(target, old.is_some())?;
    if let Some(old) = old {
        keep_permissions(&file, old)?;
    }
    write(&file)?;
    // Before the rename: a crash must not leave the new name on an empty file.
    file.sync_all()?;
    drop(file);
    Ok(temporary.rename(target)?)
}

/// Gives the new file the old one's permissions.
#[cfg(unix)]
fn keep_permissions(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    // Whoever has made a file for us to replace does not choose who else can write to ours.
    let ours = file.metadata()?.uid() == old.uid();
    let kept = if ours { 0o777 } else { 0o755 };
    file.set_permissions(fs::Permissions::from_mode(old.mode() & kept))
}

/// Elsewhere the only permission is "read-only", and such a file cannot be replaced.
#[cfg(not(unix))]
fn keep_permissions(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Refuses what somebody else has put into a directory that everybody can write to. Root may, and
/// the directory's owner.
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
    // What we make is ours: nothing else here tells who we are.
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

/// What the umask leaves of it is the new file's.
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
    /// Creates a file that nobody else has, in the directory of `target`; if it is to be private,
    /// for nobody else to open.
    fn beside(target: &Path, private: bool) -> io::Result<(Self, File)> {
        const RETRIES: usize = 16;

        let mut options = OpenOptions::new();
        // New: what has the name already is an error, a link too.
        options.write(true).create_new(true);
        set_mode(&mut options, if private { 0o600 } else { 0o666 });
        let mut retries = 0..RETRIES;
        loop {
            // A name that nobody can guess: in a shared directory, others could take all names
            // before us.
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
            // The error that brought us here is the one to report.
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
