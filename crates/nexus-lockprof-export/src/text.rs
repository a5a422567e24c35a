//! Tables for a terminal or a log.
//!
//! [`table`] is the report: one row per acquisition point, with percentiles, fitted to the
//! terminal's width. [`freebsd`] is the table of LOCK_PROFILING(9), for tools that read that
//! format.
//!
//! Above the table are the snapshot's [findings](Snapshot::findings), if there are any.
//!
//! # Columns of the report
//!
//! | column | what it is |
//! | --- | --- |
//! | `lock` | the lock class: its name, `new@` the line that created it, or `first@` the line that used it first |
//! | `site` | `file:line` of the call that acquires |
//! | `m` | mode: `ex`clusive, `sh`ared or `up`gradable |
//! | `acq` | acquisitions |
//! | `contention` | acquisitions that found the lock taken, and the contention ratio |
//! | `tryfail` | `try_*` calls that found the lock taken |
//! | `timeouts` | timed acquires that gave up |
//! | `cancelled` | acquires of tasks that were dropped while waiting |
//! | wait: `total` `p50` `p95` `p99` `max` | times from finding the lock taken to owning it |
//! | hold: `total` `p50` `p95` `p99` `max` | times from owning the lock to releasing it |
//! | `blocked` | how often others waited while this point held the lock |
//! | `caused` | how long they waited |
//!
//! Times and counts have three significant digits: `1.23ms`, `45.6k`. `~` marks an estimate from a
//! sample of the events; `-` means not measured. `max` is the longest measured time. A total with a
//! standard error above 10 % shows it: `~2.96s±74%`. In a narrow table, a total with an error above
//! 50 % shows `~2.96s?` instead.
//!
//! Above the table is who waits, if anybody does: for each lock its holder, and below it each
//! waiting thread or task with its time and place. A holder's time follows it if that hold is
//! timed. Among several readers the latest stands for all.
//!
//! Below the table are the locks of a class that were waited for most, if they are few of many
//! ([`instances`]), and then what each thread has done ([`threads`]), if it is asked for or one
//! thread waited far more than the others.
//!
//! Below that, a line says what share of the time each lock was held: exclusive and upgradable
//! holds, and readers apart. More than 100 % means that the class has several locks, or readers
//! that overlap. The same line says how many threads' worth of time was lost to waiting.
//!
//! Last comes why threads waited for reader-writer locks, if any did: a writer behind readers, a
//! reader behind a waiting writer, and so on.
//!
//! Above all that are sentences on deadlocks, if there are any, and then on locks that were
//! acquired in orders which can deadlock.
//!
//! Paths omit the directories that hold all of a machine's crates. `tokio-1.2.3/src/sync/mutex.rs`
//! belongs to a crate that cargo has fetched, `std/src/thread.rs` to the standard library. Two
//! points on one line also show their columns.
//!
//! Below a point that waited is a line with the points that held the lock meanwhile, by their share
//! of the waiting. It is left out if the point waited only behind itself.
//!
//! Below a point at which threads waited mostly in a few of the last intervals is a line that says
//! when ([`Snapshot::peak`]), with the waiting of each interval as bars.
//!
//! Below a point with recorded call stacks (`Config::stacks`) are its callers, by their share of
//! the waiting. Each line has the number of waits (`~` marks an estimate) and the calling
//! functions. The first function called the one that contains the point, whose place the row shows.
//!
//! A table that is too wide first shortens paths in the middle, and keeps the file's name and line.
//! Then it leaves out columns, the least useful first. The column that it is sorted by stays. A
//! column without a value in any row is always left out, such as all times in mode `counts`.

mod behind;
mod callers;
mod column;
mod deadlocks;
mod findings;
mod grid;
mod instances;
mod layout;
mod order;
mod peak;
mod rwlocks;
mod sort;
mod table;
mod threads;
mod utilisation;
mod waiters;

use std::fmt;

use nexus_lockprof_snapshot::Snapshot;

pub use behind::behind;
pub use callers::callers;
pub use deadlocks::deadlocks;
pub use findings::finding;
pub use instances::{instance_rows, instances, instances_of};
pub use order::{lock_order, lock_order_note, potential_deadlock};
pub use peak::{bars, peak};
pub use rwlocks::rwlock;
pub use sort::SortKey;
pub use table::Table;
pub use threads::{thread_rows, threads};

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

/// FreeBSD's LOCK_PROFILING(9) table, which is also the snapshot's [`Display`](fmt::Display).
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
