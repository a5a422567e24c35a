//! How many durations of one tally fell into each bucket, since the record was made.
//!
//! Buckets are those of [`nexus_lockprof_snapshot::Histogram`]. A weight has 48 bits, in two parts,
//! so that a record stays within its bound of memory. It wraps around. The aggregator adds up what
//! was added since it last looked, so nothing is lost unless a bucket passes 2^48 in between: after
//! a month of nothing but one lock, in one thread.

use crate::record::memory::try_box;
use crate::sync::{AtomicU16, AtomicU32, Ordering::Relaxed, OwnLoad, SetOnce, sized};
use nexus_lockprof_snapshot::Histogram as Sums;

/// Number of buckets. In the models, the last one has all longer durations.
pub(crate) const BUCKETS: usize = sized(1, Sums::BUCKETS);

/// Number of bits of a weight.
const BITS: u32 = 48;

/// Buckets that are compared with 0 at once.
const GROUP: usize = 8;

/// The weights of all buckets, each below 2^48.
pub(crate) type Weights = [u64; BUCKETS];

/// The owner writes it, inside the sequence of its record. It is made at the first duration.
#[derive(Default)]
pub(crate) struct Histogram(SetOnce<Buckets>);

/// The weights of the buckets.
pub(crate) struct Buckets {
    low: [AtomicU32; BUCKETS],
    high: [AtomicU16; BUCKETS],
}

/// Durations below this have their buckets in a table, of which a program's short holds touch a
/// line or two.
pub(super) const SHORT: u64 = 1 << 12;

/// Each is below [`BUCKETS`].
static SHORT_BUCKETS: [u8; SHORT as usize] = {
    let mut buckets = [0; SHORT as usize];
    let mut ns = 0;
    while ns < buckets.len() {
        let bucket = Sums::bucket_of(ns as u64);
        buckets[ns] = if bucket < BUCKETS {
            bucket
        } else {
            BUCKETS - 1
        } as u8;
        ns += 1;
    }
    buckets
};

/// The lower part of a bucket's weight, to which one can be added.
pub(super) struct UsualBucket<'a>(&'a AtomicU32);

impl UsualBucket<'_> {
    /// Adds one. Only the owner calls this, inside the sequence.
    #[inline(always)]
    pub(super) fn add_one(self) {
        self.0.store(self.0.own_load().wrapping_add(1), Relaxed);
    }
}

impl Histogram {
    /// Allocates the buckets, if there are none yet. `false` if there is no memory. Only the owner
    /// calls this.
    pub(super) fn prepare(&self) -> bool {
        if self.0.get().is_some() {
            return true;
        }
        let new = try_box(Buckets {
            low: std::array::from_fn(|_| AtomicU32::new(0)),
            high: std::array::from_fn(|_| AtomicU16::new(0)),
        });
        new.map(|new| self.0.set(new)).is_some()
    }

    /// Adds a duration, if there are buckets: two plain stores at most. Only the owner calls this,
    /// inside the sequence.
    #[inline(always)]
    pub(super) fn add(&self, ns: u64, weight: u64) {
        let Some(buckets) = self.0.get() else {
            return;
        };
        let index = Sums::bucket_of(ns).min(BUCKETS - 1);
        let low = &buckets.low[index];
        let sum = u64::from(low.own_load()) + weight;
        low.store(sum as u32, Relaxed);
        let carry = (sum >> u32::BITS) as u16;
        if carry != 0 {
            let high = &buckets.high[index];
            high.store(high.own_load().wrapping_add(carry), Relaxed);
        }
    }

    /// Whether there are buckets.
    pub(super) fn exists(&self) -> bool {
        self.0.get().is_some()
    }

