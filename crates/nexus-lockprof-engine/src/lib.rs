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

mod config;
mod control;
mod identity;
mod record;
mod stacks;
mod sync;

pub use config::{Config, ConfigError, Mode};

/// Puts all that the models leave out under one condition. rustfmt follows modules in a macro of
/// this name.
macro_rules! cfg_if {
    (if #[cfg($model:meta)] { $($modelled:item)* } else { $($item:item)* }) => {
        $(#[cfg($model)] $modelled)*
        $(#[cfg(not($model))] $item)*
    };
}

cfg_if! {
    if #[cfg(lockprof_loom)] {
        #[cfg(test)]
        mod models;
    } else {
        mod acquire;
        mod clock;
        mod collect;
        mod core;
        mod engine;
        mod event;
        mod intervals;
        mod process;

        pub use crate::{
            acquire::engine_ref::{EngineRef, Global},
            clock::ManualClock,
            engine::Engine,
            event::{Event, HandlerId},
            intervals::Intervals,
            process::env::var_os,
            process::reporter::Reporter,
        };

        /// The parts of an acquisition, for authors of lock adaptors. Users of locks do not need
        /// it.
        ///
        /// The engine and its adaptors share their work through this module, and it changes with
        /// them.
        pub mod adaptor {
            pub use crate::acquire::engine_ref::OwnShard;
            pub use crate::acquire::exact::ExactAcquire;
            pub use crate::acquire::look::{LOOKS, has_yielded, wait_before};
            pub use crate::acquire::short_wait::ShortWait;
            pub use crate::acquire::slow::SlowAcquire;
            pub use crate::acquire::task::{QueuedTask, closing};
            pub use crate::acquire::thread::bits as thread_bits;
            pub use crate::acquire::timed::{HeldBy, TimedAcquire};
            pub use crate::clock::EarlyReading;
            pub use crate::record::wait_log::LockRef;
            pub use crate::record::waiting::WaitKind;
            pub use crate::core::Core;
            pub use crate::identity::{
                ClassTag, ClassWord, HoldMode, HolderWord, LockClass, MAX_NAME, NameLen, PointKey, SiteKey,
                ThreadBits,
            };
            pub use crate::record::hot::{Hit, Probe};
            pub use crate::record::pending::{PendingRef, PendingRefCell};
        }

        pub mod serving;
    }
}
