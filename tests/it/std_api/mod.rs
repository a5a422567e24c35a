//! `std::sync`'s API, on std itself and on `std_sync`.
//!
//! The tests in `suite/` are compiled twice, against two modules that they know as `sync`: what
//! passes on std must pass on ours. Tests of our additions are in `ours.rs`, and tests of the
//! records in `sites.rs` and `contention.rs`.

#![allow(
    clippy::unwrap_used,
    reason = "clippy allows it in tests, but not in what they share"
)]

mod auto_traits;
#[cfg(feature = "profile")]
mod contention;
mod on_lockprof;
mod on_std;
mod ours;
#[cfg(feature = "profile")]
mod sites;
