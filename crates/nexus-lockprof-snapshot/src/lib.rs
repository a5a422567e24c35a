//! Plain data types of the nexus-lockprof lock profiler: engines make them, and every output reads
//! them.
//!
//! A [`Snapshot`] is a copy of all statistics at one time, without lifetimes or locks. It has one
//! [`Point`] for each acquisition point: a [`Lock`] class, an [`AcquireMode`] and the [`Site`] of
//! the call. A point counts exactly. It keeps the times of its waits and holds as [`Durations`],
//! which give any quantile.
//!
//! | to | use |
//! | --- | --- |
//! | find what waited | [`Snapshot::points`], [`Snapshot::point`], [`Durations::quantile`] |
//! | see who waited | [`Point::callers`] |
//! | see who waits, and what is stuck | [`Snapshot::waiters`], [`Snapshot::deadlocks`] |
//! | see which thread waited | [`Snapshot::threads`] |
//! | see which lock of a class was waited for | [`Snapshot::instances`] |
//! | add up a fleet's percentiles | [`Histogram`] |
//! | see behind whom | [`Snapshot::edges`], [`Snapshot::edges_from`] |
//! | see why readers and writers waited | [`Snapshot::rwlocks`], [`Snapshot::causes`] |
//! | compute an interval | [`Snapshot::since`] |
//! | see how busy a lock is | [`Snapshot::utilisation`], [`Snapshot::waited`] |
//! | know what is missing | [`Snapshot::losses`], [`Durations::is_estimate`], [`Durations::standard_error_ns`] |
//! | store it or send it | [`Snapshot::write_file`], [`Snapshot::to_bytes`], [`Snapshot::from_bytes`], serde |
//! | the same as JSON, with the feature `json` | [`Snapshot::to_json`], [`Snapshot::from_json`] |
//! | print it | [`Display`](std::fmt::Display); richer tables are in `nexus-lockprof-export` |
//! | read an event | [`Hot`], [`HotLine`], [`Slow`], [`SlowLine`], [`Deadlock`], [`Stuck`] |
//! | make one | [`Snapshot::from_parts`] |
//!
//! # Which numbers are exact
//!
//! Counts are exact. Times may come from a sample of the events. Then [`Durations::is_estimate`] is
//! true, the total has a standard error, and each [`Sample`] has the number of events that it
//! represents. [`Losses`] counts the events that were not recorded, by cause.
//!
//! # The table
//!
//! A snapshot displays like FreeBSD's LOCK_PROFILING(9) prints `debug.lock.prof.stats`. Times are
//! in whole microseconds, rounded down:
//!
//! | column | what it is |
//! | --- | --- |
//! | `max`, `wait_max` | longest hold, longest wait |
//! | `total`, `wait_total` | sum of the holds, of the waits |
//! | `count` | acquisitions |
//! | `avg`, `wait_avg` | `total` and `wait_total` over `count` |
//! | `cnt_hold` | how often others waited while this point held the lock |
//! | `cnt_lock` | how often this point waited |
//! | `name` | `file:line (lock)` |
//!
//! `-` means not measured, such as all times in mode `counts`. Below the table, a line `ESTIMATED
//! ...` says which totals come from samples, and a line `LOST ...` what was not recorded. Each
//! appears only if needed.
//!
//! ```
//! use nexus_lockprof_snapshot::{AcquireMode, Durations, Lock, Point, Site, Snapshot, SnapshotParts};
//!
//! let snapshot = Snapshot::from_parts(SnapshotParts {
//!     points: vec![Point {
//!         acquisitions: 4,
//!         contentions: 1,
//!         wait: Durations { samples: 1, events: 1, total_ns: 9_000, max_ns: 9_000, ..Durations::default() },
//!         hold: Durations { samples: 4, events: 4, total_ns: 20_000, max_ns: 8_000, ..Durations::default() },
//!         ..Point::new(Lock::Named("cache".into()), AcquireMode::Exclusive, Site::new("src/cache.rs", 12, 20))
//!     }],
//!     ..SnapshotParts::default()
//! });
//! let table = snapshot.to_string();
//! let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split_whitespace().collect()).collect();
//! assert_eq!(rows[0].join(" "), "max wait_max total wait_total count avg wait_avg cnt_hold cnt_lock name");
//! assert_eq!(rows[1].join(" "), "8 9 20 9 4 5 2 0 1 src/cache.rs:12 (cache)");
//! ```
#![forbid(unsafe_code)]

mod binary;
mod bounds;
mod cause;
mod deadlock;
mod document;
mod duration;
mod durations;
mod edge;
mod edge_interval;
mod estimate;
mod figure;
mod findings;
mod freebsd;
mod head;
mod histogram;
mod hot;
mod instance;
mod interval;
mod json;
#[cfg(feature = "json")]
mod json_text;
mod labels;
mod logfmt;
mod marker;
mod merge;
pub mod number;
mod order;
mod own_frames;
mod past;
mod peak;
mod place;
mod point;
mod portable;
mod printable;
mod profiler;
mod quantile;
mod read;
mod read_error;
mod renamed;
mod replace;
mod rest;
mod rwlock;
mod sample;
mod samples;
mod since;
mod slow;
mod snapshot;
mod stack;
mod text;
mod threads;
mod utilisation;
mod waiter;
mod what_if;
mod write;

pub use cause::{WaitCause, WaitsByCause};
pub use deadlock::{Deadlock, Stuck};
pub use duration::parse_duration;
pub use durations::Durations;
pub use edge::{Edge, EdgeEnd};
pub use figure::{Figure, FigureKind};
pub use findings::{Evidence, Finding, FindingKind};
pub use head::SnapshotParts;
pub use histogram::{Bucket, Histogram};
pub use hot::{Hot, HotLine, HotMetric};
pub use instance::Instance;
pub use interval::{IntervalSamples, IntervalStart};
pub use marker::ParseEventError;
pub use merge::Merge;
pub use order::{LockPair, PotentialDeadlock};
pub use own_frames::own_frames;
pub use past::{PastInterval, PastPoint};
pub use peak::Peak;
pub use place::{AcquireMode, Lock, Site};
pub use point::Point;
pub use portable::{Origin, PortablePaths, portable_path};
pub use printable::{is_printable, printable, printable_lines, printable_message};
pub use profiler::{Loss, Losses, Overhead, ProfilerMode, TableStats};
pub use read_error::ReadError;
pub use replace::replace_file;
pub use rwlock::RwLockWaits;
pub use sample::Sample;
pub use samples::Samples;
pub use since::SinceError;
pub use slow::{Slow, SlowHolder, SlowLine, SlowMetric};
pub use snapshot::Snapshot;
pub use stack::{Frame, Stack};
pub use text::Text;
pub use threads::{ThreadKind, ThreadRow, ThreadTime};
pub use utilisation::{TimeShare, Utilisation};
pub use waiter::{Holder, Thread, Waiter};
pub use what_if::{Change, Expected, WhatIf};
pub use write::WriteError;

/// The media type of [`Snapshot::to_bytes`] for HTTP. JSON has `application/json`.
pub const MEDIA_TYPE: &str = "application/vnd.lockprof";
