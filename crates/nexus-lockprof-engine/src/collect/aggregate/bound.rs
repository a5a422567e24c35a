//! No lock is held exclusively for longer than there was time.
//!
//! An estimated total may come out at a multiple of the elapsed time. But a lock that is held exclusively is held by one at
//! a time, so all exclusive holds of a class fit into the elapsed time, once for each lock of it. Where the estimates
//! add up to more they are cut to that, each by the same share of what it has grown by: so totals never shrink.
//!
//! Shared and upgradable holds, and with them a semaphore's permits, overlap: they have no such bound. Locks that were
//! dropped count too, which makes the bound loose for a class of many short-lived locks.

use super::point::PointState;
use crate::identity;
use nexus_lockprof_snapshot::{AcquireMode, Lock, Point};
use std::collections::HashMap;

/// The lock classes that were seen.
#[derive(Debug, Default)]
pub(super) struct Classes {
    by_lock: HashMap<Lock, usize>,
    classes: Vec<ClassState>,
    /// Places in `classes` that are free.
    free: Vec<usize>,
}

#[derive(Debug, Default)]
struct ClassState {
    /// Of one name there may be several copies, each with a number.
    numbers: Vec<u32>,
    /// A number that it had may be another class's by now: so its locks are not known any more.
    is_unbounded: bool,
    points: usize,
}

impl ClassState {
    /// Locks of it that were ever acquired, at most.
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
    /// Total of what is not estimated, and of what was told before.
    told_ns: u64,
    /// What the estimates have grown by.
    grown_ns: u64,
}

impl Classes {
    /// The class of `lock`, which has one more point.
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

    /// The class has this number.
    pub(super) fn add_number(&mut self, class: usize, number: u32) {
        let numbers = &mut self.classes[class].numbers;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }

    /// The class may have lost this number.
    pub(super) fn forget_number(&mut self, class: usize, number: u32) {
        let class = &mut self.classes[class];
        class.numbers.retain(|&other| other != number);
        class.is_unbounded = true;
    }

    /// A point of `lock`, which is of this class, is no more.
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
