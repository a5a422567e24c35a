//! [`Series`]: intervals of one client.

use nexus_lockprof_snapshot::Snapshot;

/// A series of intervals that no other reader disturbs.
pub trait Series: Send {
    /// What happened since the last call of either function, or at first since the start or the
    /// last reset.
    fn interval(&mut self) -> Snapshot;

    /// Everything since the start or the last reset, with the interval's samples as
    /// [`recent`](nexus_lockprof_snapshot::Durations::recent).
    fn snapshot(&mut self) -> Snapshot;
}
