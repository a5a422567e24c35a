//! Who may write a shard.

use crate::sync::{AtomicU64, Ordering};
use Ordering::{Acquire, Relaxed, Release};

/// Who writes a shard: one thread, the aggregator, or nobody.
///
/// The lease orders the hand-over of a shard from an exited thread to a new one, or to the
/// aggregator. The registry's bit only says where to look.
#[derive(Debug, Default)]
pub(crate) struct Lease(AtomicU64);

/// The aggregator's token, above any thread's.
const TAKEN_OVER: u64 = u64::MAX;

impl Lease {
    /// Takes the lease for the thread with this token, if nobody has it.
    pub(crate) fn try_take(&self, token: u64) -> bool {
        // Acquire: the new owner sees all that the previous one wrote, and continues from there.
        // Pairs with `release`.
        self.0.compare_exchange(0, token, Acquire, Relaxed).is_ok()
    }

    /// Takes the lease for a short time for the aggregator, which empties a shard that nobody has.
    pub(crate) fn try_take_over(&self) -> bool {
        self.try_take(TAKEN_OVER)
    }

    pub(crate) fn is_of(&self, token: u64) -> bool {
        token != 0 && self.0.load(Relaxed) == token
    }

    /// Gives the lease up. Only the owner calls this.
    pub(crate) fn release(&self) {
        // Release: publishes all that this owner wrote. Pairs with the Acquire in `try_take`.
        self.0.store(0, Release);
    }
}
