//! Sockets to listen on.

use std::io;
use std::net::{SocketAddr, TcpListener};
<<<<<<< HEAD
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
=======
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[cfg(target_os = "linux")]
use rustix::net::SocketFlags;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen};
use rustix::process::{Pid, getegid, geteuid, getgid, getuid, test_kill_process};
use thiserror::Error;
>>>>>>> h-env

use super::client::Stream;
use super::directory::{make, remove_stale, runtime_directory};
use super::files::SocketFile;
use super::listen::is_loopback;
use super::origin::Road;
<<<<<<< HEAD
use super::{Listen, ListenError, ServeError, unix};
=======
use super::{Listen, ListenError};

/// Why a server could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An address that is not loopback, and was not said to be [`Remote`](Listen::Remote).
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A path that does not fit into a socket's address.
    #[error("{}: the path of a Unix socket may not be so long: {error}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// The runtime directory is not there and cannot be made.
    #[error("{}: {error}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// The runtime directory is not what it has to be: somebody else could put sockets there.
    #[error("{} is {what}: it must be a directory of this user's alone (mode 0700)", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// A file of another kind has the name.
    #[error("{} is there, and is no socket", path.display())]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// Somebody serves there.
    #[error("{} is in use by another server", path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The system refuses the address.
    #[error("{address}: {error}")]
    Address {
        /// What was asked for.
        address: String,
        /// The system's word.
        error: io::Error,
    },
    /// The system has no thread, or no pipe to stop it with.
    #[error("the server cannot be started: {0}")]
    Start(io::Error),
}

/// The directory of this user's sockets: `$XDG_RUNTIME_DIR/lockprof`, or without that variable `/tmp/lockprof-UID`. A set-user-ID program
/// ignores the variable, which is its caller's.
///
/// ```
/// use nexus_lockprof_export::serve::runtime_directory;
///
/// assert!(runtime_directory().is_absolute());
/// ```
#[must_use]
pub fn runtime_directory() -> PathBuf {
    let is_callers = getuid() == geteuid() && getgid() == getegid();
    let variable = std::env::var_os("XDG_RUNTIME_DIR").filter(|_| is_callers);
    match variable.map(PathBuf::from) {
        // Its specification says to ignore one that is not absolute.
        Some(directory) if directory.is_absolute() => directory.join("lockprof"),
        _ => format!("/tmp/lockprof-{}", geteuid().as_raw()).into(),
    }
}
>>>>>>> h-env

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// What was bound.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listener: Listener,
    pub(super) road: Road,
    pub(super) file: Option<SocketFile>,
    pub(super) local_addr: Option<SocketAddr>,
}

impl Bound {
    pub(super) fn to(place: &Listen) -> Result<Self, ServeError> {
        match place {
            Listen::Unix => {
                let directory = runtime_directory();
                make(&directory)?;
                remove_stale(&directory);
                in_directory(&directory)
            }
            Listen::UnixAt(path) => at(path),
            Listen::Loopback(address) if !is_loopback(address) => {
                Err(ListenError::NotLoopback(*address).into())
            }
            Listen::Loopback(address) => tcp(*address, Road::Loopback),
            Listen::Remote(address) if is_loopback(address) => tcp(*address, Road::Loopback),
            Listen::Remote(address) => tcp(*address, Road::Remote),
        }
    }
}

impl Listener {
    pub(super) fn accept(&self) -> io::Result<Stream> {
        match self {
            Listener::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
            Listener::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Unix(listener) => listener.as_fd(),
            Listener::Tcp(listener) => listener.as_fd(),
        }
    }
}

/// `PID.sock`, or if that is taken, by this process's first server, `PID-2.sock` and so on.
fn in_directory(directory: &Path) -> Result<Bound, ServeError> {
    const MOST: u32 = 64;
    let pid = std::process::id();
    let mut bound = at(&directory.join(format!("{pid}.sock")));
    for number in 2..=MOST {
        match bound {
            Err(ServeError::InUse { .. }) => {
                bound = at(&directory.join(format!("{pid}-{number}.sock")));
            }
            _ => break,
        }
    }
    bound
}

fn at(path: &Path) -> Result<Bound, ServeError> {
    let (socket, file) = unix::listen_at(path)?;
    Ok(Bound {
        listener: Listener::Unix(socket.into()),
        road: Road::Unix,
        file: Some(file),
        local_addr: None,
    })
}

fn tcp(address: SocketAddr, road: Road) -> Result<Bound, ServeError> {
    let failed = |error| ServeError::Address {
        address: address.to_string(),
        error,
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;
    Ok(Bound {
        listener: Listener::Tcp(listener),
        road,
        file: None,
        local_addr: Some(local_addr),
    })
}
