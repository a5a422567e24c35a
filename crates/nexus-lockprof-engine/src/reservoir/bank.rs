//! What one record measured in one collection: a sample of everything, and a second one of the longest.
//!
//! For the 95th and the 99th percentile to be right to a rank or two, a uniform sample must have thousands of items. So
//! there are two: the *body*, uniform over all offers, and the *tail*, uniform over those that are not
//! below a threshold. The threshold is taken from the body when that is full for the first time, with everything that was offered
//! still in it, so that the tail misses nothing; how many offers are above it is counted. It is low at first, since so few items
//! place it badly, and is raised once the tail is full: then it is known how wide the tail is. A tenth of all in as many
//! slots as the tail has tells a rank there ten times as well.

use super::stratum::{Place, Stratum};
use super::{Packed, with_rng};
use crate::sync::{AtomicU32, AtomicU64, OnceLock, Ordering, OwnLoad, fence};
use Ordering::{Acquire, Relaxed, Release};

/// Items that are kept before the slots are allocated: most points are rare.
const FIRST: usize = if cfg!(lockprof_loom) { 1 } else { 4 };
/// The least size of a bank that has a tail.
const WITH_TAIL: usize = if cfg!(lockprof_loom) { 4 } else { 32 };
/// Where the tail begins.
const QUANTILE: f64 = 0.8;
/// The share of all offers at which the tail is too wide, and what it is then cut to.
const TOO_WIDE: f64 = 0.125;
const WIDTH: f64 = 0.1;
/// Nothing is above it.
const NO_TAIL: u64 = u64::MAX;
const ATTEMPTS: usize = 4;

pub(super) struct Bank {
    /// Collection that the contents belong to.
    tag: AtomicU64,
    /// Odd while the tail is being set up or cut: a sequence as in [`Record`](crate::record::Record).
    changes: AtomicU64,
    /// The least rank of the tail, or `NO_TAIL`.
    threshold: AtomicU64,
    /// Offers to the tail at which its width is judged next. The owner's alone.
    judged_at: AtomicU64,
    body: Stratum,
    tail: Stratum,
    first: [AtomicU32; FIRST],
    /// The body's, then the tail's.
    slots: OnceLock<Box<[AtomicU32]>>,
}

/// What a bank held when the aggregator read it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Drawn {
    /// Durations offered.
    pub(crate) offered: u64,
    /// Those that were kept, and how many of the offered ones each stands for.
    pub(crate) kept: Vec<(Packed, f64)>,
}

/// How many of `size` slots are the body's.
fn body_of(size: usize) -> usize {
    if size < WITH_TAIL { size } else { size / 3 }
}

impl Bank {
    pub(super) fn new() -> Self {
        Bank {
            tag: AtomicU64::new(u64::MAX),
            changes: AtomicU64::new(0),
            threshold: AtomicU64::new(NO_TAIL),
            judged_at: AtomicU64::new(0),
            body: Stratum::new(),
            tail: Stratum::new(),
            first: std::array::from_fn(|_| AtomicU32::new(0)),
            slots: OnceLock::new(),
        }
    }

    /// Makes it the bank of `collection`, if it is another's. The owner's call, as are all up to `read`.
    #[inline(always)]
    pub(super) fn belong_to(&self, collection: u64) {
        if self.tag.own_load() != collection {
            // The bank's old contents were read, or skipped, before this collection was opened: the
            // Acquire with which the owner learnt of it orders that reading before these stores.
            self.body.clear();
            self.tail.clear();
            self.threshold.store(NO_TAIL, Relaxed);
            // Release: a reader that sees the new tag sees the 0s as well, not the old counts with it.
            self.tag.store(collection, Release);
        }
    }

    /// Whether it has its slots.
    #[inline]
    pub(super) fn is_full_size(&self) -> bool {
        self.slots.get().is_some()
    }

