//! Shared by the benches and the gates in `ci/`: the measured lock operations, and how to compare
//! two of them.
//!
//! The operations in [`paths`] are compiled once. The benches, the gate on executed instructions
//! and the gate on identical machine code all use them, so all three measure the same code.

pub mod comparison;
pub mod interval;
pub mod measure;
pub mod memory;
pub mod modes;
pub mod paths;
pub mod placements;
mod points;
pub mod results;
pub mod threads;
pub mod truth;
