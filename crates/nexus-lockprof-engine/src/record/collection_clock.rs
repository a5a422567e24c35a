//! What the aggregator tells the writers: which collection is open, and how many resets there were.

use crate::sync::{AtomicU64, Ordering, const_fn};
use Ordering::{Acquire, Relaxed, Release};

/// What engine-wide state an update needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenCollection {
    /// The collection that is open.
    pub(crate) collection: u64,
    /// Resets so far.
    pub(crate) resets: u64,
    /// Slots of a new reservoir bank.
    pub(crate) reservoir: usize,
}

/// Lower bits of the word: the number of resets, which wraps around. A writer only asks whether it
/// is the same as before.
const RESET_BITS: u32 = 24;
const RESETS: u64 = (1 << RESET_BITS) - 1;

impl OpenCollection {
    /// Both numbers in one word, which is never 0.
    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        self.collection << RESET_BITS | self.resets
    }
}

/// Both numbers in one [word](OpenCollection::word), so that a writer can ask in one load whether
/// either has changed. It is written under the aggregator's lock and read by every writer.
pub(crate) struct CollectionClock(AtomicU64);

impl CollectionClock {
    const_fn! {
        pub(crate) fn new() -> Self {
            CollectionClock(AtomicU64::new(1 << RESET_BITS))
        }
    }

    /// The open collection, for an update that may need a new reservoir of this size.
    #[inline]
    pub(crate) fn now(&self, reservoir: usize) -> OpenCollection {
        let word = self.word();
        OpenCollection {
            collection: word >> RESET_BITS,
            resets: word & RESETS,
            reservoir,
        }
    }

    /// The [word](OpenCollection::word) of the open collection.
    #[inline(always)]
    pub(crate) fn word(&self) -> u64 {
        // Acquire: the aggregator has finished reading the bank that the writer now overwrites.
        // Pairs with the Release in `open_next`.
        self.0.load(Acquire)
    }

    /// Opens the next collection and returns the one that this closes. The caller holds the
    /// aggregator's lock.
    pub(crate) fn open_next(&self) -> u64 {
        let word = self.0.load(Relaxed);
        // Release: the aggregator's reading of the bank comes before this store. Pairs with the
        // Acquire in `word`.
        self.0.store(word + (1 << RESET_BITS), Release);
        word >> RESET_BITS
    }

    /// The open collection. The caller holds the aggregator's lock.
    pub(crate) fn collection(&self) -> u64 {
        self.0.load(Relaxed) >> RESET_BITS
    }

    /// Number of resets. It changes under the aggregator's lock.
    pub(crate) fn resets(&self) -> u64 {
        self.0.load(Relaxed) & RESETS
    }

    /// Counts one more reset. The caller holds the aggregator's lock.
    pub(crate) fn count_reset(&self) {
        // A stale value puts a maximum into the time before the reset.
        let word = self.0.load(Relaxed);
        let resets = (word + 1) & RESETS;
        // Release: whoever reads this store instead of the one in `open_next` is ordered as well.
        self.0.store(word & !RESETS | resets, Release);
    }
}
