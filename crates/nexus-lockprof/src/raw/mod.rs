//! The raw locks under the lock types, in two versions that export the same names.
//!
//! `enabled.rs` wraps parking_lot's raw locks in [`Profiled`](crate::Profiled); `disabled.rs`, used
//! when the feature `profile` is off, hands out parking_lot's own. Nothing outside this folder asks
//! which one it got.

#[cfg(not(feature = "profile"))]
mod disabled;
#[cfg(feature = "profile")]
mod enabled;
#[cfg(feature = "profile")]
mod reentrant;

#[cfg(not(feature = "profile"))]
pub use disabled::{
    RawCondvar, RawFairMutex, RawMutex, RawReentrant, RawRwLock, RawRwLockRecursive,
};
#[cfg(feature = "profile")]
pub use enabled::{
    RawCondvar, RawFairMutex, RawMutex, RawReentrant, RawRwLock, RawRwLockRecursive,
};

#[cfg(not(feature = "profile"))]
pub(crate) use disabled::*;
#[cfg(feature = "profile")]
pub(crate) use enabled::*;
