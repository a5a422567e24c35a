//! What one record measured in one collection: a sample of all durations, and a second one of the
//! longest.
//!
//! A uniform sample needs thousands of items to give the 95th and the 99th percentile to a rank or
//! two. So there are two samples. The *body* is uniform over all offers. The *tail* is uniform over
//! the offers that reach a threshold.
//!
//! The threshold comes from the body when it is full for the first time. All offers so far are
//! still in the body then, so the tail misses none. A counter says how many offers reach the
//! threshold. The first threshold is low, because so few items place it badly. It is raised once
//! the tail is full, when the tail's width is known. If the tail holds a tenth of all offers, its
//! slots tell a rank there ten times as well.
//!
//! Many durations may be equal: those of empty holds are, on a clock with coarse steps. A tail that
//! begins at a frequent value is wide, tells nothing of a rank, and each offer to it takes some
//! hundred instructions. So it begins above that value, even if there is nothing yet.
//!
//! Each of the two samples is divided once more, at a [middle]: the body near the
//! median, the tail near the 95th percentile.

use super::Packed;
use super::middle::{self, Middle};
use super::reading::{BankReading, Strata, Tail};
use super::stratum::{Placement, Stratum};
use crate::record::random::with_rng;
use crate::record::sequence::Sequence;
use crate::sync::{AtomicU32, AtomicU64, OnceLock, Ordering, OwnLoad, sized};
use Ordering::{Acquire, Relaxed, Release};

/// Items to keep before the slots are allocated, because most points are rare.
const FIRST: usize = sized(1, 4);
/// The smallest size of a bank with a tail.
const WITH_TAIL: usize = sized(4, 32);
/// The body's share of the slots.
const BODY: (usize, usize) = sized((1, 3), (7, 12));
/// Where the tail begins.
const QUANTILE: f64 = 0.8;
/// A tail that would begin with more than this share of all offers begins at the next value.
const MANY_EQUAL: f64 = 2.0 * (1.0 - QUANTILE);
/// The share of all offers at which the tail is too wide, and the share to which it is then cut.
const TOO_WIDE: f64 = 0.125;
const WIDTH: f64 = 0.1;
/// A threshold that no duration reaches.
const NO_TAIL: u32 = u32::MAX;
const ATTEMPTS: usize = sized(1, 4);

pub(super) struct Bank {
    /// Collection to which the contents belong.
    tag: AtomicU64,
    /// The owner sets up or cuts the tail, or moves a middle, as one update.
    changes: Sequence,
    /// The [bound](Packed::bound) of the tail, or `NO_TAIL`.
    threshold: AtomicU32,
    /// Bounds of the middles: the body's near the median, the tail's near the 95th percentile.
    body_bound: AtomicU32,
    tail_bound: AtomicU32,
    body_middle: Middle,
    tail_middle: Middle,
    /// Number of offers at which the body's middle is next judged. Only the owner uses it.
    body_judged_at: AtomicU64,
    /// Number of offers to the tail at which its width is next judged. Only the owner uses it.
    judged_at: AtomicU64,
    body: Stratum,
    tail: Stratum,
    first: [AtomicU32; FIRST],
    /// The body's slots, then the tail's.
    slots: OnceLock<Box<[AtomicU32]>>,
}

/// Where a bank divides its offers, as durations.
pub(crate) struct Bounds {
    /// The tail takes no shorter ones.
    pub(crate) tail_ns: u64,
    /// The body's middle.
    pub(crate) middle_ns: u64,
}

/// An offer to a bank that has its slots: it is shorter than the tail's, and the body only counts
/// it.
pub(crate) struct UsualOffer<'a>(&'a Bank);

impl UsualOffer<'_> {
    /// Makes the offer, and says whether it is below the body's middle.
    #[inline(always)]
    pub(crate) fn make(self, is_below_middle: bool) {
        self.0.body_middle.count_one(is_below_middle);
        self.0.body.count_one();
    }
}

/// How many of `size` slots belong to the body.
fn body_of(size: usize) -> usize {
    if size < WITH_TAIL {
        size
    } else {
        size * BODY.0 / BODY.1
    }
}