    /// Offers a duration; `size` is that of a bank that has no slots yet. `false` if there is no memory for them.
    #[inline(always)]
    pub(super) fn offer(&self, item: Packed, size: usize, seed: &AtomicU64) -> bool {
        if u64::from(item.rank()) >= self.threshold.own_load() {
            self.offer_tail(item, seed);
        }
        if !self.body.skips() && !self.keep(item, size, seed) {
            return false;
        }
        self.body.count();
        true
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
                // Of a body that is not full: the next offer is taken as well.
                with_rng(seed, |rng| self.body.place(size, rng));
                self.body.filled(index as usize);
                return true;
            }
            None => {
                let Some(new) = self.try_slots(size) else {
                    return false;
                };
                // Only the owner sets it: it cannot have been set in between.
                self.slots.get_or_init(|| new)
            }
        };
        let size = body_of(slots.len());
        if let Place::Slot(place) = with_rng(seed, |rng| self.body.place(size, rng)) {
            slots[place].store(item.0, Relaxed);
            self.body.filled(place);
        }
        if index + 1 == size as u64 && size < slots.len() {
            self.begin_tail(slots, size, seed);
        }
        true
    }

    /// Slots with the first items in them.
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

    /// The body is full, and has everything.
    fn begin_tail(&self, slots: &[AtomicU32], size: usize, seed: &AtomicU64) {
        let (mut ranks, n) = ranks(&slots[..size]);
        let ranks = &mut ranks[..n];
        ranks.sort_unstable();
        let threshold = ranks[(n as f64 * QUANTILE) as usize];
        self.change(|| {
            self.tail.clear();
            for slot in &slots[..size] {
                let item = Packed(slot.own_load());
                if item.rank() >= threshold {
                    self.offer_tail_to(&slots[size..], item, seed);
                }
            }
            self.threshold.store(u64::from(threshold), Relaxed);
        });
        let tail = slots.len() - size;
        self.judged_at.store(tail as u64, Relaxed);
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
        if !self.tail.skips()
            && let Place::Slot(place) = with_rng(seed, |rng| self.tail.place(slots.len(), rng))
        {
            slots[place].store(item.0, Relaxed);
            self.tail.filled(place);
        }
        self.tail.count();
    }

    /// Cuts the tail if it is too wide.
    #[cold]
    fn judge(&self, slots: &[AtomicU32]) {
        let offered = self.tail.offered();
        self.judged_at.store(offered.saturating_mul(2), Relaxed);
        let kept = self.tail.kept();
        let share = offered as f64 / (self.body.offered() + 1) as f64;
        if share < TOO_WIDE || kept < slots.len() {
            return;
        }
        let (mut ranks, n) = ranks(slots);
        let ranks = &mut ranks[..n];
        ranks.sort_unstable();
        let old = self.threshold.own_load();
        let cut = ranks[(n as f64 * (1.0 - WIDTH / share)) as usize];
        // Where most are equal, those above them.
        let Some(&threshold) = ranks
            .iter()
            .find(|&&rank| u64::from(rank) > old && rank >= cut)
        else {
            return;
        };
        self.change(|| {
            let mut left = 0;
            for slot in slots {
                let item = slot.own_load();
                if Packed(item).rank() >= threshold {
                    slots[left].store(item, Relaxed);
                    left += 1;
                }
            }
            // Those that are left are still the ones with keys below `w`.
            let above = offered as f64 * left as f64 / kept as f64;
            self.tail.set(above.round() as u64, left);
            self.threshold.store(u64::from(threshold), Relaxed);
        });
    }

    /// Runs `stores` between an odd and an even number of changes.
    fn change(&self, stores: impl FnOnce()) {
        let changes = self.changes.own_load();
        self.changes.store(changes + 1, Relaxed);
        // Release fence: whoever sees one of the stores and then fences with Acquire also sees the
        // odd number; pairs with the fence in `read_tail`.
        fence(Release);
        stores();
        // Release: whoever sees the even number sees the stores; pairs with the Acquire load in `read_tail`.
        self.changes.store(changes + 2, Release);
    }

    /// What it holds of the closed `collection`. The aggregator's call, once for each collection.
    pub(super) fn read(&self, collection: u64) -> Option<Drawn> {
        // Acquire: pairs with the Release in `belong_to`.
        if self.tag.load(Acquire) != collection {
            return None;
        }
        // Before the body, whose count must not be behind the tail's.
        let tail = self.slots.get().and_then(|slots| self.read_tail(slots));
        let read = || match self.slots.get() {
            Some(slots) => self.body.read(&slots[..body_of(slots.len())]),
            None => self.body.read(&self.first),
        };
        let (mut offered, mut body) = read();
        if body.len() == FIRST && offered > FIRST as u64 {
            // Not all of it was in the first part; whoever sees that count sees the slots.
            (offered, body) = read();
        }
        Some(Drawn {
            offered,
            kept: weigh(offered, &body, tail),
        })
    }

    /// The least rank of the tail, how many were offered to it, and those kept. `None` if there is none, or the owner was
    /// changing it at every attempt: the body tells of everything.
    fn read_tail(&self, slots: &[AtomicU32]) -> Option<(u32, u64, Vec<Packed>)> {
        for _ in 0..ATTEMPTS {
            // Acquire: sees everything up to the change that stored this; pairs with the Release store in `change`.
            let before = self.changes.load(Acquire);
            let threshold = self.threshold.load(Relaxed);
            let (offered, kept) = self.tail.read(&slots[body_of(slots.len())..]);
            // Acquire fence: if any load above saw a newer store, the load below sees that the number
            // moved; pairs with the Release fence in `change`.
            fence(Acquire);
            if before & 1 == 0 && self.changes.load(Relaxed) == before {
                let threshold = u32::try_from(threshold).ok()?;
                return Some((threshold, offered, kept));
            }
        }
        None
    }
}

/// The ranks in the first slots, and how many there are: enough to find a quantile. On the stack, since this is called where an
/// allocator's own lock may be what is measured.
fn ranks(slots: &[AtomicU32]) -> ([u32; 256], usize) {
    let mut ranks = [0; 256];
    let mut n = 0;
    for (rank, slot) in ranks.iter_mut().zip(slots) {
        *rank = Packed(slot.own_load()).rank();
        n += 1;
    }
    (ranks, n)
}

/// Gives each kept item its share of what was offered.
fn weigh(
    offered: u64,
    body: &[Packed],
    tail: Option<(u32, u64, Vec<Packed>)>,
) -> Vec<(Packed, f64)> {
    let all = |items: &[Packed], offered: u64| {
        let share = offered as f64 / items.len().max(1) as f64;
        items.iter().map(|&item| (item, share)).collect::<Vec<_>>()
    };
    let Some((threshold, above, tail)) = tail else {
        return all(body, offered);
    };
    let below: Vec<Packed> = body
        .iter()
        .copied()
        .filter(|item| item.rank() < threshold)
        .collect();
    let under = offered.saturating_sub(above);
    if tail.is_empty() || (below.is_empty() && under > 0) {
        return all(body, offered);
    }
    let mut kept = all(&tail, above);
    // What is counted in the tail may not be counted in the body yet.
    if under > 0 {
        kept.extend(all(&below, under));
    }
    kept
}
