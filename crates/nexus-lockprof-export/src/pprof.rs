//! pprof profiles, as Go has them of its mutexes.
//!
//! [`block`] puts the time on who waited, [`mutex`] on who held the lock meanwhile. Both are
//! gzipped `profile.proto`s, which `go tool pprof`, Pyroscope, Parca and Grafana Alloy read as they
//! read `/debug/pprof/block` and `/debug/pprof/mutex` of a Go program.
//!
//! | sample type | of `block` | of `mutex` |
//! | --- | --- | --- |
//! | `contentions/count` | the point's contentions | how often others waited for it: its `blocked` |
//! | `delay/nanoseconds` | its waiting | the waiting that it caused |
//! | `hold/nanoseconds` | its holds | its holds |
//!
//! Added up over a profile, each is what it is added up over the snapshot's points, to the unit.
//!
//! The innermost function of each sample is the acquisition point, called `LOCK at FILE:LINE`. In
//! `block`, what waited in a call stack that was looked at (`Config::stacks`) has the stack's
//! functions around it; the rest, and all holds, are at the point alone: nobody looked. Who held a
//! lock is known by place only, so `mutex` has no further functions.
//!
//! Samples have the labels `lock` and `mode`. The comments (`go tool pprof -comments`) tell the
//! profiler's mode, what was lost, and which sums are estimates.
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

/// The profile of who waited: gzipped, see the [module](self).
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

/// The profile of who made others wait: gzipped, see the [module](self).
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
