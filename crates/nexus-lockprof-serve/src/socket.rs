//! Sockets to listen on.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nexus_lockprof_engine::serving::close_on_fork;

use super::client::Stream;
use super::directory::{announce, make, remove_stale, runtime_directory};
use super::files::SocketFile;
use super::listen::is_loopback;
use super::origin::Transport;
use super::{Listen, ListenError, ServeError, unix};

/// A listening socket.
#[derive(Debug)]
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// A bound socket.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listener: Listener,
    pub(super) transport: Transport,
    /// The socket's file, or the link that names the port.
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
            Listen::Loopback(address) => tcp(*address, Transport::Loopback),
            Listen::Remote(address) if is_loopback(address) => tcp(*address, Transport::Loopback),
            Listen::Remote(address) => tcp(*address, Transport::Remote),
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

/// `PID.sock`. If this process's first server has that, `PID-2.sock`, and so on.
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
        transport: Transport::Unix,
        file: Some(file),
        local_addr: None,
    })
}

fn tcp(address: SocketAddr, transport: Transport) -> Result<Bound, ServeError> {
    let failed = |error| ServeError::Address {
        address: address.to_string(),
        error,
    };
    let listener = close_on_fork(|| TcpListener::bind(address)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;
    Ok(Bound {
        listener: Listener::Tcp(listener),
        transport,
        file: announce(local_addr),
        local_addr: Some(local_addr),
    })
}
