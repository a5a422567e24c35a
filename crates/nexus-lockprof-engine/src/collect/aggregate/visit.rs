//! What a collection does with one record.

use super::fold::Fold;
use super::packed_reading::Histograms;
use super::point::PointState;
use super::points::Points;
use super::seen::{AllSeen, Seen};
use super::threads::Threads;
use crate::core::Core;
use crate::record::reading::Reading;
use crate::record::shard::Shard;
use crate::record::statistics::Record;

/// Visits the records of a collection, and adds them to the aggregator's sums.
pub(super) struct Visit<'a> {
    pub(super) core: &'a Core,
    pub(super) seen: &'a mut AllSeen,
    pub(super) points: &'a mut Points,
    pub(super) threads: &'a mut Threads,
    pub(super) fold: Fold<'a>,
    /// The collection whose samples are read. A light peek reads none.
    pub(super) closed: Option<u64>,
    /// The same collection, or the open one.
    pub(super) collection: u64,
    /// Room for a record's histograms.
    pub(super) histograms: &'a mut Histograms,
}

impl Visit<'_> {
    /// Adds what has happened at a record of the shard's table.
    ///
    /// Most records of most threads have not changed. A reading includes what was counted after the
    /// collection was opened and before the record was read. The samples of that belong to the next
    /// collection. So there is one more visit after a change, which reads the samples. A light peek
    /// reads none, and needs no such visit.
    pub(super) fn record(&mut self, shard: &Shard, record: &Record) {
        let last = self.seen.of(record);
        let is_still = last.as_ref().is_some_and(|last| last.is_still(record));
        let is_settled = last.as_ref().is_some_and(|last| last.settled);
        if is_still && (is_settled || self.closed.is_none()) {
            return;
        }
        if self.core.is_stuck(record) {
            shard.hot.forget_one(record);
        }
        let Some(last) = last else {
            self.first(shard, record);
            return;
        };
        let Some(state) = self.points.get(last.point) else {
            return;
        };
        state.touched = self.collection;
        let before = last.packed.reading();
        // Nor have the histograms changed if the reading is the same.
        let is_same = is_still && record.read() == Some(before);
        let reading = if is_same {
            before
        } else {
            let (reading, packed) =
                state.take_in(record, before, Some(&last.packed), self.histograms);
            if let Some(packed) = packed {
                last.update(&reading, packed);
            }
            self.threads.add(shard, &reading, &before);
            reading
        };
        last.settled = self.closed.is_some() && reading == before;
        if let Some(closed) = self.closed {
            last.sampled = closed;
            take_in_samples(&mut self.fold, last.point, state, record, &reading, closed);
        }
    }

    /// The same for a record that was not read before.
    fn first(&mut self, shard: &Shard, record: &Record) {
        let point = self.points.of(record.key);
        let Some(state) = self.points.get(point) else {
            return;
        };
        state.touched = self.collection;
        let nothing = Reading::default();
        let (reading, packed) = state.take_in(record, nothing, None, self.histograms);
        self.threads.add(shard, &reading, &nothing);
        let mut seen = Seen::new(point, &reading, packed);
        if let Some(closed) = self.closed {
            seen.sampled = closed;
            take_in_samples(&mut self.fold, point, state, record, &reading, closed);
        }
        self.seen.insert(record, seen);
        self.points.add_record(point);
    }
}

/// Adds the samples of the collection `closed`.
fn take_in_samples(
    fold: &mut Fold<'_>,
    point: usize,
    state: &mut PointState,
    record: &Record,
    reading: &Reading,
    closed: u64,
) {
    state.take_in_samples(record, reading, closed, false);
    if state.is_full() {
        fold.take_in(point, state);
    }
}
