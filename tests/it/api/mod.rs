//! parking_lot's API, on parking_lot itself and on our locks.
//!
//! The tests in `suite/` are compiled twice, against two crates that they know as `locks`: what
//! passes on parking_lot must pass on ours. Tests of our additions are in `ours.rs`.

pub(crate) mod auto_traits;
mod on_lockprof;
mod on_parking_lot;
mod on_parking_lot_0_12;
mod on_shim_0_12;
mod on_shim_0_13;
mod ours;
#[cfg(feature = "profile")]
pub(crate) mod sites;

/// Held by a test that makes a deadlock: the detector looks at all threads of the process, and
/// reports each deadlock once.
#[cfg(feature = "deadlock_detection")]
static DETECTOR: std::sync::Mutex<()> = std::sync::Mutex::new(());
