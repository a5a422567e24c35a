//! What the benches and the gates in `ci/` share: the measured lock operations, and how to compare two of them.
//!
//! The operations in [`paths`] are compiled once and used by the benches, by the gate on executed instructions and by
//! the gate on identical machine code, so that all three speak about the same code.

pub mod measure;
pub mod memory;
pub mod modes;
pub mod paths;
pub mod results;
pub mod threads;
pub mod truth;
