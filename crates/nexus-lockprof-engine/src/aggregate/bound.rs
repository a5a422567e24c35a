//! No lock is held exclusively for longer than there was time.
//!
//! An estimated total may come out at a multiple of the elapsed time. But a lock that is held exclusively is held by one at
//! a time, so all exclusive holds of a class fit into the elapsed time, once for each lock of it. Where the estimates
//! add up to more they are cut to that, each by the same share of what it has grown by: so totals never shrink.
//!
//! Shared and upgradable holds, and with them a semaphore's permits, overlap: they have no such bound. Locks that were
//! dropped count too, which makes the bound loose for a class of many short-lived locks.

use super::point::PointState;
use crate::class;
use nexus_lockprof_snapshot::{AcquireMode, Lock, Point};
use std::collections::HashMap;

/// The lock classes that were seen.
#[derive(Debug, Default)]
pub(super) struct Classes {
    by_lock: HashMap<Lock, usize>,
    /// The numbers of each: of one name there may be several copies, each with a number.
    numbers: Vec<Vec<u16>>,
}

/// The sums of one class.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// Total of what is not estimated, and of what was told before.
    told_ns: u64,
    /// What the estimates have grown by.
    grown_ns: u64,
}

impl Classes {
    /// The class of `lock`, one number of which is this.
    pub(super) fn add(&mut self, lock: &Lock, number: u16) -> usize {
        let class = match self.by_lock.get(lock) {
            Some(&class) => class,
            None => {
                self.numbers.push(Vec::new());
                let class = self.numbers.len() - 1;
                self.by_lock.insert(lock.clone(), class);
                class
            }
        };
        let numbers = &mut self.numbers[class];
        if !numbers.contains(&number) {
            numbers.push(number);
        }
        class
    }

    /// Cuts the estimated hold totals of exclusive `points`, each with the index of its state.
    pub(super) fn bound(
        &self,
        states: &mut [PointState],
        points: &mut [(usize, Point)],
        elapsed_ns: u64,
    ) {
        let mut sums = vec![Sums::default(); self.numbers.len()];
        for (index, point) in bounded(points) {
            let (state, sums) = (&states[*index], &mut sums[states[*index].class]);
            let total_ns = point.hold.total_ns;
            let told_ns = told(point, state);
            sums.told_ns = sums.told_ns.saturating_add(told_ns);
            let grown_ns = total_ns.saturating_sub(told_ns);
            sums.grown_ns = sums.grown_ns.saturating_add(grown_ns);
        }
        let most: Vec<u64> = self
            .numbers
            .iter()
            .map(|numbers| {
                let instances = numbers.iter().map(|&number| class::instances(number));
                let instances = instances.fold(0, u64::saturating_add);
                instances.saturating_mul(elapsed_ns)
            })
            .collect();
        for (index, point) in bounded(points) {
            let state = &mut states[*index];
            let (sums, most) = (sums[state.class], most[state.class]);
            let room = most.saturating_sub(sums.told_ns);
            let told_ns = told(point, state);
            let grown_ns = point.hold.total_ns.saturating_sub(told_ns);
            let share = if grown_ns == 0 || sums.grown_ns <= room {
                grown_ns
            } else {
                // At most `grown_ns`.
                (u128::from(grown_ns) * u128::from(room) / u128::from(sums.grown_ns)) as u64
            };
            // What was measured was.
            let least = point.hold.max_ns.min(point.hold.total_ns);
            point.hold.total_ns = (told_ns + share).max(least);
            state.told_hold_ns = point.hold.total_ns;
            if most != u64::MAX {
                point.hold.at_most_ns = most;
            }
        }
    }
}

/// What is told of a point whatever the bound says.
fn told(point: &Point, state: &PointState) -> u64 {
    if point.hold.is_estimate() {
        state.told_hold_ns
    } else {
        point.hold.total_ns.max(state.told_hold_ns)
    }
}

fn bounded(points: &mut [(usize, Point)]) -> impl Iterator<Item = &mut (usize, Point)> {
    points
        .iter_mut()
        .filter(|(_, point)| point.mode == AcquireMode::Exclusive && point.hold.samples > 0)
}
