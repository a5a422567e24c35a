//! Sockets to listen on, and the files and folders of those that have some.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
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

use super::client::Stream;
use super::listen::is_loopback;
use super::origin::Road;
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
            Listen::UnixAt(path) => unix(path),
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

/// The file of a Unix socket; removed with this, once, unless it is another's by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// A process that was forked off has a copy of this, and no business with the file.
    pid: u32,
    removed: AtomicBool,
}

impl SocketFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn remove(&self) {
        if self.pid != std::process::id() || self.removed.swap(true, Relaxed) {
            return;
        }
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // It was there a moment ago; if it is not any more, all the better.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let meta = fs::symlink_metadata(path)?;
    Ok((meta.dev(), meta.ino()))
}

/// Makes the directory, or makes sure that it is ours.
fn make(path: &Path) -> Result<(), ServeError> {
    let failed = |error| ServeError::Directory {
        path: path.to_owned(),
        error,
    };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    // Of a link: not what it points to, which may be changed at any time.
    let meta = fs::symlink_metadata(path).map_err(failed)?;
    let what = if meta.is_symlink() {
        "a symbolic link"
    } else if !meta.is_dir() {
        "no directory"
    } else if meta.uid() != geteuid().as_raw() {
        "another user's"
    } else if meta.mode() & 0o077 != 0 {
        "open to other users"
    } else {
        return Ok(());
    };
    Err(ServeError::NotOurs {
        path: path.to_owned(),
        what,
    })
}

/// Removes the sockets that processes have left that are gone. Best effort: what stays is in nobody's way.
fn remove_stale(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(process_of);
        let is_socket = entry.file_type().is_ok_and(|kind| kind.is_socket());
        // Both: the number may be another process's by now, and a process that has only just bound its socket does not listen yet.
        if let Some(pid) = pid
            && is_socket
            && test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
            && nobody_listens(&entry.path())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The process that a socket is named after: `PID.sock`, or `PID-N.sock` of its further servers.
fn process_of(name: &str) -> Option<Pid> {
    let stem = name.strip_suffix(".sock")?;
    let number = stem.split('-').next()?;
    Pid::from_raw(number.parse().ok()?)
}

fn nobody_listens(path: &Path) -> bool {
    UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// `PID.sock`, or if that is taken, by this process's first server, `PID-2.sock` and so on.
fn in_directory(directory: &Path) -> Result<Bound, ServeError> {
    const MOST: u32 = 64;
    let pid = std::process::id();
    let mut bound = unix(&directory.join(format!("{pid}.sock")));
    for number in 2..=MOST {
        match bound {
            Err(ServeError::InUse { .. }) => {
                bound = unix(&directory.join(format!("{pid}-{number}.sock")));
            }
            _ => break,
        }
    }
    bound
}

/// Binds a path; a socket there that nobody listens at any more is replaced.
fn unix(path: &Path) -> Result<Bound, ServeError> {
    let failed = |error: io::Error| ServeError::Address {
        address: path.display().to_string(),
        error,
    };
    let address = SocketAddrUnix::new(path).map_err(|error| ServeError::Path {
        path: path.to_owned(),
        error: error.into(),
    })?;
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(ServeError::NoSocket {
                path: path.to_owned(),
            });
        }
        Ok(_) if nobody_listens(path) => fs::remove_file(path).map_err(failed)?,
        Ok(_) => {
            return Err(ServeError::InUse {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let system = |errno: rustix::io::Errno| failed(errno.into());
    let socket = new_socket().map_err(system)?;
    bind(&socket, &address).map_err(system)?;
    let file = SocketFile {
        path: path.to_owned(),
        identity: identity(path).map_err(failed)?,
        pid: std::process::id(),
        removed: AtomicBool::new(false),
    };
    // Before it listens: until then nobody can connect.
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
    listen(&socket, BACKLOG).map_err(system)?;
    Ok(Bound {
        listener: Listener::Unix(socket.into()),
        road: Road::Unix,
        file: Some(file),
        local_addr: None,
    })
}

/// That neither blocks nor goes on to programs that are executed.
#[cfg(target_os = "linux")]
fn new_socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// The same, where it takes several steps.
#[cfg(not(target_os = "linux"))]
fn new_socket() -> rustix::io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

/// Connections that wait until one of those that are served is over.
const BACKLOG: i32 = 128;

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
