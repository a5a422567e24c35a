//! A fixed-size uniform sample of the durations of one record, an interval at a time.
//!
//! Drawn by Algorithm L (Li, "Reservoir-sampling algorithms of time complexity O(n(1+log(N/n)))",
//! ACM TOMS 20(4), 1994): after the first `k` items it draws how many to skip, so most offers cost one compare.
//!
//! There are two banks, used in turn. An offer goes to the bank of the collection that is open;
//! the aggregator opens the next collection, then reads the bank of the one it closed, which the
//! writer does not touch until the collection after that. `docs/protocol.md` has the argument.

use crate::sync::{AtomicU64, Ordering, OwnLoad};
use Ordering::{Acquire, Relaxed, Release};

/// Values saturate here: 2^44 ns, 4.8 hours. Totals and maxima do not saturate.
pub(crate) const MAX_VALUE: u64 = (1 << VALUE_BITS) - 1;
/// Weights saturate here.
pub(crate) const MAX_WEIGHT: u64 = (1 << (64 - VALUE_BITS)) - 1;
const VALUE_BITS: u32 = 44;

/// A duration and its weight in one word, so that a reader never sees half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed(u64);

impl Packed {
    #[inline]
    pub(crate) fn new(value_ns: u64, weight: u64) -> Self {
        Packed(value_ns.min(MAX_VALUE) | weight.min(MAX_WEIGHT) << VALUE_BITS)
    }

    pub(crate) fn value_ns(self) -> u64 {
        self.0 & MAX_VALUE
    }

    pub(crate) fn weight(self) -> u64 {
        self.0 >> VALUE_BITS
    }
}

struct Bank {
    /// Collection that the contents belong to.
    tag: AtomicU64,
    /// Offers so far in that collection.
    offered: AtomicU64,
    /// Index of the next offer to take in, and Algorithm L's `W` (an f64's bits). The owner's alone.
    next: AtomicU64,
    w: AtomicU64,
    slots: Box<[AtomicU64]>,
}

/// The two banks. Written by the shard's owner, read by the aggregator.
pub(crate) struct Reservoir {
    banks: [Bank; 2],
}

/// What one bank held when the aggregator read it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Drawn {
    /// Durations offered.
    pub(crate) offered: u64,
    /// Those that were kept.
    pub(crate) kept: Vec<Packed>,
}

impl Reservoir {
    /// `None` when memory cannot be had.
    pub(crate) fn try_new(size: usize) -> Option<Self> {
        Some(Reservoir {
            banks: [Bank::try_new(size)?, Bank::try_new(size)?],
        })
    }

    /// Offers a duration to the bank of `collection`. The owner's call.
    #[inline]
    pub(crate) fn offer(&self, collection: u64, item: Packed, seed: &AtomicU64) {
        let bank = &self.banks[(collection & 1) as usize];
        if bank.tag.own_load() != collection {
            // The bank's old contents were read, or skipped, before this collection was opened: the
            // Acquire with which the owner learnt of it orders that reading before these stores.
            bank.offered.store(0, Relaxed);
            // Release: a reader that sees the new tag sees the 0 as well, not the old count with it.
            bank.tag.store(collection, Release);
        }
        bank.offer(item, seed);
    }

    /// What the bank of the closed `collection` holds. The aggregator's call, once for each collection.
    pub(crate) fn read(&self, collection: u64) -> Option<Drawn> {
        let bank = &self.banks[(collection & 1) as usize];
        // Acquire: pairs with the Release in `offer`.
        if bank.tag.load(Acquire) != collection {
            return None;
        }
        // Acquire: the slots below this count are filled; pairs with the Release in `Bank::offer`.
        let offered = bank.offered.load(Acquire);
        let len = bank
            .slots
            .len()
            .min(usize::try_from(offered).unwrap_or(usize::MAX));
        let kept = bank.slots[..len]
            .iter()
            .map(|slot| Packed(slot.load(Relaxed)))
            .collect();
        Some(Drawn { offered, kept })
    }
}

