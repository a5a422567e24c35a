//! Errors of starting a server.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::ListenError;

/// Why a server could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An address that is not loopback, without [`Remote`](super::Listen::Remote).
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A path too long for a socket's address.
    #[error("{}: the path of a Unix socket may not be so long: {error}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The runtime directory is missing and cannot be created.
    #[error("{}: {error}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// The runtime directory is unsafe: someone else could put sockets there.
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
    /// Another server listens there.
    #[error("{} is in use by another server", path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The system refuses the address.
    #[error("{address}: {error}")]
    Address {
        /// The requested address.
        address: String,
        /// The system's error.
        error: io::Error,
    },
    /// The system has no thread, or no pipe to stop it with.
    #[error("the server cannot be started: {0}")]
    Start(io::Error),
}