impl Bank {
    pub(super) fn new() -> Self {
        Bank {
            tag: AtomicU64::new(u64::MAX),
            changes: Sequence::new(),
            threshold: AtomicU32::new(NO_TAIL),
            body_bound: AtomicU32::new(middle::NONE),
            tail_bound: AtomicU32::new(middle::NONE),
            body_middle: Middle::new(),
            tail_middle: Middle::new(),
            body_judged_at: AtomicU64::new(0),
            judged_at: AtomicU64::new(0),
            body: Stratum::new(),
            tail: Stratum::new(),
            first: std::array::from_fn(|_| AtomicU32::new(0)),
            slots: OnceLock::new(),
        }
    }

    /// Makes this the bank of `collection`, if it belongs to another. Only the owner calls this and
    /// all that follow, up to `read`.
    #[inline(always)]
    pub(super) fn belong_to(&self, collection: u64) {
        if self.tag.own_load() != collection {
            // The bank's old contents were read, or skipped, before this collection was opened. The
            // owner learnt of the collection by an Acquire, which orders that reading before these
            // stores.
            self.body.clear();
            self.tail.clear();
            self.threshold.store(NO_TAIL, Relaxed);
            self.body_bound.store(middle::NONE, Relaxed);
            self.tail_bound.store(middle::NONE, Relaxed);
            self.body_middle.clear();
            self.tail_middle.clear();
            // Release: a reader that sees the new tag also sees the 0s, not the old counts.
            self.tag.store(collection, Release);
        }
    }

    /// Whether the slots are allocated.
    #[inline]
    pub(super) fn is_full_size(&self) -> bool {
        self.slots.get().is_some()
    }

    /// The same for the bank of `collection`.
    pub(super) fn is_full_size_of(&self, collection: u64) -> bool {
        self.is_full_size() && self.tag.own_load() == collection
    }

    /// The bounds for durations that are their own codes. They change only when an offer is kept,
    /// or goes to the tail.
    pub(super) fn bounds(&self) -> Bounds {
        let exact_ns = |bound: &AtomicU32| u64::from(Packed(bound.own_load()).rank());
        Bounds {
            tail_ns: exact_ns(&self.threshold),
            middle_ns: exact_ns(&self.body_bound),
        }
    }

    /// Offers a duration. `size` is the number of slots to allocate if there are none yet. Returns
    /// `false` if there is no memory for them.
    #[inline(always)]
    pub(super) fn offer(&self, item: Packed, size: usize, seed: &AtomicU64) -> bool {
        if item.is_from(self.threshold.own_load()) {
            self.offer_tail(item, seed);
        }
        self.body_middle.count(item, &self.body_bound);
        let index = self.body.offered();
        if self.body.is_next(index) && !self.keep(item, size, seed) {
            return false;
        }
        self.body.count(index);
        true
    }

