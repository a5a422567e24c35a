//! Which long waits are looked at, and what a measured acquisition keeps of that.

use super::table::Slot;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Long waits of a record that are all looked at. What is rare is seen, too.
const FIRST: u32 = 8;
/// Then one in so many, at random.
pub(super) const INTERVAL: u64 = 8;
/// Whether an engine looks at stacks.
#[derive(Debug)]
pub(crate) struct Switch(pub(super) AtomicBool);

impl Switch {
    pub(crate) const fn new() -> Self {
        Switch(AtomicBool::new(false))
    }

    pub(crate) fn set(&self, on: bool) {
        // Relaxed: a value of its own.
        self.0.store(on, Relaxed);
    }
}

/// Long waits of a record so far, since there was something to look at. The owner's alone.
#[derive(Debug)]
pub(crate) struct StackSampling(AtomicU32);

impl StackSampling {
    pub(crate) const fn new() -> Self {
        StackSampling(AtomicU32::new(0))
    }

    /// What the next look stands for; 0 when there is none.
    pub(super) fn next(&self, is_chosen: impl FnOnce() -> bool) -> u64 {
        let done = self.0.load(Relaxed);
        self.0.store(done.saturating_add(1), Relaxed);
        if done < FIRST {
            1
        } else if is_chosen() {
            INTERVAL
        } else {
            0
        }
    }
}

/// The stack that a measured acquisition waited with, if it was looked at.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(super) slot: AtomicPtr<Slot>,
    pub(super) weight: AtomicU64,
}

impl Noted {
    pub(crate) const fn new() -> Self {
        Noted {
            slot: AtomicPtr::new(std::ptr::null_mut()),
            weight: AtomicU64::new(0),
        }
    }

    pub(crate) fn clear(&self) {
        self.slot.store(std::ptr::null_mut(), Relaxed);
    }
}

/// How a wait becomes one of the sample, in tests.
#[cfg(test)]
pub(super) fn turns(n: usize, mut is_chosen: impl FnMut() -> bool) -> Vec<u64> {
    let turn = StackSampling::new();
    (0..n).map(|_| turn.next(&mut is_chosen)).collect()
}
