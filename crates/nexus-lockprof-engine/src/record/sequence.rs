//! A seqlock with one writer, whose updates may nest: a signal handler can come in the middle of
//! one and make another.

use crate::sync::{AtomicU64, Ordering, OwnLoad, bump, fence};
use Ordering::{Acquire, Relaxed, Release};

/// What an update adds to the sequence. While it is under way, it has added 1. So the lower bits
/// are the number of updates under way: one, and those of the signal handlers that came in between.
/// A thread's stack has no room for so many of them.
const UPDATE: u64 = 1 << 16;

/// The sequence of something that one thread updates and others copy.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Sequence(AtomicU64);

/// The sequence at which a reader begins. No update was under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(u64);

impl Sequence {
    pub(crate) fn new() -> Self {
        Sequence(AtomicU64::new(0))
    }

    /// Runs `stores` as one update. Only the owner calls this.
    // Each change of the sequence is one instruction where the machine has it. A signal handler
    // that comes between two of them leaves the number of updates under way as it was.
    #[inline(always)]
    pub(crate) fn update<T>(&self, stores: impl FnOnce() -> T) -> T {
        bump(&self.0, 1);
        // Release fence: a thread that sees one of the stores and then fences with Acquire also
        // sees the update under way. Pairs with the fence in `is_still`.
        fence(Release);
        let out = stores();
        let over = self.0.own_load().wrapping_add(UPDATE - 1);
        // Release: a thread that sees the update over sees its stores. Pairs with the Acquire in
        // `begin`.
        self.0.store(over, Release);
        out
    }

    /// Begins a copy. `None` while an update is under way.
    #[inline(always)]
    pub(crate) fn begin(&self) -> Option<Begun> {
        // Acquire: this thread sees everything up to the update that stored this. Pairs with the
        // Release in `update`.
        let now = self.0.load(Acquire);
        is_settled(now).then_some(Begun(now))
    }

    /// Whether a copy is consistent, after its last load.
    #[inline(always)]
    pub(crate) fn is_still(&self, begun: Begun) -> bool {
        // Acquire fence: if any load saw a newer store, the load below sees that the sequence has
        // moved. Pairs with the Release fence in `update`.
        fence(Acquire);
        self.0.load(Relaxed) == begun.0
    }

    /// Whether its owner is in the middle of an update, or was when it ended.
    pub(crate) fn is_under_way(&self) -> bool {
        !is_settled(self.0.load(Relaxed))
    }

    /// A number that is another one after each update, and while it is under way.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// The same in the thread that owns it.
    pub(crate) fn own_number(&self) -> u64 {
        self.0.own_load()
    }
}

impl Begun {
    /// The sequence's [number](Sequence::number) then.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

/// Whether no update is under way.
#[inline(always)]
fn is_settled(number: u64) -> bool {
    number.is_multiple_of(UPDATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_inside_another_one_does_not_end_it() {
        let sequence = Sequence::new();
        let numbers = std::cell::RefCell::new(vec![sequence.number()]);
        let is_under_way = || {
            assert!(sequence.is_under_way() && sequence.begin().is_none());
            numbers.borrow_mut().push(sequence.number());
        };
        let before = sequence.begin().unwrap();
        sequence.update(|| {
            is_under_way();
            sequence.update(|| {
                is_under_way();
                sequence.update(is_under_way);
                is_under_way();
            });
            is_under_way();
            sequence.update(is_under_way);
            is_under_way();
        });
        assert!(!sequence.is_under_way() && !sequence.is_still(before));
        let after = sequence.begin().unwrap();
        assert!(sequence.is_still(after));
        let mut numbers = numbers.into_inner();
        numbers.push(after.number());
        let length = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), length, "{numbers:x?}");
    }
}
