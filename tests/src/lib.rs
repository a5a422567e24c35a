//! Helpers of the integration tests.

#[cfg(feature = "profile")]
pub mod announcing;
#[cfg(feature = "profile")]
pub mod bench;
