//! The pause before a collection that looks for deadlocks.

use crate::collect::doubt::PAUSE;
use crate::core::Core;
use crate::process::exclusive::lock;
use nexus_lockprof_snapshot::Deadlock;
use std::thread;

/// How many times [`PAUSE`] it is, at most.
const PAUSES: usize = 20;

impl Core {
    /// Before a collection: if waits look like a deadlock for the first time, lets the other
    /// threads run, so that the collection can tell. Holds no lock meanwhile.
    ///
    /// Where that does not help, because a thread is stopped, a later collection compares.
    pub(crate) fn let_others_run(&self) {
        for _ in 0..PAUSES {
            if !self.has_old_waits() || !self.wants_pause() {
                return;
            }
            thread::sleep(PAUSE);
        }
        if let Some(aggregator) = &mut *lock(&self.aggregator) {
            aggregator.watch.stop_pauses();
        }
    }

    /// Whether a thread has waited long enough for a deadlock. Tasks are in none.
    fn has_old_waits(&self) -> bool {
        let now_ns = self.clock.coarse_ns();
        let mut waits = self.shards.iter().filter_map(|shard| shard.waiting.read());
        waits.any(|(_, waiting)| {
            u128::from(now_ns.saturating_sub(waiting.since_ns)) >= Deadlock::AFTER.as_nanos()
        })
    }

    fn wants_pause(&self) -> bool {
        let mut aggregator = lock(&self.aggregator);
        let aggregator = aggregator.get_or_insert_with(|| self.new_aggregator());
        aggregator.watch.wants_pause(self)
    }
}
