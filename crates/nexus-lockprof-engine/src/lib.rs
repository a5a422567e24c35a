//! The statistics engine of the nexus-lockprof lock profiler. It knows no lock type: adaptors tell it of
//! acquisitions and releases, and it gives [`Snapshot`]s.
//!
//! - Each thread writes a shard of its own (`record`), with plain stores; the hot path is in `record::hot`, the rest of
//!   an acquisition in `acquire`.
//! - A collection (`collect`) walks all shards and merges them, and makes no thread wait.
//! - The protocols between the two are in `statistics`, `reservoir`, `era`, `table`, `registry`, `lease` and `pending`, all in `record`;
//!   `docs/protocol.md` goes through them ordering by ordering, and `models` checks them with loom.
//!
//! [`Snapshot`]: nexus_lockprof_snapshot::Snapshot

mod acquire;
mod class;
mod config;
mod control;
mod identity;
mod late;
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
#[cfg(not(lockprof_loom))]
mod serve;

pub use config::{Config, ConfigError, Mode};

#[cfg(not(lockprof_loom))]
pub use crate::{
    acquire::host::{Global, Host},
    clock::ManualClock,
    engine::Engine,
    event::{Event, HandlerId},
    process::env::var_os,
    process::reporter::Reporter,
};

#[cfg(all(feature = "serve", unix, not(lockprof_loom)))]
pub use nexus_lockprof_export::serve::{Limits, Listen, ListenError, ServeError, Server};

/// What lock adaptors are made with: the parts of an acquisition. Users of locks have no need of it.
///
/// It is how the engine and its adaptors share the work, and changes with them.
#[cfg(not(lockprof_loom))]
pub mod adaptor {
    pub use crate::acquire::host::Mine;
    pub use crate::acquire::look::{LOOKS, pauses};
    pub use crate::acquire::moment::Moment;
    pub use crate::acquire::ticket::Ticket;
    pub use crate::acquire::timed::Timing;
    pub use crate::acquire::wait_log::LockRef;
    pub use crate::class::{ClassTag, ClassWord, LockClass, MAX_NAME, NameLen};
    pub use crate::core::Core;
    pub use crate::identity::{HoldMode, PointKey, SiteKey};
    pub use crate::record::hot::{Hit, Probe};
    pub use crate::record::pending::{Stamp, StampCell};
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
