//! Counts the events that were not recorded, by cause.

use crate::sync::{AtomicU64, Ordering::Relaxed, array, bump, const_fn};
use nexus_lockprof_snapshot as snapshot;
pub(crate) use snapshot::Loss;

/// Lost events by cause. In a shard only the owner counts. In an engine any thread counts, by
/// read-modify-writes.
#[derive(Debug, Default)]
pub(crate) struct Losses([AtomicU64; snapshot::Losses::FIGURES.len()]);

impl Losses {
    const_fn! {
        pub(crate) fn new() -> Self {
            Losses(array![AtomicU64::new(0); snapshot::Losses::FIGURES.len()])
        }
    }

    /// Counts one more, as the only thread that counts here.
    pub(crate) fn count_as_owner(&self, cause: Loss) {
        bump(&self.0[cause as usize], 1);
    }

    /// Counts one more. Any thread may call this.
    pub(crate) fn count(&self, cause: Loss) {
        self.count_all(cause, 1);
    }

    /// Counts that many more. Any thread may call this.
    pub(crate) fn count_all(&self, cause: Loss, lost: u64) {
        self.0[cause as usize].fetch_add(lost, Relaxed);
    }

    /// What was lost so far.
    pub(crate) fn read(&self) -> snapshot::Losses {
        let counts = self.0.each_ref().map(|count| count.load(Relaxed));
        snapshot::Losses::default().with_figures(counts)
    }
}
