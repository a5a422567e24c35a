//! Tables for a terminal or a log.
//!
//! [`table`] is the report: one row for each acquisition point, with percentiles, cut to fit a
//! terminal's width. [`freebsd`] is the table of LOCK_PROFILING(9), for whoever has tools that read
//! that.
//!
//! # Columns of the report
//!
//! | column | what it is |
//! | --- | --- |
//! | `lock` | the lock class: its name, `new@` the line that created it, or `first@` the line that used it first |
//! | `site` | `file:line` of the call that acquires |
//! | `m` | mode: `ex`clusive, `sh`ared or `up`gradable |
//! | `acq` | acquisitions |
//! | `contended` | those that found the lock taken, and their share |
//! | `tryfail` | `try_*` calls that found the lock taken |
//! | `timeouts` | timed acquires that gave up |
//! | `cancelled` | acquires of tasks that were dropped while they waited |
//! | wait: `total` `p50` `p95` `p99` `max` | times from finding the lock taken to owning it |
//! | hold: `total` `p50` `p95` `p99` `max` | times from owning the lock to releasing it |
//! | `blocked` | how often others waited while this point held the lock |
//! | `caused` | for how long they waited |
//!
//! Times and counts have three significant digits: `1.23ms`, `45.6k`. `~` marks what is estimated
//! from a sample of the events, `-` is what was not measured. `max` is the longest time that was
//! measured. A total whose standard error is above 10 % shows it: `~2.96s±74%`. Where there is no
//! room for that, `~2.96s?` has one above 50 %.
//!
//! Paths are without what is the same for all of a machine's crates:
//! `tokio-1.2.3/src/sync/mutex.rs` is of a crate that cargo has fetched, `std/src/thread.rs` of the
//! standard library. Two points of one line have their columns, too.
//!
//! Below a point whose call stacks were looked at (`Config::stacks`) are its callers, by their
//! share of the waiting: how many waits, and the functions that called, `~` if that is an estimate.
//! The first of them is who called the function that the point is in: the row says where that is.
//!
//! A table that is too wide first shortens paths in the middle, keeping the file's name and the
//! line, then leaves out columns: those of the list above that say least beside the others go
//! first, the column it is sorted by stays. Columns of which no row has anything are always left
//! out, such as all times in mode `counts`.

mod callers;
mod column;
mod elide;
mod grid;
mod layout;
mod names;
pub mod pieces;
mod table;
mod unit;

use std::fmt;

use nexus_lockprof_snapshot::Snapshot;

pub use table::{SortKey, Table};

/// The report of a snapshot: see the [module](self). Set its options, then display it.
///
/// ```
/// use nexus_lockprof_export::text::{self, SortKey};
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// println!("{}", text::table(&snapshot).width(120).top(10).sort(SortKey::TotalHold));
/// ```
pub fn table(snapshot: &Snapshot) -> Table<'_> {
    Table::new(snapshot)
}

/// The table of FreeBSD's LOCK_PROFILING(9): the snapshot's own [`Display`](fmt::Display).
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// assert_eq!(text::freebsd(&snapshot).to_string(), snapshot.to_string());
/// ```
pub fn freebsd(snapshot: &Snapshot) -> impl fmt::Display + '_ {
    snapshot
}
