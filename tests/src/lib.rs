//! Helpers of the integration tests.

#[cfg(feature = "profile")]
pub mod announcing;
#[cfg(feature = "profile")]
pub mod bench;
pub mod children;
#[cfg(feature = "profile")]
pub mod conservation;
#[cfg(feature = "profile")]
pub mod edges;
pub mod histograms;
#[cfg(all(feature = "serve", unix))]
pub mod http;
#[cfg(feature = "profile")]
pub mod plugin;
pub mod spin;
#[cfg(feature = "profile")]
pub mod threads;
#[cfg(feature = "profile")]
pub mod witness;
#[cfg(feature = "profile")]
pub mod workload;
