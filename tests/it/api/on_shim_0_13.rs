//! The suite on the stand-in for parking_lot 0.13.

use ::shim_0_13 as locks;

/// This version includes what only parking_lot 0.13 has.
macro_rules! since_0_13 {
    ($($code:tt)*) => { $($code)* };
}
macro_rules! before_0_13 {
    ($($code:tt)*) => {};
}

#[allow(clippy::duplicate_mod, reason = "the point: one suite, several crates")]
#[path = "suite/mod.rs"]
mod suite;
