//! The statistics engine of the nexus-lockprof lock profiler. It knows no lock type: adaptors tell it of
//! acquisitions and releases, and it gives [`Snapshot`]s.
//!
//! - Each thread writes a shard of its own, with plain stores; the hot path is in `hot`, the rest of
//!   an acquisition in `ticket`.
//! - A collection (`aggregate`) walks all shards and merges them, and makes no thread wait.
//! - The protocols between the two are in `record`, `reservoir`, `era`, `table`, `lease` and `pending`; `docs/protocol.md`
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
mod host;
#[cfg(not(lockprof_loom))]
mod look;
#[cfg(not(lockprof_loom))]
mod moment;
#[cfg(not(lockprof_loom))]
mod monitor;
#[cfg(not(lockprof_loom))]
mod out;
#[cfg(not(lockprof_loom))]
mod process;
#[cfg(not(lockprof_loom))]
mod reporter;
#[cfg(not(lockprof_loom))]
mod room;
#[cfg(not(lockprof_loom))]
mod serve;
#[cfg(not(lockprof_loom))]
mod shard;
#[cfg(not(lockprof_loom))]
mod since_off;
#[cfg(not(lockprof_loom))]
mod thread;
#[cfg(not(lockprof_loom))]
mod ticket;
#[cfg(not(lockprof_loom))]
mod timed;

pub use config::{Config, ConfigError, Mode};

#[cfg(not(lockprof_loom))]
pub use crate::{
    clock::ManualClock,
    engine::Engine,
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

/// Tells the user something, on stderr. A closed stderr is no reason to stop.
#[cfg(not(lockprof_loom))]
fn say(message: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "lockprof: {message}");
}