    /// The bucket of a duration below [`SHORT`]. `None` if one more does not fit into the lower
    /// part of its weight. Only the owner calls this.
    ///
    /// # Safety
    /// There are [buckets](Self::exists), and the duration is below [`SHORT`].
    #[inline(always)]
    pub(super) unsafe fn usual_bucket(&self, ns: usize) -> Option<UsualBucket<'_>> {
        debug_assert!((ns as u64) < SHORT);
        // SAFETY: the caller guarantees both, and no bucket of the table is out of bounds.
        let low = unsafe {
            let bucket = *SHORT_BUCKETS.get_unchecked(ns);
            let buckets = self.0.get().unwrap_unchecked();
            buckets.low.get_unchecked(usize::from(bucket))
        };
        (low.own_load() != u32::MAX).then_some(UsualBucket(low))
    }

    /// Reads the weights; `None` before the first duration. A reader checks the sequence
    /// afterwards.
    pub(super) fn read(&self, to: &mut Option<Weights>) {
        let Some(buckets) = self.0.get() else {
            *to = None;
            return;
        };
        let parts = buckets.low.iter().zip(&buckets.high);
        for (weight, (low, high)) in to.get_or_insert([0; BUCKETS]).iter_mut().zip(parts) {
            let high = u64::from(high.load(Relaxed));
            *weight = high << u32::BITS | u64::from(low.load(Relaxed));
        }
    }
}

/// The buckets that are not empty. Most are, so whole groups of them are skipped.
pub(crate) fn nonzero(weights: &Weights) -> impl Iterator<Item = (usize, u64)> {
    let groups = weights.chunks(GROUP).enumerate();
    let groups = groups.filter(|(_, group)| group.iter().fold(0, |any, weight| any | weight) != 0);
    groups
        .flat_map(|(number, group)| (number * GROUP..).zip(group.iter().copied()))
        .filter(|(_, weight)| *weight != 0)
}

/// Adds to `sums` what `weights` have grown by since they were `last`: the buckets that were not
/// empty. Leaves the growth in `weights`.
pub(crate) fn add_growth(
    weights: &mut Weights,
    last: impl Iterator<Item = (usize, u64)>,
    sums: &mut Sums,
) {
    for (index, last) in last {
        if let Some(weight) = weights.get_mut(index) {
            *weight = weight.wrapping_sub(last) & ((1 << BITS) - 1);
        }
    }
    for (index, grown) in nonzero(weights) {
        sums.add(index, grown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_read_once() {
        let histogram = Histogram::default();
        histogram.add(100, 1);
        let read = || {
            let mut weights = None;
            histogram.read(&mut weights);
            weights
        };
        assert_eq!(read(), None, "no memory yet");
        assert!(histogram.prepare() && histogram.prepare());
        let (mut last, mut sums) = ([0; BUCKETS], Sums::default());
        let mut add_growth = |sums: &mut Sums| {
            let weights = read().unwrap();
            super::add_growth(&mut { weights }, last.into_iter().enumerate(), sums);
            last = weights;
        };
        let mut expected = Sums::default();
        // Weights are at most 2^36. The third passes 2^32, and the sum 2^48.
        for (ns, weight) in [
            (0, 1),
            (100, 3),
            (100, 1 << 32),
            (100, (1 << 36) - 5),
            (u64::MAX, 2),
        ] {
            histogram.add(ns, weight);
            expected.add(Sums::bucket_of(ns), weight);
            add_growth(&mut sums);
            assert_eq!(sums, expected);
        }
        for _ in 0..5_000 {
            histogram.add(100, 1 << 36);
            expected.add(Sums::bucket_of(100), 1 << 36);
            add_growth(&mut sums);
        }
        assert!(expected.total() > 1 << BITS);
        assert_eq!(sums, expected);
    }

    #[test]
    fn a_usual_duration_has_the_bucket_of_any_other() {
        for ns in 0..SHORT {
            let (usual, other) = (Histogram::default(), Histogram::default());
            assert!(usual.prepare() && other.prepare());
            // SAFETY: it was just prepared, and `ns` is short.
            unsafe { usual.usual_bucket(ns as usize) }
                .unwrap()
                .add_one();
            other.add(ns, 1);
            let read = |histogram: &Histogram| {
                let mut weights = None;
                histogram.read(&mut weights);
                weights
            };
            assert_eq!(read(&usual), read(&other), "{ns} ns");
        }
    }

    #[test]
    fn a_weight_that_would_carry_is_not_usual() {
        let histogram = Histogram::default();
        assert!(histogram.prepare());
        histogram.add(100, u64::from(u32::MAX) - 1);
        // SAFETY: it was just prepared, and 100 ns are short.
        let usual = || unsafe { histogram.usual_bucket(100) };
        usual().unwrap().add_one();
        assert!(usual().is_none());
        histogram.add(100, 1);
        assert!(usual().is_some());
    }
}
