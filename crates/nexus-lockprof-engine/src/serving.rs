//! The interface for `nexus-lockprof-serve`: it starts a server with the program and cleans up at
//! exit and fork.

pub use crate::process::endpoint::{Endpoint, install};
pub use crate::process::env::place;
pub use crate::process::internal_thread::make_thread_internal;
#[cfg(unix)]
pub use crate::process::leftovers::{Cleanup, remove_at_exit};
pub use crate::process::race_once::RaceOnce;

/// Opens a socket that forked processes close, whenever they are forked. `open` must not wait: no
/// other thread can fork meanwhile.
///
/// # Errors
/// Those of `open`.
#[cfg(unix)]
pub fn close_on_fork<S: std::os::fd::AsRawFd, E>(
    open: impl FnOnce() -> Result<S, E>,
) -> Result<S, E> {
    crate::process::fork::install_fork_handlers();
    crate::process::leftovers::close_on_fork(open)
}

/// Prints one line to stderr, as the engine does.
pub fn say(message: std::fmt::Arguments<'_>) {
    crate::process::stderr::say(message);
}
