//! Unix sockets: a name that a server has, listens already, and is nobody else's.
//!
//! A socket is bound to a temporary name beside the one that it is to have, is made its owner's
//! alone, and listens; then it is linked to its name. A link fails if there is something: so of
//! several that begin at once one gets the name, and whoever finds a socket that refuses
//! connections knows that its process is gone. Such a one is removed under a lock on the directory,
//! by one server at a time.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustix::net::{SocketAddrUnix, bind, listen};

use super::ServeError;
use super::files::{Locked, SocketFile, identity, new_socket, nobody_listens, set_mode};

/// Connections that wait until they are accepted.
const BACKLOG: i32 = 128;

/// Its owner's alone.
const MODE: u32 = 0o600;

/// Listens at a path; a socket there that nobody listens at any more is replaced.
pub(super) fn listen_at(path: &Path) -> Result<(OwnedFd, SocketFile), ServeError> {
    let failed = |error: io::Error| ServeError::Address {
        address: path.display().to_string(),
        error,
    };
    let too_long = |error: rustix::io::Errno| ServeError::Path {
        path: path.to_owned(),
        error: error.into(),
    };
    SocketAddrUnix::new(path).map_err(too_long)?;
    // Before anything is made.
    is_free(path)?;
    let socket = new_socket().map_err(|error| failed(error.into()))?;
    let temporary = bind_beside(path, &socket, too_long, failed)?;
    let mode = fs::symlink_metadata(temporary.path())
        .map_err(failed)?
        .mode()
        & 0o777;
    if mode != MODE {
        set_mode(temporary.path(), temporary.identity(), MODE).map_err(failed)?;
    }
    listen(&socket, BACKLOG).map_err(|error| failed(error.into()))?;
    give_name(&temporary, path, failed)?;
    let file = SocketFile::new(path, temporary.identity());
    drop(temporary);
    // In a directory where others may rename what is not theirs.
    if identity(path).map_err(failed)? != file.identity() {
        return Err(in_use(path));
    }
    Ok((socket, file))
}

fn in_use(path: &Path) -> ServeError {
    ServeError::InUse {
        path: path.to_owned(),
    }
}

/// Whether there is nothing at the path: `false` if there is a socket whose process is gone.
///
/// # Errors
/// If there is something else.
fn is_free(path: &Path) -> Result<bool, ServeError> {
    match fs::symlink_metadata(path) {
        // Not what a link points to: that may be changed at any time.
        Ok(meta) if !meta.file_type().is_socket() => Err(ServeError::NoSocket {
            path: path.to_owned(),
        }),
        Ok(_) if nobody_listens(path) => Ok(false),
        // It may have gone meanwhile.
        Ok(_) if identity(path).is_ok() => Err(in_use(path)),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(ServeError::Address {
            address: path.display().to_string(),
            error,
        }),
    }
}

/// Binds the socket to a name that nobody else has, in the directory of `path`.
fn bind_beside(
    path: &Path,
    socket: &OwnedFd,
    too_long: impl Fn(rustix::io::Errno) -> ServeError,
    failed: impl Fn(io::Error) -> ServeError,
) -> Result<SocketFile, ServeError> {
    /// Tells apart the servers of one process.
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    const TRIES: u32 = 64;
    // On Linux the file gets the socket's own mode, less what the umask takes. Elsewhere it is set
    // before the socket listens.
    #[cfg(target_os = "linux")]
    rustix::fs::fchmod(socket, MODE.into()).map_err(|error| failed(error.into()))?;
    let mut tries = 1..TRIES;
    loop {
        // Relaxed: only the number matters, and no two callers get the same.
        let serial = SERIAL.fetch_add(1, Relaxed);
        // Not longer than `PID.sock`: the path of a socket may not be long.
        let temporary = path.with_file_name(format!(".{}-{serial}", std::process::id()));
        let address = SocketAddrUnix::new(&temporary).map_err(&too_long)?;
        match bind(socket, &address) {
            Ok(()) => {
                let identity = identity(&temporary).map_err(failed)?;
                return Ok(SocketFile::new(&temporary, identity));
            }
            // Of a process with our number, that was killed or is in another namespace.
            Err(rustix::io::Errno::ADDRINUSE) if tries.next().is_some() => {}
            Err(error) => return Err(failed(error.into())),
        }
    }
}

/// Gives the socket its name; if that is a dead one's, takes it away from it.
fn give_name(
    temporary: &SocketFile,
    path: &Path,
    failed: impl Fn(io::Error) -> ServeError,
) -> Result<(), ServeError> {
    match link(temporary.path(), path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        other => return other.map_err(failed),
    }
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let _locked = Locked::new(directory).map_err(&failed)?;
    if !is_free(path)? {
        fs::remove_file(path).map_err(&failed)?;
    }
    link(temporary.path(), path).map_err(|error| match error.kind() {
        // One that found nothing there was faster.
        ErrorKind::AlreadyExists => in_use(path),
        _ => failed(error),
    })
}

/// A second name for a file, if there is nothing of that name.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let linked = fs::hard_link(from, to);
    #[cfg(target_os = "linux")]
    if linked
        .as_ref()
        .is_err_and(|error| error.kind() != ErrorKind::AlreadyExists)
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        // There are file systems without links.
        if renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).is_ok() {
            return Ok(());
        }
    }
    linked
}
