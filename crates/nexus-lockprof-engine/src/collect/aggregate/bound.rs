//! No lock is held exclusively for longer than the elapsed time.
//!
//! An estimated total may be a multiple of the elapsed time. But only one holder at a time has a
//! lock exclusively. So all exclusive holds of a class fit into the elapsed time, once for each
//! lock of the class. If the estimates add up to more, they are cut to that. Each loses the same
//! share of its growth, so totals never shrink.
//!
//! Shared and upgradable holds overlap, and so do a semaphore's permits. They have no such bound.
//! Dropped locks count too, which makes the bound loose for a class of many short-lived locks.

use super::point::PointState;
use crate::identity;
use nexus_lockprof_snapshot::{AcquireMode, Lock, Point};
use std::collections::HashMap;

/// The lock classes that were seen.
#[derive(Debug, Default)]
pub(super) struct Classes {
    by_lock: HashMap<Lock, usize>,
    classes: Vec<ClassState>,
    /// Free places in `classes`.
    free: Vec<usize>,
}

#[derive(Debug, Default)]
struct ClassState {
    /// A program may have several copies of one name, each with its own number.
    numbers: Vec<u32>,
    /// Another class may have one of its numbers by now, so the number of its locks is unknown.
    is_unbounded: bool,
    points: usize,
}

impl ClassState {
    /// Upper limit for the number of its locks that were ever acquired.
    fn instances(&self) -> u64 {
        if self.is_unbounded {
            return u64::MAX;
        }
        let instances = self
            .numbers
            .iter()
            .map(|&number| identity::instances(number));
        instances.fold(0, u64::saturating_add)
    }
}

/// The sums of one class.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// The total that is not estimated, plus what earlier snapshots reported.
    told_ns: u64,
    /// The growth of the estimates.
    grown_ns: u64,
}

impl Classes {
    /// The class of `lock`, which gets one more point.
    pub(super) fn add_point(&mut self, lock: &Lock) -> usize {
        let class = match self.by_lock.get(lock) {
            Some(&class) => class,
            None => {
                let class = self.free.pop().unwrap_or_else(|| {
                    self.classes.push(ClassState::default());
                    self.classes.len() - 1
                });
                self.by_lock.insert(lock.clone(), class);
                class
            }
        };
        self.classes[class].points += 1;
        class
    }

    /// Notes that the class has this number.
    pub(super) fn add_number(&mut self, class: usize, number: u32) {
        let numbers = &mut self.classes[class].numbers;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }

    /// Notes that the class may have lost this number.
    pub(super) fn forget_number(&mut self, class: usize, number: u32) {
        let class = &mut self.classes[class];
        class.numbers.retain(|&other| other != number);
        class.is_unbounded = true;
    }

    /// Notes that a point of `lock`, which belongs to this class, is gone.
    pub(super) fn forget_point(&mut self, class: usize, lock: &Lock) {
        let state = &mut self.classes[class];
        state.points -= 1;
        if state.points == 0 {
            *state = ClassState::default();
            self.by_lock.remove(lock);
            self.free.push(class);
        }
    }

    /// Cuts the estimated hold totals of exclusive `points`, each with the index of its state.
    pub(super) fn bound(
        &self,
        states: &mut [Option<PointState>],
        points: &mut [(usize, Point)],
        elapsed_ns: u64,
    ) {
        let mut sums = vec![Sums::default(); self.classes.len()];
        for (index, point) in bounded(points) {
            let Some(state) = &states[*index] else {
                continue;
            };
            let sums = &mut sums[state.class];
            let total_ns = point.hold.total_ns;
            let told_ns = told(point, state);
            sums.told_ns = sums.told_ns.saturating_add(told_ns);
            let grown_ns = total_ns.saturating_sub(told_ns);
            sums.grown_ns = sums.grown_ns.saturating_add(grown_ns);
        }
        let most: Vec<u64> = self
            .classes
            .iter()
            .map(|class| class.instances().saturating_mul(elapsed_ns))
            .collect();
        for (index, point) in bounded(points) {
            let Some(state) = &mut states[*index] else {
                continue;
            };
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
            // A measured duration really passed, so the total is at least the longest.
            let least = point.hold.max_ns.min(point.hold.total_ns);
            point.hold.total_ns = (told_ns + share).max(least);
            state.told_hold_ns = point.hold.total_ns;
            if most != u64::MAX {
                point.hold.at_most_ns = most;
            }
        }
    }
}

/// The part of a point's total that the bound never cuts.
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
