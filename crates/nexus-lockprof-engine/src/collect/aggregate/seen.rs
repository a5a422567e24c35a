//! Remembers the last reading of each record.

use crate::record::statistics::{Reading, Record};
use crate::sync::Ordering::Relaxed;

/// What was last read from a record, and the record's point.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) point: usize,
    pub(super) reading: Reading,
    /// The last collection whose samples were added.
    pub(super) sampled: u64,
    /// Whether the collection before the last one had read the same.
    pub(super) settled: bool,
}

/// Indexed by the place that each record keeps.
#[derive(Default)]
pub(super) struct AllSeen {
    seen: Vec<Option<Seen>>,
    free: Vec<usize>,
}

impl AllSeen {
    /// What was read from this record, if anything.
    pub(super) fn of(&self, record: &Record) -> Option<Seen> {
        // Relaxed: only the holder of the aggregator's lock reads or writes it.
        let place = record.seen.load(Relaxed).checked_sub(1)?;
        self.seen.get(place as usize).copied().flatten()
    }

    /// Remembers what was read. Returns whether this is the first time.
    pub(super) fn set(&mut self, record: &Record, seen: Seen) -> bool {
        // Relaxed: only the holder of the aggregator's lock reads or writes it.
        if let Some(place) = record.seen.load(Relaxed).checked_sub(1) {
            self.seen[place as usize] = Some(seen);
            return false;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.seen.push(None);
            self.seen.len() - 1
        });
        self.seen[place] = Some(seen);
        record.seen.store(place as u32 + 1, Relaxed);
        true
    }

    /// Forgets a record that is not used any more. Returns what was read from it.
    pub(super) fn take(&mut self, record: &Record) -> Option<Seen> {
        let place = record.seen.load(Relaxed).checked_sub(1)? as usize;
        self.free.push(place);
        self.seen.get_mut(place)?.take()
    }
}
