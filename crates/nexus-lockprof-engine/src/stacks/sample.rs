//! Which long waits capture their stack, and what a measured acquisition keeps of it.

use super::table::Slot;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed};

/// A record's first long waits, which are all captured, so that rare ones are seen too.
const FIRST: u32 = 8;
/// After those, one in this many is captured, at random.
pub(super) const INTERVAL: u64 = 8;
/// Whether an engine captures stacks.
#[derive(Debug)]
pub(crate) struct Switch(pub(super) AtomicBool);

impl Switch {
    pub(crate) const fn new() -> Self {
        Switch(AtomicBool::new(false))
    }

    pub(crate) fn set(&self, on: bool) {
        // Relaxed: no other value depends on it.
        self.0.store(on, Relaxed);
    }
}

/// Long waits of a record so far, counted while capturing is on. Only the owner uses it.
#[derive(Debug)]
pub(crate) struct StackSampling(AtomicU32);

impl StackSampling {
    pub(crate) const fn new() -> Self {
        StackSampling(AtomicU32::new(0))
    }

    /// The weight of the next capture, or 0 for none.
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

/// The stack of a measured acquisition's wait, if it was captured.
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

/// For tests: which waits the sample takes.
#[cfg(test)]
pub(super) fn turns(n: usize, mut is_chosen: impl FnMut() -> bool) -> Vec<u64> {
    let turn = StackSampling::new();
    (0..n).map(|_| turn.next(&mut is_chosen)).collect()
}
