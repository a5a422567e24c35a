//! Where the samples of a collection go: into the points' samples, and into the intervals of the
//! monitor and of all pullers.

use super::point::PointState;
use crate::collect::pullers::{Pending, Pullers};
use crate::config::{Config, Thresholds};

/// Takes in the samples of one collection.
pub(super) struct Fold<'a> {
    pub(super) config: &'a Config,
    pub(super) rng: &'a mut fastrand::Rng,
    pub(super) pullers: &'a mut Pullers,
    pub(super) monitor: Option<&'a mut Pending>,
    /// Durations whose samples found no room in an interval.
    pub(super) without_room: &'a mut u64,
}

impl Fold<'_> {
    /// Takes in what the point has got since the last call.
    pub(super) fn take_in(&mut self, index: usize, state: &mut PointState) {
        // The monitor keeps only what it will compare.
        let thresholds = || self.config.thresholds(&state.lock.name());
        let mut monitor = self.monitor.as_deref_mut();
        if monitor.is_some() && thresholds() == Thresholds::default() {
            monitor = None;
        }
        let (pullers, without_room) = (&mut *self.pullers, &mut *self.without_room);
        state.end(self.config.archive, self.rng, |batch, rng| {
            *without_room += pullers.add(index, batch, rng);
            if let Some(monitor) = &mut monitor {
                *without_room += monitor.add(index, batch, rng);
            }
        });
    }
}
