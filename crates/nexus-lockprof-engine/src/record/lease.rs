//! Who may write a shard.

use crate::sync::{AtomicU64, Ordering};
use Ordering::{Acquire, Relaxed, Release};

/// The lease of a shard: who writes it, or nobody.
///
/// The hand-over of a shard from an exited thread to a new one, or to the aggregator, is ordered
/// here; the registry's bit only says where to look.
#[derive(Debug, Default)]
pub(crate) struct Lease(AtomicU64);

/// The aggregator's token: more than any thread's.
const TAKEN_OVER: u64 = u64::MAX;

impl Lease {
    /// Takes it for the thread with this token, if nobody has it.
    pub(crate) fn try_take(&self, token: u64) -> bool {
        // Acquire: all that the previous owner wrote is seen, and goes on from there; pairs with
        // `release`.
        self.0.compare_exchange(0, token, Acquire, Relaxed).is_ok()
    }

    /// Takes it for the aggregator, which empties a shard that nobody has; for a short time.
    pub(crate) fn try_take_over(&self) -> bool {
        self.try_take(TAKEN_OVER)
    }

    pub(crate) fn is_of(&self, token: u64) -> bool {
        token != 0 && self.0.load(Relaxed) == token
    }

    /// Gives it up. The owner's call.
    pub(crate) fn release(&self) {
        // Release: pairs with the Acquire in `try_take`.
        self.0.store(0, Release);
    }
}
