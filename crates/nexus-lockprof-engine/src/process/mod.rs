//! All that concerns the process as a whole: its environment, files, forks and end, and the
//! profiler's own threads.

pub(crate) mod callbacks;
pub(crate) mod child;
pub(crate) mod configure;
pub(crate) mod due;
pub(crate) mod endpoint;
pub(crate) mod env;
pub(crate) mod exclusive;
pub(crate) mod exit;
pub(crate) mod fork;
pub(crate) mod fork_guard;
pub(crate) mod internal_thread;
#[cfg(unix)]
pub(crate) mod leftovers;
pub(crate) mod once;
pub(crate) mod out;
pub(crate) mod race_once;
pub(crate) mod reporter;
pub(crate) mod slow_events;
#[cfg(unix)]
pub(crate) mod sockets;
pub(crate) mod start;
pub(crate) mod stderr;
pub(crate) mod unwind;