impl Bank {
    fn try_new(size: usize) -> Option<Self> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(size).ok()?;
        slots.resize_with(size, || AtomicU64::new(0));
        Some(Bank {
            tag: AtomicU64::new(u64::MAX),
            offered: AtomicU64::new(0),
            next: AtomicU64::new(0),
            w: AtomicU64::new(0),
            slots: slots.into_boxed_slice(),
        })
    }

    #[inline]
    fn offer(&self, item: Packed, seed: &AtomicU64) {
        let index = self.offered.own_load();
        let size = self.slots.len() as u64;
        if index < size {
            self.slots[index as usize].store(item.0, Relaxed);
            if index + 1 == size {
                with_rng(seed, |rng| self.draw_next(index, 1.0, rng));
            }
        } else if index == self.next.own_load() {
            self.replace_one(index, item, seed);
        }
        // Release: pairs with the Acquire in `Reservoir::read`.
        self.offered.store(index + 1, Release);
    }

    #[cold]
    fn replace_one(&self, index: u64, item: Packed, seed: &AtomicU64) {
        with_rng(seed, |rng| {
            self.slots[rng.usize(..self.slots.len())].store(item.0, Relaxed);
            self.draw_next(index, f64::from_bits(self.w.own_load()), rng);
        });
    }

    /// Algorithm L's step: shrinks `W`, then skips a geometric number of offers.
    fn draw_next(&self, index: u64, w: f64, rng: &mut fastrand::Rng) {
        let w = w * (open_unit(rng).ln() / self.slots.len() as f64).exp();
        let skip = (open_unit(rng).ln() / (-w).ln_1p()).floor();
        self.w.store(w.to_bits(), Relaxed);
        // `as` saturates: a skip past u64::MAX is "never".
        self.next
            .store(index.saturating_add(1).saturating_add(skip as u64), Relaxed);
    }
}

/// Uniform in (0, 1]: the logarithm of 0 would be infinite.
pub(crate) fn open_unit(rng: &mut fastrand::Rng) -> f64 {
    1.0 - rng.f64()
}

/// Runs `f` with the generator whose state is `seed`, and keeps the state.
#[inline]
pub(crate) fn with_rng<T>(seed: &AtomicU64, f: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
    let mut rng = fastrand::Rng::with_seed(seed.load(Relaxed));
    let out = f(&mut rng);
    seed.store(rng.get_seed(), Relaxed);
    out
}

#[cfg(test)]
#[cfg(not(lockprof_loom))]
mod tests {
    use super::*;

    fn fill(size: usize, offers: u64, seed: u64) -> Drawn {
        let reservoir = Reservoir::try_new(size).unwrap();
        let seed = AtomicU64::new(seed);
        for value in 0..offers {
            reservoir.offer(7, Packed::new(value, 1), &seed);
        }
        reservoir.read(7).unwrap()
    }

    #[test]
    fn everything_is_kept_while_there_is_room() {
        let drawn = fill(8, 5, 1);
        assert_eq!(drawn.offered, 5);
        let values: Vec<u64> = drawn.kept.iter().map(|p| p.value_ns()).collect();
        assert_eq!(values, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn every_offer_is_kept_equally_often() {
        // 40 offers into 8 slots, 20,000 trials: each offer is kept 4,000 times, with a standard
        // deviation of about 57. Chi-square with 39 degrees of freedom: 1 in 10,000 exceeds 80.
        const TRIALS: u64 = 20_000;
        let mut kept = [0_u64; 40];
        for seed in 0..TRIALS {
            for item in fill(8, 40, seed).kept {
                kept[item.value_ns() as usize] += 1;
            }
        }
        let expected = TRIALS as f64 * 8.0 / 40.0;
        let chi: f64 = kept
            .iter()
            .map(|&n| (n as f64 - expected).powi(2) / (expected * (1.0 - 0.2)))
            .sum();
        assert!(chi < 80.0, "chi-square {chi}, counts {kept:?}");
    }

    #[test]
    fn a_collection_does_not_see_the_ones_before_it() {
        let reservoir = Reservoir::try_new(4).unwrap();
        let seed = AtomicU64::new(1);
        for collection in 1..=5 {
            reservoir.offer(collection, Packed::new(collection, 1), &seed);
            let drawn = reservoir.read(collection).unwrap();
            assert_eq!(drawn.offered, 1);
            assert_eq!(drawn.kept, [Packed::new(collection, 1)]);
        }
        assert_eq!(reservoir.read(6), None);
    }

    #[test]
    fn a_packed_sample_saturates() {
        let packed = Packed::new(u64::MAX, u64::MAX);
        assert_eq!(
            (packed.value_ns(), packed.weight()),
            (MAX_VALUE, MAX_WEIGHT)
        );
        let packed = Packed::new(5, 64);
        assert_eq!((packed.value_ns(), packed.weight()), (5, 64));
    }
}
