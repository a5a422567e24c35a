//! Events and snapshots in the `tracing` and `metrics` crates. Each needs the feature of its name.

#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "tracing")]
pub mod tracing;
