//! The suite on parking_lot: shows that the tests ask for what parking_lot does.

mod locks {
    pub(super) use ::parking_lot::*;

    /// The raw lock under `ReentrantMutex` has a name of its own in our crate.
    pub(super) type RawReentrant = ::parking_lot::RawMutex;
}

/// What only parking_lot 0.13 has is in this version.
macro_rules! since_0_13 {
    ($($code:tt)*) => { $($code)* };
}
macro_rules! before_0_13 {
    ($($code:tt)*) => {};
}

#[allow(clippy::duplicate_mod, reason = "the point: one suite, two crates")]
#[path = "suite/mod.rs"]
mod suite;
