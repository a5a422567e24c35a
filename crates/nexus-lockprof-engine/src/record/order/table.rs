//! The engine's table of pairs.
//!
//! Any thread adds a pair, and none waits. A thread claims a slot with one exchange, fills it, and
//! says that it is ready. If two threads add one pair, one of them claims the slot, and the other
//! finds it.

use super::held::MOST_HELD;
use crate::identity::{self, PointKey};
#[cfg(lockprof_loom)]
use crate::record::memory::try_box;
use crate::record::thread_info::ThreadId;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, const_fn, sized};
use Ordering::{AcqRel, Acquire, Relaxed, Release};

/// Slots of the table.
const SLOTS: usize = sized(2, 2048);
/// Slots that a pair may have. If all are taken by others, it is lost.
const PROBES: usize = sized(2, 64);
/// How many of the locks that were held each time are kept of a pair: all that are known.
pub(crate) const MOST_GATES: usize = sized(4, MOST_HELD - 1);

/// One pair of lock classes, each with a mode.
#[derive(Debug)]
struct Slot {
    /// 0 is free.
    pair: AtomicU64,
    /// Whether the fields below are filled.
    is_ready: AtomicBool,
    held: AtomicU64,
    wanted: AtomicU64,
    /// The thread of the first sighting: its numbers, and its name.
    thread: [AtomicU64; 4],
    /// Addresses of other locks that were held exclusively each time. 0 is none.
    gates: [AtomicUsize; MOST_GATES],
    sightings: AtomicU64,
}

/// A thread that holds one lock wants another.
pub(crate) struct Sighting<'a> {
    pub(crate) held: PointKey,
    pub(crate) wanted: PointKey,
    pub(crate) is_same_lock: bool,
    /// Whether it wants to read a lock whose readers do not queue behind a waiting writer.
    pub(crate) passes_writers: bool,
    /// Addresses of the other locks that it holds exclusively.
    pub(crate) others: &'a [usize],
}

impl Sighting<'_> {
    /// The pair in one word, which is not 0. A pair that was seen without any other lock is another
    /// one than with some, so its first sighting proves that it needs none.
    fn pair(&self) -> u64 {
        let mode = |key: PointKey| key.site().mode() as u64;
        let flags = u64::from(self.passes_writers) << 2
            | u64::from(self.is_same_lock) << 1
            | u64::from(!self.others.is_empty());
        u64::from(self.held.number()) << 40
            | u64::from(self.wanted.number()) << 16
            | mode(self.held) << 12
            | mode(self.wanted) << 8
            | flags
    }
}

/// A pair as a snapshot reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PairReading {
    /// Its place in the table.
    pub(crate) place: usize,
    pub(crate) held: PointKey,
    pub(crate) wanted: PointKey,
    pub(crate) is_same_lock: bool,
    /// Whether it wants to read a lock whose readers do not queue behind a waiting writer.
    pub(crate) passes_writers: bool,
    /// Whether other locks were held each time it was seen.
    pub(crate) had_others: bool,
    /// Addresses of those that were held exclusively each time. 0 is none.
    pub(crate) gates: [usize; MOST_GATES],
    pub(crate) thread: ThreadId,
    /// Without those that threads have not added yet.
    pub(crate) sightings: u64,
}

type Slots = [Slot; SLOTS];

/// An engine's table of pairs.
#[derive(Debug)]
pub(crate) struct OrderTable {
    /// Null until the first pair.
    slots: AtomicPtr<Slots>,
    /// Number of changes: of pairs, and of what they have in common.
    changes: AtomicU64,
}

/// Why a pair is not noted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotNoted {
    /// There is no memory for the table.
    Memory,
    /// There is no slot for it, or another thread is just adding it.
    NoRoom,
}

impl OrderTable {
    const_fn! {
        pub(crate) fn new() -> Self {
            OrderTable {
                slots: AtomicPtr::new(std::ptr::null_mut()),
                changes: AtomicU64::new(0),
            }
        }
    }

