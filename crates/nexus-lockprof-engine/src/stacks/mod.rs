//! The call stacks of long waits: which caller of a point it is that waits.
//!
//! A point is one line. If that line is in a helper that all of a program's locks go through, its callers are what one
//! wants to know. So a long wait may look at its own stack, while the thread would wait anyway: a sample of the waits does,
//! and the stack goes into a table of the thread's own, with the weight of the sample, when the wait is settled.
//!
//! - `table` has the stacks of a shard; `sample` says which waits are looked at, `capture` looks at one.
//! - `merge` is the aggregator's part, `symbols` gives addresses their names, only for snapshots, or by `modules` their files.
//!
//! The feature `addresses` is all of it but names; `stacks` has them, too. Without either, all of it is types of no size and functions that
//! do nothing.

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

/// Whether there is anything to switch on.
pub(crate) const SUPPORTED: bool = cfg!(feature = "addresses");
