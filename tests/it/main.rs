//! The integration tests, in one binary.

mod api;
#[cfg(feature = "profile")]
mod blame;
#[cfg(feature = "profile")]
mod budget;
#[cfg(feature = "profile")]
mod conservation;
// With `send_guard` no deadlock is certain.
#[cfg(all(feature = "profile", target_os = "linux", not(feature = "send_guard")))]
mod deadlock;
#[cfg(feature = "profile")]
mod findings;
#[cfg(feature = "profile")]
mod hot;
#[cfg(feature = "profile")]
mod instances;
#[cfg(all(feature = "profile", any(feature = "tracing", feature = "metrics")))]
mod integrations;
#[cfg(feature = "profile")]
mod intervals;
#[cfg(feature = "profile")]
mod light_peek;
#[cfg(feature = "profile")]
mod modes;
#[cfg(feature = "profile")]
mod odd_places;
#[cfg(feature = "profile")]
mod order;
#[cfg(feature = "profile")]
mod scene;
#[cfg(all(not(feature = "profile"), feature = "serve", unix))]
mod serve_off;
#[cfg(feature = "profile")]
mod slow;
#[cfg(all(feature = "profile", feature = "stacks"))]
mod stacks;
#[cfg(feature = "profile")]
mod statistics;
mod std_api;
#[cfg(feature = "profile")]
mod threads;
#[cfg(feature = "tokio")]
mod tokio_api;
#[cfg(feature = "profile")]
mod waiters;
