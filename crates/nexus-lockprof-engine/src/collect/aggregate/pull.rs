//! The intervals of pullers.

use super::Aggregator;
use crate::collect::monitor::Heat;
use crate::collect::pullers::Pull;
use crate::core::Core;
use crate::record::loss::Loss;
use nexus_lockprof_snapshot::Snapshot;
use std::collections::HashMap;

impl Aggregator {
    /// A new puller.
    pub(crate) fn register(&mut self) -> u64 {
        self.pullers.register()
    }

    /// Forgets a puller.
    pub(crate) fn deregister(&mut self, id: u64) {
        self.pullers.remove(id);
    }

    /// What happened since this puller's last pull. Ends the interval of nobody else.
    pub(crate) fn pull(&mut self, core: &Core, id: u64, what: Pull) -> Snapshot {
        let now = self.peek(core);
        let (interval, lost) =
            self.pullers
                .pull(id, (&now, core.clock.coarse_ns()), what, |point| {
                    self.points.index_of(point)
                });
        core.losses.count_all(Loss::IntervalSamples, lost);
        interval
    }

    /// All intervals begin again at the reset that follows: the counts so far are those of the
    /// process that forked this one. Its thread that ticks is not here, and what it has told of is
    /// its own.
    pub(crate) fn begin_intervals_again(&mut self) {
        self.pullers.begin_again();
        self.monitored = None;
        self.history.forget_ticks();
        for (_, point) in self.points.iter_mut() {
            point.heat = Heat::default();
        }
    }

    /// The points at these indices have joined others.
    pub(super) fn follow(&mut self, core: &Core, moved: &HashMap<usize, usize>) {
        let mut lost = self.pullers.follow(moved, &mut self.rng);
        if let Some(monitored) = &mut self.monitored {
            lost += monitored.follow(moved, &mut self.rng);
        }
        core.losses.count_all(Loss::IntervalSamples, lost);
    }
}
