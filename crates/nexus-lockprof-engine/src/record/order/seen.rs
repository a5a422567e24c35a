//! The pairs that a thread saw last.

use crate::identity::PointKey;
use crate::sync::{AtomicU64, Ordering::Relaxed, OwnLoad, array, sized};

/// Pairs that one thread remembers.
const SLOTS: usize = sized(1, 32);
/// The lower bits of a slot's word count the sightings. The upper ones have the pair's place in the
/// table, plus one.
const COUNT: u32 = 48;
const MOST: u64 = (1 << COUNT) - 1;

/// A pair as one thread saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenPair {
    pub(crate) held: PointKey,
    pub(crate) wanted: PointKey,
    /// What else was held, and whether both are one lock, mixed into one word.
    pub(crate) others: u64,
}

/// One pair. The owner writes it. Other threads read only the word.
#[derive(Debug)]
struct Slot {
    held: AtomicU64,
    wanted: AtomicU64,
    others: AtomicU64,
    /// Sightings that are not in the table yet, and the pair's place there.
    word: AtomicU64,
}

/// The pairs that a thread saw last, with what it has counted of each.
#[derive(Debug)]
pub(crate) struct SeenPairs {
    slots: [Slot; SLOTS],
    /// The point of the acquisition that is about to be repeated, whose pairs are counted; 0 if
    /// there is none.
    counted: AtomicU64,
}

impl SeenPairs {
    pub(crate) fn new() -> Self {
        SeenPairs {
            slots: array![
                Slot {
                    held: AtomicU64::new(0),
                    wanted: AtomicU64::new(0),
                    others: AtomicU64::new(0),
                    word: AtomicU64::new(0),
                };
                SLOTS
            ],
            counted: AtomicU64::new(0),
        }
    }

    fn slot(&self, pair: &SeenPair) -> &Slot {
        let hash = pair.held.hash() ^ pair.wanted.hash().rotate_left(17) ^ pair.others;
        &self.slots[(hash >> 40) as usize % SLOTS]
    }

    /// Whether the thread remembers the pair. Only the owner calls this.
    pub(crate) fn has(&self, pair: &SeenPair) -> bool {
        let slot = self.slot(pair);
        slot.held.own_load() == pair.held.0
            && slot.wanted.own_load() == pair.wanted.0
            && slot.others.own_load() == pair.others
    }

    /// Counts one more sighting of a pair that the thread remembers. Only the owner calls this.
    pub(crate) fn count(&self, pair: &SeenPair) {
        let word = &self.slot(pair).word;
        let now = word.own_load();
        if now & MOST != MOST {
            word.store(now + 1, Relaxed);
        }
    }

    /// Remembers a pair that is at `place` in the table, and has been counted there. Returns the
    /// place of the pair that it replaces, and what was counted of that. Only the owner calls this.
    pub(crate) fn remember(&self, pair: &SeenPair, place: usize) -> Option<(usize, u64)> {
        let slot = self.slot(pair);
        let before = slot.word.own_load();
        // One store: a reader never takes the one pair's count for the other's.
        slot.word.store((place as u64 + 1) << COUNT, Relaxed);
        slot.held.store(pair.held.0, Relaxed);
        slot.wanted.store(pair.wanted.0, Relaxed);
        slot.others.store(pair.others, Relaxed);
        counted(before)
    }

    /// What is counted here and not in the table: the pair's place, and how many. Any thread may
    /// call this.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let slots = self.slots.iter();
        slots.filter_map(|slot| counted(slot.word.load(Relaxed)))
    }

    /// The acquisition at `wanted` begins again, after its pairs were counted. Only the owner calls
    /// this.
    pub(crate) fn begins_again(&self, wanted: PointKey) {
        self.counted.store(wanted.0, Relaxed);
    }

    /// The acquisition of which that is so. Only the owner calls this, first thing in the
    /// acquisition that follows, whatever that is.
    pub(crate) fn take_counted(&self) -> Option<PointKey> {
        let counted = self.counted.own_load();
        if counted == 0 {
            return None;
        }
        self.counted.store(0, Relaxed);
        Some(PointKey(counted))
    }
}

fn counted(word: u64) -> Option<(usize, u64)> {
    let place = (word >> COUNT).checked_sub(1)?;
    (word & MOST != 0).then_some((place as usize, word & MOST))
}

#[cfg(all(test, not(lockprof_loom)))]
mod tests {
    use super::*;

    fn pair(held: u64, others: u64) -> SeenPair {
        SeenPair {
            held: PointKey(held),
            wanted: PointKey(16),
            others,
        }
    }

    #[test]
    fn a_pair_is_counted_until_another_takes_its_slot() {
        let seen = SeenPairs::new();
        let first = pair(8, 0);
        assert!(!seen.has(&first));
        assert_eq!(seen.remember(&first, 5), None);
        assert!(seen.has(&first) && !seen.has(&pair(8, 1)));
        assert_eq!(seen.counts().count(), 0);
        seen.count(&first);
        seen.count(&first);
        assert_eq!(seen.counts().collect::<Vec<_>>(), [(5, 2)]);
        // One of them comes into the same slot: those bits choose it.
        let next = (0..SLOTS as u64).map(|others| pair(24, others << 40));
        let replaced: Vec<_> = next
            .map(|pair| seen.remember(&pair, 6))
            .find(Option::is_some)
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(replaced, [(5, 2)]);
        assert!(!seen.has(&first));
    }

    #[test]
    fn an_acquisition_that_begins_again_is_counted_once() {
        let seen = SeenPairs::new();
        assert_eq!(seen.take_counted(), None);
        seen.begins_again(PointKey(24));
        assert_eq!(seen.take_counted(), Some(PointKey(24)));
        assert_eq!(seen.take_counted(), None);
    }
}
