//! Merges the shards into a snapshot.
//!
//! One collection opens the next one and walks all shards under an epoch pin. It sums each point's
//! records and adds what the closed collection's reservoirs hold. Then it subtracts the sums of the
//! last reset. No writer waits, and the collection waits for none. In a shard that a thread has, it
//! writes only what belongs to the aggregator: where it has [seen] each record.

mod account;
mod bound;
mod edges;
mod fold;
mod instances;
mod packed_reading;
mod point;
mod points;
mod pull;
mod seen;
mod take_over;
mod threads;
mod visit;
mod walk;

use crate::collect::Callers;
use crate::collect::deadlocks::Watch;
use crate::collect::history::History;
use crate::collect::lock_order::OrderWatch;
use crate::collect::pullers::{Pending, Pullers};
use account::Counting;
use edges::Edges;
use instances::AllInstances;
use nexus_lockprof_snapshot::{Losses, Overhead, Text};
use points::Points;
use seen::AllSeen;
use std::hash::{BuildHasher, RandomState};
use threads::Threads;

/// What collections keep from one to the next.
pub(crate) struct Aggregator {
    /// Names the engine in its snapshots. 53 bits, so that JSON readers keep it exactly.
    id: u64,
    /// The program's name, or `None` before the first collection.
    program: Option<Option<Text>>,
    points: Points,
    seen: AllSeen,
    edges: Edges,
    threads: Threads,
    instances: AllInstances,
    callers: Callers,
    pub(super) watch: Watch,
    order: OrderWatch,
    /// Whether the last collection was a peek, so that the next one continues its interval.
    goes_on: bool,
    /// When the last collection was closed, as the clock's `coarse_ns`.
    collected_ns: u64,
    /// Number of collections that were peeks. Snapshots do not count them.
    peeks: u64,
    started_ns: u64,
    lost_before: Losses,
    counting: Counting,
    /// The overhead at the last reset.
    overhead_before: Overhead,
    /// The time of all shards at the last collection.
    threads_ns: u64,
    pullers: Pullers,
    /// The monitor's interval, which each tick ends. `None` before the first tick.
    monitored: Option<Pending>,
    history: History,
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
            edges: Edges::default(),
            threads: Threads::default(),
            instances: AllInstances::default(),
            callers: Callers::default(),
            watch: Watch::default(),
            order: OrderWatch::default(),
            goes_on: false,
            collected_ns: 0,
            peeks: 0,
            started_ns,
            lost_before: Losses::default(),
            counting: Counting::default(),
            overhead_before: Overhead::default(),
            threads_ns: 0,
            pullers: Pullers::default(),
            monitored: None,
            history: History::new(started_ns),
            rng: fastrand::Rng::with_seed(random.hash_one(1)),
        }
    }
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod pull_tests;
#[cfg(test)]
mod room_tests;
#[cfg(test)]
mod tests;
