//! Outputs of the nexus-lockprof lock profiler: a [`Snapshot`](nexus_lockprof_snapshot::Snapshot) goes in, a format
//! comes out.
//!
//! | format | module |
//! | --- | --- |
//! | tables for a terminal | [`text`] |
//!
//! With the feature `serve`, on Unix, `serve` is an endpoint that hands them out over HTTP.
//!
//! JSON is the snapshot's own ([`Snapshot::to_json`](nexus_lockprof_snapshot::Snapshot::to_json)).
//!
//! Every output shows what the profiler could not record, when there is any of it.
#![forbid(unsafe_code)]

#[cfg(all(feature = "serve", unix))]
pub mod serve;
pub mod text;
