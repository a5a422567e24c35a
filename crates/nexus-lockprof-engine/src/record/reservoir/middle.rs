//! A place that divides a sample, and how many offers were below it.
//!
//! A uniform sample tells a rank to `sqrt(q(1-q)/n)`. If it is known how many offers were below
//! some place, the items below and above it get their weights apart (post-stratification), and only
//! what is between that place and the rank is estimated: with a share `d` of all between them, to
//! about `sqrt(d/n)`. So the middle is put near the rank that is to be told. A sample that is full
//! for the first time puts it there; it is moved at a doubling of the offers, if it has become a
//! bad one.

use super::Packed;
use crate::sync::{AtomicU32, AtomicU64, Ordering, OwnLoad, bump};
use Ordering::Relaxed;

/// Nothing is below it.
pub(super) const NONE: u32 = 0;
/// How far from what is wanted the share below may be before the middle is moved.
const OFF: f64 = 0.05;

/// How many offers were below the middle; where it is stands elsewhere, beside other bounds. The
/// owner writes, inside a change of the bank where it moves.
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

    /// Begins anew. The owner's call, as are all up to `read`.
    pub(super) fn clear(&self) {
        self.below.store(0, Relaxed);
    }

    /// Counts an offer.
    // Without a branch: it would be taken every other time.
    #[inline(always)]
    pub(super) fn count(&self, item: Packed, bound: &AtomicU32) {
        let is_below = !item.is_from(bound.own_load());
        bump(&self.below, u64::from(is_below));
    }

    /// A better place, and how many of the `offered` were below: if there is none yet, or the share
    /// below is not near `wanted`. `ranks` are those of the items.
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
        // What an item stands for, on this side of the old place and on that.
        let left = ranks.partition_point(|&rank| Packed::bound(rank) < bound);
        let right = ranks.len() - left;
        let each = if left == 0 || right == 0 {
            [offered as f64 / ranks.len() as f64; 2]
        } else {
            let above = offered.saturating_sub(below);
            [below as f64 / left as f64, above as f64 / right as f64]
        };
        // Of the places between two different ranks, the one at which the share is nearest.
        let (mut sum, mut last, mut best) = (0.0, None, (off, None));
        for (i, &rank) in ranks.iter().enumerate() {
            let off = (sum - wanted).abs();
            if last.is_some_and(|last| last != rank) && off < best.0 {
                best = (off, Some((Packed::bound(rank), sum.round() as u64)));
            }
            last = Some(rank);
            sum += each[usize::from(i >= left)];
        }
        best.1
    }

    /// Moves the middle; so many offers were below.
    pub(super) fn move_to(&self, place: &AtomicU32, bound: u32, below: u64) {
        place.store(bound, Relaxed);
        self.below.store(below, Relaxed);
    }

    /// Any thread's call; consistent with what else is read between two equal numbers of changes.
    pub(super) fn read(&self, bound: &AtomicU32) -> Divided {
        Divided {
            bound: bound.load(Relaxed),
            below: self.below.load(Relaxed),
        }
    }
}

impl Divided {
    /// Gives each of the `items` its share of the `offered`.
    pub(super) fn weigh(&self, items: &[Packed], offered: u64, kept: &mut Vec<(Packed, f64)>) {
        let (above, below): (Vec<Packed>, Vec<Packed>) =
            items.iter().partition(|item| item.is_from(self.bound));
        match offered.checked_sub(self.below) {
            // Else one side has nothing that tells of it, or the offers below it are not all among
            // the `offered`.
            Some(rest)
                if below.is_empty() == (self.below == 0) && above.is_empty() == (rest == 0) =>
            {
                kept.extend(share(&below, self.below));
                kept.extend(share(&above, rest));
            }
            _ => kept.extend(share(items, offered)),
        }
    }
}

/// Gives each item the same share of the `offered`.
pub(super) fn share(items: &[Packed], offered: u64) -> impl Iterator<Item = (Packed, f64)> {
    let share = offered as f64 / items.len().max(1) as f64;
    items.iter().map(move |&item| (item, share))
}
