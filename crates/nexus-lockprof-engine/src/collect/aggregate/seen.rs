//! What collections have read of each record.

use crate::record::statistics::{Reading, Record};
use crate::sync::Ordering::Relaxed;

/// What was last read of a record, and which point it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) point: usize,
    pub(super) reading: Reading,
    /// The last collection whose samples were taken in.
    pub(super) sampled: u64,
    /// Whether the collection before the last one had read the same.
    pub(super) settled: bool,
}

/// By the place that a record says.
#[derive(Default)]
pub(super) struct AllSeen {
    seen: Vec<Option<Seen>>,
    free: Vec<usize>,
}

impl AllSeen {
    /// What was read of this record, if it was.
    pub(super) fn of(&self, record: &Record) -> Option<Seen> {
        // Relaxed: only whoever has the aggregator's lock reads or writes it.
        let place = record.seen.load(Relaxed).checked_sub(1)?;
        self.seen.get(place as usize).copied().flatten()
    }

    /// Remembers what was read. Whether it was read for the first time.
    pub(super) fn set(&mut self, record: &Record, seen: Seen) -> bool {
        // Relaxed: as above.
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

    /// Forgets a record, which is not used any more; what was read of it.
    pub(super) fn take(&mut self, record: &Record) -> Option<Seen> {
        let place = record.seen.load(Relaxed).checked_sub(1)? as usize;
        self.free.push(place);
        self.seen.get_mut(place)?.take()
    }
}
