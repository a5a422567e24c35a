//! The suite on the stand-in for parking_lot 0.12.

mod locks {
    pub(super) use ::shim_0_12::*;

    /// The raw lock under `ReentrantMutex` has its own name in our crate.
    pub(super) type RawReentrant = ::shim_0_12::RawMutex;
}

/// This version excludes what only parking_lot 0.13 has.
macro_rules! since_0_13 {
    ($($code:tt)*) => {};
}
macro_rules! before_0_13 {
    ($($code:tt)*) => { $($code)* };
}

#[allow(clippy::duplicate_mod, reason = "the point: one suite, several crates")]
#[path = "suite/mod.rs"]
mod suite;
