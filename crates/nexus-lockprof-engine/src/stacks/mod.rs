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

/// Whether there is anything to switch on.
pub(crate) const SUPPORTED: bool = cfg!(feature = "addresses");
