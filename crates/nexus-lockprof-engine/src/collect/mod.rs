//! What reads the shards of all threads and merges them into a snapshot.

pub(crate) mod aggregate;
pub(crate) mod lifetime_sample;
pub(crate) mod monitor;
#[cfg(not(feature = "stacks"))]
mod no_callers;

#[cfg(feature = "stacks")]
pub(crate) use crate::stacks::Callers;
#[cfg(not(feature = "stacks"))]
pub(crate) use no_callers::Callers;
