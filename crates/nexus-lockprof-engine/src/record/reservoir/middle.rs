//! A bound that divides a sample, and how many offers were below it.
//!
//! A uniform sample tells a rank to `sqrt(q(1-q)/n)`. If the number of offers below some bound is
//! known, the items below and above it get separate weights (post-stratification). Then only the
//! share between the bound and the rank is estimated: with a share `d` between them, to about
//! `sqrt(d/n)`. So the middle should be near the wanted rank. A sample sets it when it is full for
//! the first time. When the offers have doubled, it moves the middle if its place has become a bad
//! one.

use super::Packed;
use crate::sync::{AtomicU32, AtomicU64, Ordering, OwnLoad, bump};
use Ordering::Relaxed;
use nexus_lockprof_snapshot::Sample;

/// A bound with nothing below it.
pub(super) const NONE: u32 = 0;
/// The middle moves when the share below it is this far from the wanted share.
const OFF: f64 = 0.05;

/// How many offers were below the middle. Its bound is stored elsewhere, beside other bounds. The
/// owner writes it, and moves it only inside a change of the bank.
pub(super) struct Middle {
    below: AtomicU64,
}

/// A consistent copy.
#[derive(Debug)]
pub(super) struct Divided {
    bound: u32,
    below: u64,
}

impl Middle {
    pub(super) fn new() -> Self {
        Middle {
            below: AtomicU64::new(0),
        }
    }

    /// Starts again from nothing. Only the owner calls this and all that follow, up to `read`.
    pub(super) fn clear(&self) {
        self.below.store(0, Relaxed);
    }

    /// Counts an offer.
    // Has no branch, because it would be taken every other time.
    #[inline(always)]
    pub(super) fn count(&self, item: Packed, bound: &AtomicU32) {
        self.count_one(!item.is_from(bound.own_load()));
    }

    /// Counts an offer that is, or is not, below the middle.
    #[inline(always)]
    pub(super) fn count_one(&self, is_below: bool) {
        bump(&self.below, u64::from(is_below));
    }

    /// A better bound, and how many of the `offered` were below it. There is one if no bound is set
    /// yet, or if the share below it is far from `wanted`. `ranks` are those of the items.
    pub(super) fn better(
        &self,
        bound: u32,
        ranks: &mut [u32],
        offered: u64,
        wanted: f64,
    ) -> Option<(u32, u64)> {
        let below = self.below.own_load();
        let wanted = wanted * offered as f64;
        let off = match bound {
            NONE => f64::INFINITY,
            _ => (below as f64 - wanted).abs(),
        };
        if off <= OFF * offered as f64 {
            return None;
        }
        ranks.sort_unstable();
        // How many offers an item stands for, on each side of the old bound.
        let left = ranks.partition_point(|&rank| Packed::bound(rank) < bound);
        let right = ranks.len() - left;
        let each = if left == 0 || right == 0 {
            [offered as f64 / ranks.len() as f64; 2]
        } else {
            let above = offered.saturating_sub(below);
            [below as f64 / left as f64, above as f64 / right as f64]
        };
        let items = ranks.iter().enumerate();
        let items = items.map(|(i, &rank)| (rank, each[usize::from(i >= left)]));
        nearest_bound(items, wanted, off)
            .map(|(rank, sum)| (Packed::bound(rank), sum.round() as u64))
    }

    /// Moves the middle, with this many offers `below`.
    pub(super) fn move_to(&self, place: &AtomicU32, bound: u32, below: u64) {
        place.store(bound, Relaxed);
        self.below.store(below, Relaxed);
    }

    /// Any thread may call this. The result is consistent with what else is read between two equal
    /// numbers of changes.
    pub(super) fn read(&self, bound: &AtomicU32) -> Divided {
        Divided {
            bound: bound.load(Relaxed),
            below: self.below.load(Relaxed),
        }
    }
}

/// Of the bounds between two different values of the sorted `items`, the one below which the weight
/// is nearest to `wanted`, and that weight. `None` if all are at least `off` from it.
pub(crate) fn nearest_bound<T: Copy + PartialEq>(
    items: impl Iterator<Item = (T, f64)>,
    wanted: f64,
    mut off: f64,
) -> Option<(T, f64)> {
    let (mut sum, mut last, mut nearest) = (0.0_f64, None, None);
    for (value, weight) in items {
        if last.is_some_and(|last| last != value) && (sum - wanted).abs() < off {
            off = (sum - wanted).abs();
            nearest = Some((value, sum));
        }
        last = Some(value);
        sum += weight;
    }
    nearest
}

impl Divided {
    /// The samples of the `items`. Each stands for its share of the `offered`.
    pub(super) fn weigh(
        &self,
        items: &[Packed],
        offered: u64,
        longest_ns: u64,
        samples: &mut Vec<Sample>,
    ) {
        let (above, below): (Vec<Packed>, Vec<Packed>) =
            items.iter().partition(|item| item.is_from(self.bound));
        match offered.checked_sub(self.below) {
            // Otherwise one side has no item to stand for it, or some offers below the bound are
            // not among the `offered`.
            Some(rest)
                if below.is_empty() == (self.below == 0) && above.is_empty() == (rest == 0) =>
            {
                samples.extend(share(&below, self.below, longest_ns));
                samples.extend(share(&above, rest, longest_ns));
            }
            _ => samples.extend(share(items, offered, longest_ns)),
        }
    }
}

/// The samples of the items. Each stands for the same share of the `offered`.
pub(super) fn share(
    items: &[Packed],
    offered: u64,
    longest_ns: u64,
) -> impl Iterator<Item = Sample> {
    let share = offered as f64 / items.len().max(1) as f64;
    items.iter().map(move |item| item.sample(share, longest_ns))
}
