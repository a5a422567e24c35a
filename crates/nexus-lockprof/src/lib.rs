//! An always-on lock profiler: parking_lot's locks, and for every place where one is acquired how
//! often, how often contended, how long it waited, how long it held, and who waited for whom.
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
//! [`Mutex`], [`RwLock`], [`RecursiveRwLock`], [`ReentrantMutex`], [`FairMutex`] and [`Condvar`] have
//! parking_lot 0.13's API. `named` gives a lock a name; `new` remembers where it was called. All locks with
//! one name, or made at one place, are one *lock class*. `Profiled<R>` makes any `lock_api` raw lock a profiled one.
//! [`std_sync`] has the locks of `std::sync`, poisoning and all.
//!
//! # What it measures
//! An *acquisition point* is a lock class, a mode and the place of the `lock()`, `read()`, ... call: the
//! key of every [`Point`]. Counts are exact. In [`Mode::Sampled`], the default, every long wait is timed, and a
//! random sample of the short waits and of the holds, as large as a budget of each thread's time allows; totals that are
//! estimated say so and carry their standard error.
//! `docs/perf/lock-profiling.md` explains every number, and what it does not tell.
//!
//! # What it costs
//! Uncontended, a lock and unlock takes a few per cent longer than parking_lot's: no atomic
//! read-modify-write, allocation, lock or system call is added. `docs/performance.md` has the figures. Without the
//! default feature `profile` the locks *are* parking_lot's, and snapshots are empty.
//!
//! # Control
//! [`configure`] changes mode, thresholds and caps while the program runs. Without it, the environment is read
//! at the first use of a lock: `LOCKPROF=off|counts|sampled|exact`, `LOCKPROF_BUDGET=1%`,
//! `LOCKPROF_OUT=FILE`, which writes the last snapshot at exit (`%p` in it is the process, `%e` the program),
//! `LOCKPROF_EVERY=10s`, which writes it that often before, and, with the feature `stacks`, `LOCKPROF_STACKS=on`, which looks at
//! the call stacks of long waits ([`Point::callers`], [`Config::stacks`]). With the feature `serve`, `serve` and `LOCKPROF_SERVE=unix` start
//! an HTTP endpoint that `lockprof`, Prometheus and others pull from. [`on_event`] hears of [`Event::Hot`]:
//! points whose 95th percentile passed a threshold. A set-user-ID program ignores the environment.
//!
//! # The feature `owning_ref`
//! It is parking_lot's, and brings the crate `owning_ref`, which is unsound and no longer maintained
//! ([RUSTSEC-2022-0040](https://rustsec.org/advisories/RUSTSEC-2022-0040)): it is for code that uses that crate already.

mod global;
#[cfg(any(feature = "tracing", feature = "metrics"))]
pub mod integrations;
mod locks;
mod raw;
pub mod std_sync;
#[cfg(feature = "tokio")]
pub mod tokio;

/// Engines as values: for tests on a manual clock, and for statistics of their own.
pub mod engine {
    pub use nexus_lockprof_engine::{
        Config, ConfigError, Engine, EngineRef, Event, Global, HandlerId, ManualClock, Mode,
        Reporter,
    };
}

pub use global::{
    config, configure, on_event, published, remove_handler, reporter, reset, snapshot, tick,
    warm_up,
};
#[cfg(all(feature = "serve", unix))]
pub use global::{serve, serve_within};
pub use lock_api;
pub use locks::*;
#[cfg(feature = "profile")]
pub use nexus_lockprof_adaptor::{Profiled, ProfiledCondvar, ProfiledGuard, ProfiledRecursive};
pub use nexus_lockprof_engine::{Config, ConfigError, Event, HandlerId, Mode, Reporter};
#[cfg(all(feature = "serve", unix))]
pub use nexus_lockprof_engine::{Limits, Listen, ListenError, ServeError, Server};
pub use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Frame, Hot, HotLine, HotMetric, Lock, Losses, Overhead, ParseHotError,
    Point, ProfilerMode, ReadError, Sample, Samples, SinceError, Site, Snapshot, SnapshotParts,
    Stack, TableStats, WriteError, printable,
};

/// The README's example is compiled and run like the others.
#[cfg(all(doctest, feature = "profile"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
