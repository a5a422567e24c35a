//! Unix sockets. A socket with its final name already listens, and belongs only to its owner.
//!
//! The server binds the socket to a temporary name beside the final one, restricts it to its owner,
//! and listens. Then it links the socket to its final name. A link fails if the name exists, so
//! only one of several starting servers gets the name. And whoever finds a socket that refuses
//! connections knows that its process is gone. One server at a time removes such a socket, under a
//! lock on the directory.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use nexus_lockprof_engine::serving::close_on_fork;
use rustix::net::{SocketAddrUnix, bind, listen};

use super::ServeError;
use super::files::{Locked, SocketFile, identity, new_socket, nobody_listens, set_mode};

/// Maximum number of connections that wait for `accept`.
const BACKLOG: i32 = 128;

/// Access only for the owner.
const MODE: u32 = 0o600;

/// Listens at a path. Replaces a socket at which nobody listens any more.
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
    // Check before creating anything.
    is_free(path)?;
    let socket = close_on_fork(new_socket).map_err(|error| failed(error.into()))?;
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
    // Someone may have renamed it: in some directories, others may rename files that are not
    // theirs.
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

/// Whether nothing has this path: `false` if there is a socket whose process is gone.
///
/// # Errors
/// If anything else has it.
fn is_free(path: &Path) -> Result<bool, ServeError> {
    match fs::symlink_metadata(path) {
        // Looks at a link itself, since its target may change at any time.
        Ok(meta) if !meta.file_type().is_socket() => Err(ServeError::NoSocket {
            path: path.to_owned(),
        }),
        Ok(_) if nobody_listens(path) => Ok(false),
        // It may have gone in the meantime.
        Ok(_) if identity(path).is_ok() => Err(in_use(path)),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(ServeError::Address {
            address: path.display().to_string(),
            error,
        }),
    }
}

/// Binds the socket to an unused name in the directory of `path`.
fn bind_beside(
    path: &Path,
    socket: &OwnedFd,
    too_long: impl Fn(rustix::io::Errno) -> ServeError,
    failed: impl Fn(io::Error) -> ServeError,
) -> Result<SocketFile, ServeError> {
    /// Distinguishes the servers of one process.
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    const TRIES: u32 = 64;
    // On Linux, the file gets the socket's own mode, minus the umask. Elsewhere the mode is set
    // before the socket listens.
    #[cfg(target_os = "linux")]
    rustix::fs::fchmod(socket, MODE.into()).map_err(|error| failed(error.into()))?;
    let mut tries = 1..TRIES;
    loop {
        // Relaxed: only the number matters, and no two callers get the same.
        let serial = SERIAL.fetch_add(1, Relaxed);
        // No longer than `PID.sock`, since a socket's path must be short.
        let temporary = path.with_file_name(format!(".{}-{serial}", std::process::id()));
        let address = SocketAddrUnix::new(&temporary).map_err(&too_long)?;
        match bind(socket, &address) {
            Ok(()) => {
                let identity = identity(&temporary).map_err(failed)?;
                return Ok(SocketFile::new(&temporary, identity));
            }
            // Left by a process with our number that was killed, or that is in another namespace.
            Err(rustix::io::Errno::ADDRINUSE) if tries.next().is_some() => {}
            Err(error) => return Err(failed(error.into())),
        }
    }
}

/// Gives the socket its name, if necessary by replacing a dead one.
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
        // Another server that found nothing there was faster.
        ErrorKind::AlreadyExists => in_use(path),
        _ => failed(error),
    })
}

/// Links a file to a second name, unless that exists.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let linked = fs::hard_link(from, to);
    #[cfg(target_os = "linux")]
    if linked
        .as_ref()
        .is_err_and(|error| error.kind() != ErrorKind::AlreadyExists)
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        // Some file systems have no links.
        if renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).is_ok() {
            return Ok(());
        }
    }
    linked
}