    /// Prepares an offer that is not for the tail, if the body only counts it. The slots are
    /// allocated.
    #[inline(always)]
    pub(super) fn usual_offer(&self) -> Option<UsualOffer<'_>> {
        (!self.body.is_next(self.body.offered())).then_some(UsualOffer(self))
    }

    #[cold]
    fn keep(&self, item: Packed, size: usize, seed: &AtomicU64) -> bool {
        let index = self.body.offered();
        let slots = match self.slots.get() {
            Some(slots) => slots,
            None if index < FIRST as u64 && size > FIRST => {
                if let Some(slot) = self.first.get(index as usize) {
                    slot.store(item.0, Relaxed);
                }
                // The body is not full, so the next offer is taken as well.
                with_rng(seed, |rng| self.body.place(size, rng));
                self.body.filled(index as usize);
                return true;
            }
            None => {
                let Some(new) = self.try_slots(size) else {
                    return false;
                };
                // Only the owner sets it, so nobody has set it in between.
                self.slots.get_or_init(|| new)
            }
        };
        let size = body_of(slots.len());
        if let Placement::Slot(place) = with_rng(seed, |rng| self.body.place(size, rng)) {
            slots[place].store(item.0, Relaxed);
            self.body.filled(place);
        }
        if size == slots.len() {
            return true;
        }
        if index + 1 == size as u64 {
            self.begin_tail(slots, size, seed);
        }
        if index + 1 >= self.body_judged_at.own_load() && index + 1 >= size as u64 {
            self.judge_body(&slots[..size], index + 1);
        }
        true
    }

    /// Slots that hold the first items.
    fn try_slots(&self, size: usize) -> Option<Box<[AtomicU32]>> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(size).ok()?;
        let first = self.first.iter().map(|slot| slot.load(Relaxed));
        slots.extend(
            first
                .chain(std::iter::repeat(0))
                .take(size)
                .map(AtomicU32::new),
        );
        Some(slots.into_boxed_slice())
    }

    /// Sets up the tail. The body has just become full and holds all offers.
    fn begin_tail(&self, slots: &[AtomicU32], size: usize, seed: &AtomicU64) {
        let (mut ranks, n) = ranks(&slots[..size]);
        let ranks = &mut ranks[..n];
        ranks.sort_unstable();
        let mut threshold = ranks[(n as f64 * QUANTILE) as usize];
        let shorter = ranks.partition_point(|&rank| rank < threshold);
        if (n - shorter) as f64 > MANY_EQUAL * n as f64 {
            threshold = next_above(threshold, ranks);
        }
        self.changes.update(|| {
            self.tail.clear();
            for slot in &slots[..size] {
                let item = Packed(slot.own_load());
                if item.rank() >= threshold {
                    self.offer_tail_to(&slots[size..], item, seed);
                }
            }
            self.threshold.store(Packed::bound(threshold), Relaxed);
        });
        let tail = slots.len() - size;
        self.judged_at.store(tail as u64, Relaxed);
        self.body_judged_at.store(0, Relaxed);
    }

    /// Moves the body's middle if there is none, or if it is far from the median of the `offered`.
    /// The body is full.
    #[cold]
    fn judge_body(&self, slots: &[AtomicU32], offered: u64) {
        self.body_judged_at
            .store(offered.saturating_mul(2), Relaxed);
        let bound = self.body_bound.own_load();
        let (mut ranks, n) = ranks(slots);
        let found = self
            .body_middle
            .better(bound, &mut ranks[..n], offered, 0.5);
        if let Some((bound, below)) = found {
            self.changes
                .update(|| self.body_middle.move_to(&self.body_bound, bound, below));
        }
    }

    #[inline(never)]
    fn offer_tail(&self, item: Packed, seed: &AtomicU64) {
        let Some(slots) = self.slots.get() else {
            return;
        };
        let tail = &slots[body_of(slots.len())..];
        self.offer_tail_to(tail, item, seed);
        if self.tail.offered() >= self.judged_at.own_load() {
            self.judge(tail);
        }
    }

    #[inline]
    fn offer_tail_to(&self, slots: &[AtomicU32], item: Packed, seed: &AtomicU64) {
        let offered = self.tail.offered();
        if self.tail.is_next(offered)
            && let Placement::Slot(place) = with_rng(seed, |rng| self.tail.place(slots.len(), rng))
        {
            slots[place].store(item.0, Relaxed);
            self.tail.filled(place);
        }
        self.tail_middle.count(item, &self.tail_bound);
        self.tail.count(offered);
    }

    /// Cuts the tail if it is too wide, and moves its middle if necessary.
    #[cold]
    fn judge(&self, slots: &[AtomicU32]) {
        let offered = self.tail.offered();
        self.judged_at.store(offered.saturating_mul(2), Relaxed);
        if self.tail.kept() < slots.len() {
            return;
        }
        let all = (self.body.offered() + 1) as f64;
        if offered as f64 / all >= TOO_WIDE {
            self.cut(slots, offered as f64 / all);
        }
        let offered = self.tail.offered();
        let (mut ranks, n) = ranks(&slots[..self.tail.kept()]);
        // The 95th percentile of all offers is at this share of the tail.
        let wanted = (1.0 - 0.05 * all / offered.max(1) as f64).clamp(0.2, 0.8);
        let bound = self.tail_bound.own_load();
        let found = self
            .tail_middle
            .better(bound, &mut ranks[..n], offered, wanted);
        if let Some((bound, below)) = found {
            self.changes
                .update(|| self.tail_middle.move_to(&self.tail_bound, bound, below));
        }
    }

    /// Cuts the tail, which is full and has this `share` of all offers.
    fn cut(&self, slots: &[AtomicU32], share: f64) {
        let (offered, kept) = (self.tail.offered(), self.tail.kept());
        let (mut ranks, n) = ranks(slots);
        let ranks = &mut ranks[..n];
        ranks.sort_unstable();
        let old = self.threshold.own_load();
        let cut = ranks[(n as f64 * (1.0 - WIDTH / share)) as usize];
        // If most are equal, the threshold is the next value above them.
        let threshold = if Packed::bound(cut) > old {
            cut
        } else {
            next_above(cut, ranks)
        };
        self.changes.update(|| {
            let mut left = 0;
            for slot in slots {
                let item = slot.own_load();
                if Packed(item).rank() >= threshold {
                    slots[left].store(item, Relaxed);
                    left += 1;
                }
            }
            if left == 0 {
                self.tail.clear();
                self.judged_at.store(slots.len() as u64, Relaxed);
            } else {
                // The items left are still those with keys below `w`.
                let above = offered as f64 * left as f64 / kept as f64;
                self.tail.set(above.round() as u64, left);
            }
            self.tail_middle.move_to(&self.tail_bound, middle::NONE, 0);
            self.threshold.store(Packed::bound(threshold), Relaxed);
        });
    }

    /// What the bank holds of the closed `collection`. The aggregator calls this once for each
    /// collection.
    pub(super) fn read(&self, collection: u64, longest_ns: u64) -> Option<BankReading> {
        // Acquire: this thread sees the 0s stored with the tag. Pairs with the Release in
        // `belong_to`.
        if self.tag.load(Acquire) != collection {
            return None;
        }
        // Read before the body, whose count must not be behind the counts of its parts.
        let strata = self.slots.get().and_then(|slots| self.read_strata(slots));
        let read = || match self.slots.get() {
            Some(slots) => self.body.read(&slots[..body_of(slots.len())]),
            None => self.body.read(&self.first),
        };
        let (mut offered, mut body) = read();
        if body.len() == FIRST && offered > FIRST as u64 {
            // Not all of it was in the first slots. A thread that sees this count sees the new
            // slots.
            (offered, body) = read();
        }
        Some(BankReading::new(offered, body, strata, longest_ns))
    }

    /// `None` if the owner was changing the strata at every attempt. Then the body stands for
    /// everything.
    fn read_strata(&self, slots: &[AtomicU32]) -> Option<Strata> {
        for _ in 0..ATTEMPTS {
            let Some(begun) = self.changes.begin() else {
                continue;
            };
            let threshold = self.threshold.load(Relaxed);
            let body = self.body_middle.read(&self.body_bound);
            let divided = self.tail_middle.read(&self.tail_bound);
            let (offered, kept) = self.tail.read(&slots[body_of(slots.len())..]);
            if self.changes.is_still(begun) {
                let tail = (threshold != NO_TAIL).then_some(Tail {
                    threshold,
                    offered,
                    kept,
                    divided,
                });
                return Some(Strata { body, tail });
            }
        }
        None
    }
}

/// The smallest of the sorted `ranks` above `rank`, or else the one that follows it.
fn next_above(rank: u32, ranks: &[u32]) -> u32 {
    let higher = ranks.partition_point(|&other| other <= rank);
    ranks.get(higher).copied().unwrap_or(rank + 1)
}

/// The ranks in the first slots, and how many there are: enough to find a quantile. They are on the
/// stack because the measured lock may be the allocator's own.
fn ranks(slots: &[AtomicU32]) -> ([u32; 256], usize) {
    let mut ranks = [0; 256];
    let mut n = 0;
    for (rank, slot) in ranks.iter_mut().zip(slots) {
        *rank = Packed(slot.own_load()).rank();
        n += 1;
    }
    (ranks, n)
}
