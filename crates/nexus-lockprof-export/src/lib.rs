//! Output formats of the lock profiler nexus-lockprof. Each turns a
//! [`Snapshot`](nexus_lockprof_snapshot::Snapshot) into one format.
//!
//! | format | module |
//! | --- | --- |
//! | tables for a terminal | [`text`] |
//! | Prometheus and OpenMetrics | [`prometheus`] |
//! | pprof, as Go's mutex and block profiles | [`pprof`] |
//! | folded stacks, for flame graphs | [`folded`] |
//! | CSV | [`csv`] |
//! | a page for the browser | [`html`] |
//! | OpenTelemetry's metrics, with the feature `otlp` | `otlp` |
//!
//! [`Snapshot::to_json`](nexus_lockprof_snapshot::Snapshot::to_json) writes JSON.
//!
//! Every output shows the profiler's losses, if any.
#![forbid(unsafe_code)]

pub mod csv;
pub mod folded;
pub mod html;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod pprof;
pub mod prometheus;
pub mod readable;
mod series;
pub mod text;
mod waiting;
