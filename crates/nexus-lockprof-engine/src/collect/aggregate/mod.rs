//! Merges the shards into a snapshot.
//!
//! One collection: open the next one, walk all shards under an epoch pin, sum each point's
//! records, take in what the closed collection's reservoirs hold, subtract the last reset's sums.
//! No writer waits or is waited for, and of a shard that a thread has only that is written which is the aggregator's: where
//! it has [seen] each record.

mod account;
mod bound;
mod point;
mod points;
mod seen;
mod take_over;
mod walk;

use crate::collect::Callers;
use account::Counting;
use nexus_lockprof_snapshot::{Losses, Overhead, Text};
use points::Points;
use seen::AllSeen;
use std::hash::{BuildHasher, RandomState};

/// What collections remember from one to the next.
pub(crate) struct Aggregator {
    /// Names the engine in its snapshots. 53 bits: JSON readers keep them exactly.
    id: u64,
    /// What the program is called; `None` before the first collection.
    program: Option<Option<Text>>,
    points: Points,
    seen: AllSeen,
    callers: Callers,
    /// Whether the last collection was a peek: its interval goes on in the next one.
    goes_on: bool,
    /// Collections that were peeks: snapshots do not count them.
    peeks: u64,
    started_ns: u64,
    lost_before: Losses,
    counting: Counting,
    /// At the last reset.
    overhead_before: Overhead,
    /// Of all shards, at the last collection.
    threads_ns: u64,
    rng: fastrand::Rng,
}

impl Aggregator {
    pub(crate) fn new(started_ns: u64) -> Self {
        let random = RandomState::new();
        Aggregator {
            id: random.hash_one(0) >> 11,
            program: None,
            points: Points::default(),
            seen: AllSeen::default(),
            callers: Callers::default(),
            goes_on: false,
            peeks: 0,
            started_ns,
            lost_before: Losses::default(),
            counting: Counting::default(),
            overhead_before: Overhead::default(),
            threads_ns: 0,
            rng: fastrand::Rng::with_seed(random.hash_one(1)),
        }
    }
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod room_tests;
#[cfg(test)]
mod tests;
