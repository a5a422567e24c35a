//! Outputs of the nexus-lockprof lock profiler: a [`Snapshot`](nexus_lockprof_snapshot::Snapshot) goes in, a format
//! comes out.
//!
//! | format | module |
//! | --- | --- |
//! | tables for a terminal | [`text`] |
//!
//! JSON is the snapshot's own ([`Snapshot::to_json`](nexus_lockprof_snapshot::Snapshot::to_json)).
//!
//! Every output shows what the profiler could not record, when there is any of it.
#![forbid(unsafe_code)]

pub mod text;
