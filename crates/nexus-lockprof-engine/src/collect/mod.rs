//! What reads the shards of all threads and merges them into a snapshot.

pub(crate) mod aggregate;
pub(crate) mod archive;
pub(crate) mod monitor;