    fn slots(&self) -> Option<&Slots> {
        // Acquire: this thread sees the empty table. Pairs with `slots_or_new`.
        // SAFETY: null, or a box that this table keeps.
        unsafe { self.slots.load(Acquire).as_ref() }
    }

    fn slots_or_new(&self) -> Option<&Slots> {
        if let Some(slots) = self.slots() {
            return Some(slots);
        }
        let new = Box::into_raw(new_slots()?);
        // Release: whoever sees the pointer sees the empty table. Acquire: this thread sees
        // another's.
        let before = self
            .slots
            .compare_exchange(std::ptr::null_mut(), new, AcqRel, Acquire);
        if let Err(others) = before {
            // SAFETY: made above, and seen by nobody else.
            drop(unsafe { Box::from_raw(new) });
            // SAFETY: not null, and a box that this table keeps.
            return unsafe { others.as_ref() };
        }
        // SAFETY: made above, and kept.
        unsafe { new.as_ref() }
    }

    /// Notes a sighting, and returns the pair's place. May allocate. `thread` is asked if the pair
    /// is a new one.
    pub(crate) fn note(
        &self,
        sighting: &Sighting<'_>,
        thread: impl FnOnce() -> ThreadId,
    ) -> Result<usize, NotNoted> {
        let slots = self.slots_or_new().ok_or(NotNoted::Memory)?;
        let pair = sighting.pair();
        let home = (pair.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize;
        for step in 0..PROBES {
            let place = (home + step) % SLOTS;
            let slot = &slots[place];
            let mut found = slot.pair.load(Relaxed);
            if found == 0 {
                // Relaxed: `is_ready` publishes the rest. The pair stands alone.
                match slot.pair.compare_exchange(0, pair, Relaxed, Relaxed) {
                    Ok(_) => {
                        slot.fill(sighting, &thread());
                        slot.sightings.fetch_add(1, Relaxed);
                        self.note_change();
                        return Ok(place);
                    }
                    Err(others) => found = others,
                }
            }
            if found == pair {
                // Acquire: this thread sees the gates that were stored first, and takes away from
                // them. Pairs with `fill`.
                if !slot.is_ready.load(Acquire) {
                    return Err(NotNoted::NoRoom);
                }
                if slot.leave_gates(sighting.others) {
                    self.note_change();
                }
                slot.sightings.fetch_add(1, Relaxed);
                return Ok(place);
            }
        }
        Err(NotNoted::NoRoom)
    }

    /// Adds sightings of the pair at `place`, which a thread has counted and does not count any
    /// more.
    pub(crate) fn add(&self, place: usize, sightings: u64) {
        if let Some(slot) = self.slots().and_then(|slots| slots.get(place)) {
            // Release: a reader that sees the sum sees that the thread does not count them any
            // more. Pairs with `for_each`.
            slot.sightings.fetch_add(sightings, Release);
        }
    }

    fn note_change(&self) {
        // Release: a reader that sees the number sees the change. Pairs with `changes`.
        self.changes.fetch_add(1, Release);
    }

    /// A number that grows with each change of what the pairs are.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Acquire)
    }

    /// Calls `each` with every pair. Any thread may call this.
    pub(crate) fn for_each(&self, mut each: impl FnMut(PairReading)) {
        let slots = self.slots().into_iter().flatten().enumerate();
        for (place, slot) in slots {
            // Acquire: this thread sees what was filled in. Pairs with `fill`.
            if !slot.is_ready.load(Acquire) {
                continue;
            }
            let pair = slot.pair.load(Relaxed);
            each(PairReading {
                place,
                held: PointKey(slot.held.load(Relaxed)),
                wanted: PointKey(slot.wanted.load(Relaxed)),
                is_same_lock: pair & 2 != 0,
                passes_writers: pair & 4 != 0,
                had_others: pair & 1 != 0,
                gates: slot.gates.each_ref().map(|gate| gate.load(Relaxed)),
                thread: ThreadId::from_words(slot.thread.each_ref().map(|word| word.load(Relaxed))),
                // Acquire: pairs with `add`.
                sightings: slot.sightings.load(Acquire),
            });
        }
    }
}

