//! What was not recorded, counted by its cause.

use crate::sync::{AtomicU64, Ordering::Relaxed, bump};

/// Causes for which an event is not recorded; indexes a [`Losses`] array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    PointsFull,
    ShardsFull,
    Reentrant,
    ThreadExit,
    Memory,
    Guards,
    Stacks,
}

/// Lost events by cause. In a shard only the owner counts; in an engine anyone, with read-modify-writes.
#[derive(Debug, Default)]
pub(crate) struct Losses([AtomicU64; 7]);

impl Losses {
    pub(crate) const fn new() -> Self {
        Losses([const { AtomicU64::new(0) }; 7])
    }

    /// One more, by the only thread that counts here.
    pub(crate) fn count_as_owner(&self, cause: Loss) {
        bump(&self.0[cause as usize], 1);
    }

    /// One more, by any thread.
    pub(crate) fn count(&self, cause: Loss) {
        self.0[cause as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn get(&self, cause: Loss) -> u64 {
        self.0[cause as usize].load(Relaxed)
    }
}
