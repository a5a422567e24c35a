//! pprof profiles, like those that Go makes of its mutexes.
//!
//! [`block`] assigns the time to the waiters, [`mutex`] to the holders. Both are gzipped
//! `profile.proto`s. `go tool pprof`, Pyroscope, Parca and Grafana Alloy read them like
//! `/debug/pprof/block` and `/debug/pprof/mutex` of a Go program.
//!
//! | sample type | of `block` | of `mutex` |
//! | --- | --- | --- |
//! | `contentions/count` | the point's contentions | how often others waited for it: its `blocked` |
//! | `delay/nanoseconds` | its waiting | the waiting that it caused |
//! | `hold/nanoseconds` | its holds | its holds |
//!
//! Each column's sum over a profile equals the sum over the snapshot's points, to the unit.
//!
//! The innermost function of each sample is the acquisition point, called `LOCK at FILE:LINE`. In
//! `block`, waits with a recorded call stack (`Config::stacks`) have the stack's functions around
//! it. Other waits and all holds have only the point, since no stack was recorded. `mutex` has no
//! further functions, because only the place of a holder is known.
//!
//! Samples have the labels `lock` and `mode`. The comments (`go tool pprof -comments`) give the
//! profiler's mode, its losses, and which sums are estimates.
//!
//! ```no_run
//! use nexus_lockprof_export::pprof;
//! use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
//!
//! let snapshot = Snapshot::from_parts(SnapshotParts::default());
//! std::fs::write("block.pb.gz", pprof::block(&snapshot))?; // go tool pprof -top block.pb.gz
//! # Ok::<(), std::io::Error>(())
//! ```

mod comment;
mod gzip;
mod profile;
mod proto;
mod tables;

use nexus_lockprof_snapshot::Snapshot;
use prost::Message;

/// The profile of the waiters, gzipped: see the [module](self).
///
/// ```
/// use nexus_lockprof_export::pprof;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let profile = pprof::block(&Snapshot::from_parts(SnapshotParts::default()));
/// assert!(profile.starts_with(&[0x1f, 0x8b]));
/// ```
#[must_use]
pub fn block(snapshot: &Snapshot) -> Vec<u8> {
    gzip::gzip(profile::block(snapshot).encode_to_vec())
}

/// The profile of those who made others wait, gzipped: see the [module](self).
///
/// ```
/// use nexus_lockprof_export::pprof;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let profile = pprof::mutex(&Snapshot::from_parts(SnapshotParts::default()));
/// assert!(profile.starts_with(&[0x1f, 0x8b]));
/// ```
#[must_use]
pub fn mutex(snapshot: &Snapshot) -> Vec<u8> {
    gzip::gzip(profile::mutex(snapshot).encode_to_vec())
}
