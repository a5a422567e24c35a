//! The suite on parking_lot: proves that the tests match parking_lot's behaviour.

mod locks {
    pub(super) use ::parking_lot::*;

    /// The raw lock under `ReentrantMutex` has its own name in our crate.
    pub(super) type RawReentrant = ::parking_lot::RawMutex;
}

/// This version includes what only parking_lot 0.13 has.
macro_rules! since_0_13 {
    ($($code:tt)*) => { $($code)* };
}
macro_rules! before_0_13 {
    ($($code:tt)*) => {};
}

#[allow(clippy::duplicate_mod, reason = "the point: one suite, two crates")]
#[path = "suite/mod.rs"]
mod suite;
