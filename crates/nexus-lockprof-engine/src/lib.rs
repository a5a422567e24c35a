//! The statistics engine of the nexus-lockprof lock profiler. It knows no lock type: adaptors tell it of
//! acquisitions and releases, and it gives [`Snapshot`]s.
//!
//! - Each thread writes a shard of its own, with plain stores; the hot path is in `hot`, the rest of
//!   an acquisition in `ticket`.
//! - A collection (`aggregate`) walks all shards and merges them, and makes no thread wait.
//! - The protocols between the two are in `record`, `reservoir`, `era`, `table`, `registry`, `lease` and `pending`; `docs/protocol.md`
//!   goes through them ordering by ordering, and `models` checks them with loom.
//!
//! [`Snapshot`]: nexus_lockprof_snapshot::Snapshot

#[cfg(not(lockprof_loom))]
mod blame;
mod class;
mod config;
mod control;
mod era;
#[cfg(not(lockprof_loom))]
mod governor;
mod hot;
mod identity;
mod late;
mod lease;
mod pending;
mod record;
mod registry;
mod reservoir;
mod sampler;
mod stacks;
mod sync;
mod table;
mod wait_log;

#[cfg(all(test, lockprof_loom))]
mod models;

#[cfg(not(lockprof_loom))]
mod aggregate;
#[cfg(not(lockprof_loom))]
mod archive;
#[cfg(not(lockprof_loom))]
mod calibrate;
#[cfg(not(lockprof_loom))]
mod clock;
#[cfg(not(lockprof_loom))]
mod core;
#[cfg(not(lockprof_loom))]
mod engine;
#[cfg(not(lockprof_loom))]
mod env;
#[cfg(not(lockprof_loom))]
mod event;
#[cfg(not(lockprof_loom))]
mod exclusive;
#[cfg(not(lockprof_loom))]
mod exit;
#[cfg(not(lockprof_loom))]
mod host;
#[cfg(not(lockprof_loom))]
mod kept;
#[cfg(not(lockprof_loom))]
mod look;
#[cfg(not(lockprof_loom))]
mod moment;
#[cfg(not(lockprof_loom))]
mod monitor;
#[cfg(not(lockprof_loom))]
mod once;
#[cfg(not(lockprof_loom))]
mod out;
#[cfg(not(lockprof_loom))]
mod process;
#[cfg(not(lockprof_loom))]
mod program;
#[cfg(not(lockprof_loom))]
mod reporter;
#[cfg(not(lockprof_loom))]
mod room;
#[cfg(not(lockprof_loom))]
mod serve;
#[cfg(not(lockprof_loom))]
mod shard;
#[cfg(not(lockprof_loom))]
mod signal;
#[cfg(not(lockprof_loom))]
mod since_off;
#[cfg(all(
    any(target_os = "linux", all(unix, feature = "serve")),
    not(lockprof_loom)
))]
mod sockets;
#[cfg(not(lockprof_loom))]
mod start;
#[cfg(not(lockprof_loom))]
mod thread;
#[cfg(not(lockprof_loom))]
mod ticket;
#[cfg(not(lockprof_loom))]
mod timed;
#[cfg(not(lockprof_loom))]
mod unwind;

pub use config::{Config, ConfigError, Mode};

#[cfg(not(lockprof_loom))]
pub use crate::{
    clock::ManualClock,
    engine::Engine,
    env::var_os,
    event::{Event, HandlerId},
    host::{Global, Host},
    reporter::Reporter,
};

#[cfg(all(feature = "serve", unix, not(lockprof_loom)))]
pub use nexus_lockprof_export::serve::{Limits, Listen, ListenError, ServeError, Server};

/// What lock adaptors are made with: the parts of an acquisition. Users of locks have no need of it.
///
/// It is how the engine and its adaptors share the work, and changes with them.
#[cfg(not(lockprof_loom))]
pub mod adaptor {
    pub use crate::class::{ClassTag, ClassWord, LockClass, MAX_NAME, NameLen};
    pub use crate::core::Core;
    pub use crate::host::Mine;
    pub use crate::hot::{Hit, Probe};
    pub use crate::identity::{HoldMode, PointKey, SiteKey};
    pub use crate::look::{LOOKS, pauses};
    pub use crate::moment::Moment;
    pub use crate::pending::{Stamp, StampCell};
    pub use crate::ticket::Ticket;
    pub use crate::timed::Timing;
    pub use crate::wait_log::LockRef;
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
