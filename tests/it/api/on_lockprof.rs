//! The suite on our locks.

use ::nexus_lockprof as locks;

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
