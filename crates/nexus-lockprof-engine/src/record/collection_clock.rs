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

/// Both words. They are written under the aggregator's lock and read by every writer.
pub(crate) struct CollectionClock {
    collection: AtomicU64,
    resets: AtomicU64,
}

impl CollectionClock {
    const_fn! {
        pub(crate) fn new() -> Self {
            CollectionClock {
                collection: AtomicU64::new(1),
                resets: AtomicU64::new(0),
            }
        }
    }

    /// The open collection, for an update that may need a new reservoir of this size.
    #[inline]
    pub(crate) fn now(&self, reservoir: usize) -> OpenCollection {
        OpenCollection {
            // Acquire: the aggregator has finished reading the bank that the writer now overwrites.
            // Pairs with the Release in `open_next`.
            collection: self.collection.load(Acquire),
            resets: self.resets.load(Relaxed),
            reservoir,
        }
    }

    /// Opens the next collection and returns the one that this closes. The caller holds the
    /// aggregator's lock.
    pub(crate) fn open_next(&self) -> u64 {
        let closed = self.collection.load(Relaxed);
        // Release: the aggregator's reading of the bank comes before this store. Pairs with the
        // Acquire in `now`.
        self.collection.store(closed + 1, Release);
        closed
    }

    /// The open collection. The caller holds the aggregator's lock.
    pub(crate) fn collection(&self) -> u64 {
        self.collection.load(Relaxed)
    }

    /// Number of resets. It changes under the aggregator's lock.
    pub(crate) fn resets(&self) -> u64 {
        self.resets.load(Relaxed)
    }

    /// Counts one more reset. The caller holds the aggregator's lock.
    pub(crate) fn count_reset(&self) {
        // Relaxed: it only separates maxima from before and after a reset, and each writer reads it
        // on its own. A stale value puts a maximum into the time before the reset.
        self.resets.store(self.resets() + 1, Relaxed);
    }
}
