//! Which locks were waited for most, over all shards.

use crate::identity;
use crate::record::instances::{ENTRIES, InstanceKey, InstanceReading};
use crate::record::shard::Shard;
use nexus_lockprof_snapshot::{Instance, Lock, Point};
use std::cmp::Reverse;
use std::collections::HashMap;

/// Locks of one class in a snapshot.
const MOST_OF_A_CLASS: usize = 8;
/// Locks in a snapshot.
const MOST: usize = 256;

/// The last reading of each shard, by the shard's number.
#[derive(Default)]
pub(super) struct AllInstances(Vec<Option<[InstanceReading; ENTRIES]>>);

/// The sums of one lock over the shards that have an entry for it.
#[derive(Default)]
struct Sums {
    waits: u64,
    least_ns: u64,
    most_ns: u64,
    /// The sum of the shards' bounds for a lock without an entry.
    without_entry_ns: u64,
}

impl AllInstances {
    /// Reads a shard's sketch.
    pub(super) fn read(&mut self, shard: &Shard) {
        let number = shard.id as usize;
        if self.0.len() <= number {
            self.0.resize(number + 1, None);
        }
        let last = &mut self.0[number];
        *last = shard.instances.read(last.as_ref());
    }

    /// The locks that were waited for most since the last reset, and the most that any other lock
    /// was. `resets` is the number of resets.
    pub(super) fn found(&self, resets: u64, points: &[Point]) -> (Vec<Instance>, u64) {
        let mut sums: HashMap<InstanceKey, Sums> = HashMap::new();
        // The most that a lock without any entry was waited for.
        let mut unknown_ns = 0_u64;
        for shard in self.0.iter().flatten() {
            let is_since = |entry: &&InstanceReading| entry.is_since(resets);
            let entries = || shard.iter().filter(is_since);
            let least_ns = match entries().count() {
                ENTRIES => entries().map(|entry| entry.most_ns).min().unwrap_or(0),
                _ => 0,
            };
            unknown_ns = unknown_ns.saturating_add(least_ns);
            for entry in entries() {
                let sums = sums.entry(entry.key).or_default();
                sums.waits = sums.waits.saturating_add(entry.waits);
                let entry_least = entry.most_ns.saturating_sub(entry.error_ns);
                sums.least_ns = sums.least_ns.saturating_add(entry_least);
                sums.most_ns = sums.most_ns.saturating_add(entry.most_ns);
                sums.without_entry_ns = sums.without_entry_ns.saturating_add(least_ns);
            }
        }
        let waited = waited_by_class(points);
        let mut classes: HashMap<u32, Lock> = HashMap::new();
        let mut all: Vec<Instance> = sums
            .into_iter()
            .map(|(key, sums)| {
                let number = key.number();
                let class = || identity::numbers::class(number).to_lock();
                let lock = classes.entry(number).or_insert_with(class).clone();
                let elsewhere_ns = unknown_ns.saturating_sub(sums.without_entry_ns);
                let most_ns = sums.most_ns.saturating_add(elsewhere_ns);
                // Nor longer than for all locks of the class together.
                let in_all = waited.as_ref().and_then(|waited| waited.get(&lock));
                let most_ns = in_all.map_or(most_ns, |in_all| most_ns.min(*in_all));
                Instance {
                    address: key.address(),
                    waits: sums.waits,
                    least_ns: sums.least_ns,
                    most_ns: most_ns.max(sums.least_ns),
                    lock,
                }
            })
            .collect();
        all.sort_by_key(|of| (Reverse((of.least_ns, of.most_ns)), of.address));
        let mut of_class: HashMap<Lock, usize> = HashMap::new();
        let mut kept = Vec::new();
        for instance in all {
            let number = of_class.entry(instance.lock.clone()).or_default();
            if *number < MOST_OF_A_CLASS && kept.len() < MOST {
                *number += 1;
                kept.push(instance);
            } else {
                unknown_ns = unknown_ns.max(instance.most_ns);
            }
        }
        (kept, unknown_ns)
    }
}

/// The time waited for each class. `None` if some of it is in the rest.
fn waited_by_class(points: &[Point]) -> Option<HashMap<&Lock, u64>> {
    let mut waited: HashMap<&Lock, u64> = HashMap::new();
    for point in points {
        if point.lock.is_rest() {
            return None;
        }
        let sum = waited.entry(&point.lock).or_default();
        *sum = sum.saturating_add(point.wait.total_ns);
    }
    Some(waited)
}
