//! The operations of a connected target.

use anyhow::Result;
use nexus_lockprof_snapshot::Snapshot;
use std::time::Duration;

/// How long a target may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A source of snapshots.
pub trait Source {
    /// The current snapshot.
    ///
    /// # Errors
    ///
    /// If the target does not answer, or answers something else.
    fn snapshot(&mut self) -> Result<Snapshot>;

    /// Further snapshots will follow, each compared with the one before. A process that can then
    /// has [percentiles](Snapshot::is_complete) of the time between two of them.
    fn follow(&mut self) {}

    /// Resets the target's statistics to 0.
    ///
    /// # Errors
    ///
    /// If the target does not answer, refuses, or is a file.
    fn reset(&mut self) -> Result<()>;

    /// Changes what is measured: `mode=exact`, `budget=2%`, or both with `&` between them.
    ///
    /// # Errors
    ///
    /// If the target does not answer, refuses, or is a file. The error for a refusal quotes the
    /// target.
    fn set(&mut self, changes: &str) -> Result<()>;

    /// A description, such as `/run/user/1000/lockprof/4711.sock`.
    fn describe(&self) -> String;
}
