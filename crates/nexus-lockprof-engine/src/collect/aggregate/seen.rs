//! Remembers the last reading of each record.

use crate::record::statistics::{Reading, Record};
use crate::sync::Ordering::Relaxed;
use nexus_lockprof_snapshot::Histogram;

/// What was last read from a record, and the record's point.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) point: usize,
    pub(super) reading: Reading,
    /// The last collection whose samples were added. 0 if there was none.
    pub(super) sampled: u64,
    /// Whether the collection before the last one had read the same. Not after a light peek, which
    /// reads no samples: the next collection does.
    pub(super) settled: bool,
}

/// Of the waits, and of the holds.
pub(super) type Histograms = [Histogram; 2];

/// Indexed by the place that each record keeps.
#[derive(Default)]
pub(super) struct AllSeen {
    seen: Vec<Option<Seen>>,
    /// What was last read of the histograms.
    histograms: Vec<Histograms>,
    free: Vec<usize>,
}

impl AllSeen {
    /// What was read from this record, if anything.
    pub(super) fn of(&self, record: &Record) -> Option<Seen> {
        // Relaxed: only the holder of the aggregator's lock reads or writes it.
        let place = record.seen.load(Relaxed).checked_sub(1)?;
        self.seen.get(place as usize).copied().flatten()
    }

    /// Takes what was last read of a record's histograms: what [`set`](Self::set) gives back.
    pub(super) fn take_histograms(&mut self, record: &Record) -> Histograms {
        // Relaxed: only the holder of the aggregator's lock reads or writes it.
        let place = record.seen.load(Relaxed).checked_sub(1);
        let histograms = place.and_then(|place| self.histograms.get_mut(place as usize));
        histograms.map(std::mem::take).unwrap_or_default()
    }

    /// Remembers what was read. Returns whether this is the first time.
    pub(super) fn set(&mut self, record: &Record, seen: Seen, histograms: Histograms) -> bool {
        // Relaxed: only the holder of the aggregator's lock reads or writes it.
        if let Some(place) = record.seen.load(Relaxed).checked_sub(1) {
            self.seen[place as usize] = Some(seen);
            self.histograms[place as usize] = histograms;
            return false;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.seen.push(None);
            self.histograms.push(Histograms::default());
            self.seen.len() - 1
        });
        self.seen[place] = Some(seen);
        self.histograms[place] = histograms;
        record.seen.store(place as u32 + 1, Relaxed);
        true
    }

    /// Forgets a record that is not used any more. Returns what was read from it.
    pub(super) fn take(&mut self, record: &Record) -> Option<Seen> {
        let place = record.seen.load(Relaxed).checked_sub(1)? as usize;
        self.free.push(place);
        if let Some(histograms) = self.histograms.get_mut(place) {
            *histograms = Histograms::default();
        }
        self.seen.get_mut(place)?.take()
    }
}
