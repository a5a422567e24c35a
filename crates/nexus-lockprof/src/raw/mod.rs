//! The raw locks under the lock types, in two versions that export the same names.
//!
//! `enabled.rs` wraps parking_lot's raw locks in [`Profiled`](crate::Profiled). `disabled.rs`, for
//! the feature `profile` off, exports parking_lot's own. No code outside this folder depends on
//! which one it gets.

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
