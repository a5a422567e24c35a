//! The integration tests, in one binary.

#![cfg_attr(not(feature = "profile"), allow(unused_crate_dependencies))]

mod api;
#[cfg(feature = "profile")]
mod conservation;
#[cfg(feature = "profile")]
mod hot;
#[cfg(feature = "profile")]
mod modes;
#[cfg(feature = "profile")]
mod odd_places;
#[cfg(feature = "profile")]
mod statistics;
