//! Reads the shards of all threads and merges them into a snapshot.

pub(crate) mod aggregate;
pub(crate) mod lifetime_sample;
pub(crate) mod monitor;
