//! The statistics engine of the lock profiler nexus-lockprof.
//!
//! You probably want `nexus-lockprof`, which has the locks. This crate is for those who write an
//! adaptor for locks of another kind, or who need an engine of their own.
//!
//! The engine knows no lock type. Adaptors tell it about acquisitions and releases, and it returns
//! [`Snapshot`]s:
//!
//! - Each thread writes statistics of its own with plain stores, and never waits for anybody.
//! - A snapshot reads the statistics of all threads and merges them. It makes no thread wait.
//!
//! An [`Engine`] is a value: engines with different clocks and settings can live side by side.
//! [`Engine::global`] is the one that locks use by default.
//!
//! [`Snapshot`]: nexus_lockprof_snapshot::Snapshot

mod acquire;
mod config;
mod control;
mod identity;
mod record;
mod stacks;
mod sync;

#[cfg(all(test, lockprof_loom))]
mod models;

#[cfg(not(lockprof_loom))]
mod clock;
#[cfg(not(lockprof_loom))]
mod collect;
#[cfg(not(lockprof_loom))]
mod core;
#[cfg(not(lockprof_loom))]
mod engine;
#[cfg(not(lockprof_loom))]
mod event;
#[cfg(not(lockprof_loom))]
mod process;

pub use config::{Config, ConfigError, Mode};

#[cfg(not(lockprof_loom))]
pub use crate::{
    acquire::engine_ref::{EngineRef, Global},
    clock::ManualClock,
    engine::Engine,
    event::{Event, HandlerId},
    process::env::var_os,
    process::reporter::Reporter,
};

/// What lock adaptors are made with: the parts of an acquisition. Users of locks have no need of it.
///
/// It is how the engine and its adaptors share the work, and changes with them.
#[cfg(not(lockprof_loom))]
pub mod adaptor {
    pub use crate::acquire::engine_ref::OwnShard;
    pub use crate::acquire::look::{LOOKS, pauses};
    pub use crate::acquire::short_wait::ShortWait;
    pub use crate::acquire::slow::SlowAcquire;
    pub use crate::acquire::timed::TimedAcquire;
    pub use crate::acquire::wait_log::LockRef;
    pub use crate::core::Core;
    pub use crate::identity::{
        ClassTag, ClassWord, HoldMode, LockClass, MAX_NAME, NameLen, PointKey, SiteKey,
    };
    pub use crate::record::hot::{Hit, Probe};
    pub use crate::record::pending::{PendingRef, PendingRefCell};
}

/// What `nexus-lockprof-serve` is made with: how a server starts with the program, and what becomes of it at exit and fork.
#[cfg(not(lockprof_loom))]
pub mod serving {
    pub use crate::process::endpoint::{Endpoint, install};
    pub use crate::process::env::place;
    pub use crate::process::internal_thread::make_thread_internal;
    #[cfg(unix)]
    pub use crate::process::leftovers::Cleanup;
    pub use crate::process::race_once::RaceOnce;

    /// Removes a server's file when the process exits, and closes its socket in processes that are forked off.
    #[cfg(unix)]
    pub fn remember(socket: std::os::fd::RawFd, file: Option<Box<dyn Cleanup>>) {
        crate::process::leftovers::remember(socket, file);
        crate::process::fork::install_fork_handlers();
    }

    /// Prints one line on stderr, as the engine does.
    pub fn say(message: std::fmt::Arguments<'_>) {
        crate::say(message);
    }
}

/// Tells the user something, on stderr, in one line: a value of the environment may be in it. A closed stderr is no reason to stop.
///
/// Not by way of the standard library's stderr, which may be locked for good in a child that was forked off.
#[cfg(all(unix, not(lockprof_loom)))]
fn say(message: std::fmt::Arguments<'_>) {
    let message = nexus_lockprof_snapshot::printable_message(message);
    let line = format!("lockprof: {message}\n");
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the bytes are there; a descriptor that is none is an error.
        let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written @ 1..) => rest = &rest[written.min(rest.len())..],
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {
            }
            _ => return,
        }
    }
}

/// The same where nothing forks.
#[cfg(all(not(unix), not(lockprof_loom)))]
fn say(message: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let message = nexus_lockprof_snapshot::printable_message(message);
    let _ = writeln!(std::io::stderr(), "lockprof: {message}");
}
