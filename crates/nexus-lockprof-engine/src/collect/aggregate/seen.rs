//! Remembers the last reading of each record.

use super::packed_reading::PackedReading;
use crate::record::reading::Reading;
use crate::record::statistics::Record;
use crate::sync::Ordering::Relaxed;

/// What was last read from a record, and the record's point.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) point: usize,
    /// The record's [events](Record::events) at the reading.
    events: u64,
    /// The last collection whose samples were added. 0 if there was none.
    pub(super) sampled: u64,
    /// Whether the collection before the last one had read the same. Not after a light peek, which
    /// reads no samples: the next collection does.
    pub(super) settled: bool,
    /// The reading itself.
    pub(super) packed: PackedReading,
}

impl Seen {
    /// The first reading. `packed`: `None` if there is none yet.
    pub(super) fn new(point: usize, reading: &Reading, packed: Option<PackedReading>) -> Self {
        Seen {
            point,
            events: reading.events(),
            sampled: 0,
            settled: false,
            packed: packed.unwrap_or_default(),
        }
    }

    /// Remembers another reading.
    pub(super) fn update(&mut self, reading: &Reading, packed: PackedReading) {
        self.events = reading.events();
        self.packed = packed;
    }

    /// Whether nothing has happened at the record since. An update that is under way may be seen or
    /// not.
    #[inline]
    pub(super) fn is_still(&self, record: &Record) -> bool {
        record.events() == self.events
    }
}

/// Indexed by the place that each record keeps.
#[derive(Default)]
pub(super) struct AllSeen {
    seen: Vec<Option<Seen>>,
    free: Vec<usize>,
}

impl AllSeen {
    /// What was read from this record, if anything.
    pub(super) fn of(&mut self, record: &Record) -> Option<&mut Seen> {
        // Relaxed: only the holder of the aggregator's lock reads or writes it.
        let place = record.seen.load(Relaxed).checked_sub(1)?;
        self.seen.get_mut(place as usize)?.as_mut()
    }

    /// Remembers what was read from a record of which nothing was known.
    pub(super) fn insert(&mut self, record: &Record, seen: Seen) {
        let place = match self.free.pop() {
            Some(place) => {
                self.seen[place] = Some(seen);
                place
            }
            None => {
                self.seen.push(Some(seen));
                self.seen.len() - 1
            }
        };
        // Relaxed: only the holder of the aggregator's lock reads or writes it.
        record.seen.store(place as u32 + 1, Relaxed);
    }

    /// Forgets a record that is not used any more. Returns what was read from it.
    pub(super) fn take(&mut self, record: &Record) -> Option<Seen> {
        let place = record.seen.load(Relaxed).checked_sub(1)? as usize;
        self.free.push(place);
        self.seen.get_mut(place)?.take()
    }
}
