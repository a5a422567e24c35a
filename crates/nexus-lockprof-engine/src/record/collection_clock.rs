//! The aggregator's two words to the writers: which collection is open, and how many resets there were.

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

/// The two words. Written under the aggregator's lock, read by every writer.
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

    /// The collection that is open now, for an update that may need a new reservoir of this size.
    #[inline]
    pub(crate) fn now(&self, reservoir: usize) -> OpenCollection {
        OpenCollection {
            // Acquire: what the aggregator read of the bank that is now written anew, it has read;
            // pairs with the Release in `open_next`.
            collection: self.collection.load(Acquire),
            resets: self.resets.load(Relaxed),
            reservoir,
        }
    }

    /// Opens the next collection and returns the one that is closed by it. Under the aggregator's lock.
    pub(crate) fn open_next(&self) -> u64 {
        let closed = self.collection.load(Relaxed);
        // Release: pairs with the Acquire in `now`.
        self.collection.store(closed + 1, Release);
        closed
    }

    /// The collection that is open. Under the aggregator's lock.
    pub(crate) fn collection(&self) -> u64 {
        self.collection.load(Relaxed)
    }

    /// Number of resets. Changed under the aggregator's lock.
    pub(crate) fn resets(&self) -> u64 {
        self.resets.load(Relaxed)
    }

    /// One more reset. Under the aggregator's lock.
    pub(crate) fn count_reset(&self) {
        // Relaxed: it only tells maxima from before and after a reset apart, and each writer reads it as
        // a value of its own; a stale one puts a maximum into the time before the reset.
        self.resets.store(self.resets() + 1, Relaxed);
    }
}
