//! The call stacks of long waits: which caller of a point waits.
//!
//! A point is one line. If that line is in a helper through which a program takes all its locks,
//! its callers are the interesting part. So a sample of the long waits capture their own stacks,
//! while the thread would wait anyway. When the wait is settled, the stack goes into a table of the
//! thread, with the sample's weight.
//!
//! - `table` has a shard's stacks, `sample` chooses the waits, and `capture` captures a stack.
//! - `merge` is the aggregator's part. `symbols` gives addresses their names, only for snapshots;
//!   `modules` only their files.
//!
//! The feature `addresses` has all of it except names, and `stacks` also has the names. Without
//! either, all of it is zero-sized types and functions that do nothing.

#[cfg(feature = "addresses")]
mod capture;
#[cfg(feature = "addresses")]
mod merge;
#[cfg(feature = "addresses")]
mod modules;
#[cfg(not(feature = "addresses"))]
mod off;
#[cfg(feature = "addresses")]
mod sample;
#[cfg(feature = "addresses")]
mod symbols;
#[cfg(feature = "addresses")]
mod table;
#[cfg(test)]
#[cfg(feature = "addresses")]
mod tests;
#[cfg(feature = "addresses")]
mod unwinder;

#[cfg(not(feature = "addresses"))]
pub(crate) use off::{Noted, StackSampling, StackTable, Switch, leave_addresses};
#[cfg(feature = "addresses")]
pub(crate) use {
    merge::Callers,
    sample::{Noted, StackSampling, Switch},
    symbols::leave_addresses,
    table::StackTable,
};

/// Whether stacks can be switched on.
#[cfg(all(feature = "addresses", not(lockprof_loom)))]
pub(crate) const SUPPORTED: bool = unwinder::SUPPORTED;
/// Whether there is anything to switch on.
#[cfg(any(not(feature = "addresses"), lockprof_loom))]
pub(crate) const SUPPORTED: bool = false;
