//! Reads the shards of all threads and merges them into a snapshot.

pub(crate) mod aggregate;
pub(crate) mod asleep;
pub(crate) mod deadlocks;
mod doubt;
pub(crate) mod history;
mod let_others_run;
pub(crate) mod lifetime_sample;
pub(crate) mod lock_order;
pub(crate) mod memory;
pub(crate) mod monitor;
#[cfg(not(feature = "addresses"))]
mod no_callers;
mod order_readings;
pub(crate) mod pullers;
mod task_waiters;
pub(crate) mod wait;
pub(crate) mod waiters;

#[cfg(feature = "addresses")]
pub(crate) use crate::stacks::Callers;
#[cfg(not(feature = "addresses"))]
pub(crate) use no_callers::Callers;