impl Drop for OrderTable {
    fn drop(&mut self) {
        // Classes may get the numbers that only the pairs have kept.
        self.for_each(|pair| {
            identity::release(pair.held);
            identity::release(pair.wanted);
        });
        let slots = self.slots.load(Relaxed);
        if !slots.is_null() {
            // SAFETY: made by `Box::into_raw`, dropped once, and nobody reads it any more.
            drop(unsafe { Box::from_raw(slots) });
        }
    }
}

impl Slot {
    /// Fills a slot that the calling thread has just claimed.
    fn fill(&self, sighting: &Sighting<'_>, thread: &ThreadId) {
        // The keys stay here as long as the table, and so do the numbers of their classes.
        identity::retain(sighting.held);
        identity::retain(sighting.wanted);
        self.held.store(sighting.held.0, Relaxed);
        self.wanted.store(sighting.wanted.0, Relaxed);
        for (place, word) in self.thread.iter().zip(thread.to_words()) {
            place.store(word, Relaxed);
        }
        for (place, &gate) in self.gates.iter().zip(sighting.others) {
            place.store(gate, Relaxed);
        }
        // Release: whoever sees that it is ready sees the rest. Pairs with `note` and `for_each`.
        self.is_ready.store(true, Release);
    }

    /// Leaves those gates that are among `others`. Whether some had to go.
    fn leave_gates(&self, others: &[usize]) -> bool {
        let mut has_changed = false;
        for place in &self.gates {
            // Relaxed: a gate only ever goes.
            let gate = place.load(Relaxed);
            if gate != 0 && !others.contains(&gate) {
                place.store(0, Relaxed);
                has_changed = true;
            }
        }
        has_changed
    }
}

/// An empty table, of which the system provides the memory as it is used.
#[cfg(not(lockprof_loom))]
fn new_slots() -> Option<Box<Slots>> {
    let layout = std::alloc::Layout::new::<Slots>();
    // SAFETY: the size is not zero.
    let slots = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<Slots>();
    if slots.is_null() {
        return None;
    }
    // SAFETY: freshly allocated with the layout that a box uses. All fields are atomics, for which
    // zero is a valid value.
    Some(unsafe { Box::from_raw(slots) })
}

#[cfg(lockprof_loom)]
fn new_slots() -> Option<Box<Slots>> {
    try_box(std::array::from_fn(|_| Slot {
        pair: AtomicU64::new(0),
        is_ready: AtomicBool::new(false),
        held: AtomicU64::new(0),
        wanted: AtomicU64::new(0),
        thread: std::array::from_fn(|_| AtomicU64::new(0)),
        gates: std::array::from_fn(|_| AtomicUsize::new(0)),
        sightings: AtomicU64::new(0),
    }))
}

#[cfg(all(test, not(lockprof_loom)))]
mod tests {
    use super::*;
    use crate::identity::numbers::{LAST, uses};
    use crate::identity::{ClassTag, HoldMode, SiteKey};
    use std::panic::Location;

    #[test]
    fn numbers_are_kept_as_long_as_the_table() {
        let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
        let key = PointKey::new(site, ClassTag::new(LAST));
        let sighting = Sighting {
            held: key,
            wanted: key,
            is_same_lock: false,
            passes_writers: false,
            others: &[],
        };
        let before = uses(LAST);
        let table = OrderTable::new();
        assert!(table.note(&sighting, ThreadId::default).is_ok());
        assert!(table.note(&sighting, ThreadId::default).is_ok());
        assert_eq!(uses(LAST), before + 2);
        drop(table);
        assert_eq!(uses(LAST), before);
    }
}
