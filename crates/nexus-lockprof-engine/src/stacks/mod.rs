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

#[cfg(all(feature = "addresses", not(lockprof_loom)))]
mod capture;
#[cfg(all(feature = "addresses", not(lockprof_loom)))]
mod merge;
#[cfg(all(feature = "addresses", not(lockprof_loom)))]
mod modules;
#[cfg(any(not(feature = "addresses"), lockprof_loom))]
mod off;
#[cfg(all(not(feature = "addresses"), not(lockprof_loom)))]
mod off_callers;
#[cfg(all(not(feature = "addresses"), not(lockprof_loom)))]
mod off_core;
#[cfg(all(feature = "addresses", not(lockprof_loom)))]
mod sample;
#[cfg(all(feature = "addresses", not(lockprof_loom)))]
mod symbols;
#[cfg(all(feature = "addresses", not(lockprof_loom)))]
mod table;
#[cfg(test)]
#[cfg(all(feature = "addresses", not(lockprof_loom)))]
mod tests;
#[cfg(all(feature = "addresses", not(lockprof_loom)))]
mod unwinder;

#[cfg(any(not(feature = "addresses"), lockprof_loom))]
pub(crate) use off::{Noted, StackSampling, StackTable, Switch};
#[cfg(all(feature = "addresses", not(lockprof_loom)))]
pub(crate) use {
    merge::Callers,
    sample::{Noted, StackSampling, Switch},
    symbols::leave_addresses,
    table::StackTable,
};

#[cfg(all(not(feature = "addresses"), not(lockprof_loom)))]
pub(crate) use {off::leave_addresses, off_callers::Callers};

/// Whether stacks can be switched on.
pub(crate) const SUPPORTED: bool = cfg!(feature = "addresses");
