//! An always-on lock profiler. It has parking_lot's locks, and records for every place that
//! acquires one: how often, how often contended, how long it waited, how long it held, and who
//! waited for whom.
//!
//! ```
//! use nexus_lockprof::Mutex;
//!
//! static SESSIONS: Mutex<Vec<u32>> = Mutex::named("sessions", Vec::new());
//!
//! SESSIONS.lock().push(7);
//!
//! let snapshot = nexus_lockprof::snapshot();
//! # #[cfg(feature = "profile")] {
//! let point = snapshot.point("sessions").ok_or("not recorded")?;
//! assert_eq!((point.acquisitions, point.contentions), (1, 0));
//! # }
//! println!("{snapshot}"); // LOCK_PROFILING(9)'s columns
//! # Ok::<(), &'static str>(())
//! ```
//!
//! # The locks
//! [`Mutex`], [`RwLock`], [`RecursiveRwLock`], [`ReentrantMutex`], [`FairMutex`] and [`Condvar`]
//! have parking_lot 0.13's API. `named` gives a lock a name; `new` remembers where it was called.
//! All locks with one name, or created at one place, form one *lock class*. `Profiled<R>` profiles
//! any `lock_api` raw lock. [`std_sync`] has the locks of `std::sync`, including poisoning.
//!
//! The [guide](_guide) explains how to instrument a program, steer the profiler and read a report.
//!
//! # What it measures
//! An *acquisition point* is a lock class, a mode, and the place of the `lock()`, `read()`, ...
//! call. It is the key of every [`Point`].
//!
//! Counts are exact. [`Mode::Sampled`], the default, times every long wait and a random sample of
//! the short waits and the holds. A budget of each thread's time limits the sample. Estimated
//! totals say so and carry their standard error.
//!
//! # What it costs
//! In a loop that only locks and unlocks, the default mode is as fast as parking_lot, within 2 %.
//! Programs that take a lock every 50 to 200 ns ran 2 to 5 % slower. The hot path adds no atomic
//! read-modify-write, allocation, lock or system call. Without the default feature `profile` the
//! locks *are* parking_lot's, and snapshots are empty.
//!
//! # Features
//!
//! | feature | default | effect |
//! | --- | --- | --- |
//! | `profile` | yes | profiles; off, the locks are parking_lot's own types |
//! | `json` | yes | snapshots as JSON; brings serde_json |
//! | `serve` | | `serve` and `LOCKPROF_SERVE`: an HTTP endpoint. Unix only, no async runtime |
//! | `stacks` | | [`Config::stacks`] and `LOCKPROF_STACKS`: call stacks of long waits; brings backtrace |
//! | `tokio` | | `tokio::sync`'s locks, profiled |
//! | `tracing` | | sends `lock.hot` events to the `tracing` crate |
//! | `metrics` | | sends snapshots to the `metrics` crate's recorder |
//! | `arc_lock`, `serde`, `send_guard`, `deadlock_detection`, `owning_ref` | | parking_lot's own, under its names |
//!
//! `owning_ref` is for code that already uses the crate of that name, which is unsound and
//! unmaintained ([RUSTSEC-2022-0040](https://rustsec.org/advisories/RUSTSEC-2022-0040)).

#[cfg(any(feature = "profile", feature = "tokio"))]
mod access;
mod deadlock_watch;
#[macro_use]
mod from_value;
mod global;
#[cfg(any(feature = "tracing", feature = "metrics"))]
pub mod integrations;
mod locks;
mod raw;
pub mod std_sync;
#[cfg(feature = "tokio")]
pub mod tokio;

/// Engines as values: for tests on a manual clock, or for separate statistics.
pub mod engine {
    pub use nexus_lockprof_engine::{
        Config, ConfigError, Engine, EngineRef, Event, Global, HandlerId, Intervals, ManualClock,
        Mode, Reporter,
    };
    #[cfg(all(feature = "serve", unix))]
    pub use nexus_lockprof_serve::ServeEngine;
}

#[doc = include_str!("guide.md")]
pub mod _guide {}

pub use deadlock_watch::{DeadlockWatch, abort_on_deadlock};
pub use global::{
    config, configure, intervals, on_event, published, remove_handler, reporter, reset, snapshot,
    tick, warm_up,
};
#[cfg(all(feature = "serve", unix))]
pub use global::{serve, serve_within};
pub use lock_api;
pub use locks::*;
#[cfg(feature = "profile")]
pub use nexus_lockprof_adaptor::{Profiled, ProfiledCondvar, ProfiledGuard, ProfiledRecursive};
pub use nexus_lockprof_engine::{Config, ConfigError, Event, HandlerId, Intervals, Mode, Reporter};
#[cfg(all(feature = "serve", unix))]
pub use nexus_lockprof_serve::{Limits, Listen, ListenError, ServeError, Server};
pub use nexus_lockprof_snapshot::{
    AcquireMode, Bucket, Change, Deadlock, Durations, Edge, EdgeEnd, Evidence, Expected, Finding,
    FindingKind, Frame, Histogram, Holder, Hot, HotLine, HotMetric, Instance, Lock, LockPair,
    Losses, Overhead, ParseEventError, PastInterval, PastPoint, Peak, Point, PotentialDeadlock,
    ProfilerMode, ReadError, RwLockWaits, Sample, Samples, SinceError, Site, Slow, SlowHolder,
    SlowLine, SlowMetric, Snapshot, SnapshotParts, Stack, Stuck, TableStats, Thread, ThreadKind,
    ThreadRow, ThreadTime, TimeShare, Utilisation, WaitCause, Waiter, WaitsByCause, WhatIf,
    WriteError, printable,
};

/// Compiles and runs the README's example with the other doc tests.
#[cfg(all(doctest, feature = "profile"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// And so is that of the package's own.
#[cfg(all(doctest, feature = "profile"))]
#[doc = include_str!("../README.md")]
struct PackageReadme;

/// And so is the code of the guides.
#[cfg(all(doctest, feature = "profile"))]
#[doc = include_str!("../../../docs/guide/migrate.md")]
struct Migrate;
