//! The suite on what takes parking_lot 0.13's place.

use ::shim_0_13 as locks;

/// What only parking_lot 0.13 has is in this version.
macro_rules! since_0_13 {
    ($($code:tt)*) => { $($code)* };
}
macro_rules! before_0_13 {
    ($($code:tt)*) => {};
}

#[allow(clippy::duplicate_mod, reason = "the point: one suite, several crates")]
#[path = "suite/mod.rs"]
mod suite;
