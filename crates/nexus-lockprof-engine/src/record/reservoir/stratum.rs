//! A uniform sample of a part of the offers.
//!
//! Uses Algorithm L (Li, "Reservoir-sampling algorithms of time complexity O(n(1+log(N/n)))", ACM
//! TOMS 20(4), 1994). In its view, each item draws a key, uniform in (0, 1), and the items with the
//! smallest keys are kept. `w` is the largest key among them. So an item is kept if its key is
//! below `w`. One draw says how many items to skip until then, so most offers cost one compare.

use super::Packed;
use crate::record::random::open_unit;
use crate::sync::{AtomicU32, AtomicU64, Ordering, OwnLoad};
use Ordering::{Acquire, Relaxed, Release};

/// The owner's counters of one sample. The slots are elsewhere.
pub(super) struct Stratum {
    /// Offers so far.
    offered: AtomicU64,
    /// Slots in use.
    kept: AtomicU64,
    /// Index of the next offer to take, and `w` (the bits of an f64). Only the owner uses them.
    next: AtomicU64,
    w: AtomicU64,
}

/// Where an offer goes.
pub(super) enum Placement {
    /// Nowhere.
    Out,
    /// Into this slot.
    Slot(usize),
}

impl Stratum {
    pub(super) fn new() -> Self {
        Stratum {
            offered: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            next: AtomicU64::new(0),
            w: AtomicU64::new(1.0_f64.to_bits()),
        }
    }

    /// Starts again from nothing. Only the owner calls this and all that follow, up to `read`.
    pub(super) fn clear(&self) {
        self.offered.store(0, Relaxed);
        self.kept.store(0, Relaxed);
        self.next.store(0, Relaxed);
        self.w.store(1.0_f64.to_bits(), Relaxed);
    }

    #[inline(always)]
    pub(super) fn offered(&self) -> u64 {
        self.offered.own_load()
    }

    pub(super) fn kept(&self) -> usize {
        self.kept.own_load() as usize
    }

    /// Whether the sample may keep the next offer, after `offered` others.
    #[inline(always)]
    pub(super) fn is_next(&self, offered: u64) -> bool {
        offered >= self.next.own_load()
    }

    /// Counts one offer after `offered` others. Its item is already stored.
    #[inline(always)]
    pub(super) fn count(&self, offered: u64) {
        // Release: a reader that sees the offer counted sees its item stored, if it was kept. Pairs
        // with the Acquire in `read`.
        self.offered.store(offered + 1, Release);
    }

    /// Counts one more offer, whose item is not kept: in one instruction where the machine has it.
    #[inline(always)]
    pub(super) fn count_one(&self) {
        self.count(self.offered());
    }

    /// Where the next offer goes among `size` slots. Draws how many offers to skip after it.
    pub(super) fn place(&self, size: usize, rng: &mut fastrand::Rng) -> Placement {
        if !self.is_next(self.offered()) || size == 0 {
            return Placement::Out;
        }
        let kept = self.kept();
        let mut w = f64::from_bits(self.w.own_load());
        let slot = if kept < size { kept } else { rng.usize(..size) };
        if kept + 1 >= size {
            // The sample is full, now or before. This draws the largest of `size` keys that are all
            // below `w`.
            w *= (open_unit(rng).ln() / size as f64).exp();
            self.w.store(w.to_bits(), Relaxed);
        }
        let skip = if w < 1.0 {
            (open_unit(rng).ln() / (-w).ln_1p()).floor()
        } else {
            0.0
        };
        // `as` saturates: a skip past u64::MAX is "never".
        let next = (self.offered.own_load() + 1).saturating_add(skip as u64);
        self.next.store(next, Relaxed);
        Placement::Slot(slot)
    }

    /// Notes that the item is in the slot that `place` returned.
    pub(super) fn filled(&self, slot: usize) {
        if slot == self.kept() {
            // Release: a reader that sees the slot counted sees it filled. Pairs with the Acquire
            // in `read`.
            self.kept.store(slot as u64 + 1, Release);
        }
    }

    /// Continues as if `offered` items had been offered and `kept` of them were in the slots.
    pub(super) fn set(&self, offered: u64, kept: usize) {
        let skipping = self.next.own_load().saturating_sub(self.offered.own_load());
        self.offered.store(offered, Relaxed);
        self.kept.store(kept as u64, Relaxed);
        self.next.store(offered.saturating_add(skipping), Relaxed);
    }

    /// How many items were offered, and those that were kept. Any thread may call this.
    pub(super) fn read(&self, slots: &[AtomicU32]) -> (u64, Vec<Packed>) {
        // Acquire: at least the slots of these offers are counted. Pairs with the Release in
        // `count`.
        let offered = self.offered.load(Acquire);
        // Acquire: the slots below this count are filled. Pairs with the Release in `filled`. An
        // item that is kept but not yet counted as offered is left for the next reading.
        let kept = self.kept.load(Acquire).min(offered) as usize;
        let kept = slots.iter().take(kept);
        (
            offered,
            kept.map(|slot| Packed(slot.load(Relaxed))).collect(),
        )
    }
}
