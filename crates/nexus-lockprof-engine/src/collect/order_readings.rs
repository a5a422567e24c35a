//! Reads the pairs of locks from the engine's table and from the threads that count them.

use crate::core::Core;
use crate::record::order::PairReading;
use std::collections::BTreeMap;

impl Core {
    /// The number of changes of the table, and its pairs by their places, with all sightings. What
    /// a thread is just adding to the table may be missing from them.
    pub(crate) fn order_readings(&self) -> (u64, BTreeMap<usize, PairReading>) {
        // Before the pairs are read: what changes meanwhile changes the number again.
        let changes = self.order.changes();
        let mut readings = BTreeMap::new();
        self.order.for_each(|pair| {
            readings.insert(pair.place, pair);
        });
        if readings.is_empty() {
            return (changes, readings);
        }
        // After the table: what a thread has added there, it does not count any more.
        for shard in self.shards.iter() {
            for (place, count) in shard.pairs.counts() {
                if let Some(pair) = readings.get_mut(&place) {
                    pair.sightings = pair.sightings.saturating_add(count);
                }
            }
        }
        (changes, readings)
    }
}
