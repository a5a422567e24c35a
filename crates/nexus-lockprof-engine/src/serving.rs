//! The interface for `nexus-lockprof-serve`: it starts a server with the program and cleans up at
//! exit and fork.

pub use crate::process::endpoint::{Endpoint, install};
pub use crate::process::env::place;
pub use crate::process::internal_thread::make_thread_internal;
#[cfg(unix)]
pub use crate::process::leftovers::Cleanup;
pub use crate::process::race_once::RaceOnce;

/// Removes a server's file when the process exits, and closes its socket in forked processes.
#[cfg(unix)]
pub fn remember(socket: std::os::fd::RawFd, file: Option<Box<dyn Cleanup>>) {
    crate::process::leftovers::remember(socket, file);
    crate::process::fork::install_fork_handlers();
}

/// Prints one line to stderr, as the engine does.
pub fn say(message: std::fmt::Arguments<'_>) {
    crate::process::stderr::say(message);
}
