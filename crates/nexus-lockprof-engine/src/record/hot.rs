//! The hot path: each shard's cache from a point's key to its record.
//!
//! A slot is one word, a pointer to a record, and the key to compare with is the record's. So a
//! signal handler that locks between any two instructions finds every slot whole. A key has two
//! slots, by two hashes (cuckoo hashing), and the hot path looks at both. If both are taken, a new
//! record moves one of the two that are there to that one's other slot, if that is free. So 256
//! points nearly all have a slot among 512.
//!
//! The hot path uses what it finds without reading the settings. So a change of mode
//! [empties](HotCache::forget) all caches. docs/protocol.md, "A change of mode", explains why no
//! entry outlives it.

use crate::control::Control;
use crate::identity::{PointKey, ThreadBits};
use crate::record::statistics::Record;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, OwnLoad, array, bump, const_fn, fence, sized};
use Ordering::{Relaxed, SeqCst};
use std::hint::cold_path;
use std::marker::PhantomData;
use std::sync::atomic::compiler_fence;

/// Slots of a shard's cache. A power of two.
const SLOTS: usize = sized(1, 512);

/// A record that has no slot replaces one of its two rivals in one of this many tries.
const RELUCTANCE: u64 = 4;

/// What an empty slot points to: where a record has its key, this has 0, which is no key. So the
/// hot path need not ask whether a slot is empty.
#[repr(align(64))]
struct Nobody {
    _zeros: [u8; size_of::<Record>()],
}

static NOBODY: Nobody = Nobody {
    _zeros: [0; size_of::<Record>()],
};

/// The owner sets it. Whoever changes the mode empties it.
type Slot = AtomicPtr<Record>;

const EMPTY: *mut Record = (&raw const NOBODY).cast_mut().cast();

/// The cache of a shard of type `S`.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct HotCache<S> {
    slots: [Slot; SLOTS],
    /// Of random numbers. Only the owner uses it.
    draw: AtomicU64,
    /// The shard that contains this cache. Null in the cache of threads that have no shard.
    shard: AtomicPtr<S>,
}

/// A record found in the cache, for an acquisition in progress.
///
/// It stays in its thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<nexus_lockprof_engine::adaptor::Hit<'static>>();
/// ```
///
/// ```compile_fail,E0277
/// fn share<T: Sync>() {}
/// share::<nexus_lockprof_engine::adaptor::Hit<'static>>();
/// ```
///
/// It does not outlive its engine:
///
/// ```compile_fail,E0505
/// use nexus_lockprof_engine::adaptor::{HoldMode, LockClass, PointKey, SiteKey};
/// use nexus_lockprof_engine::{Engine, EngineRef};
///
/// let engine = Engine::new();
/// let site = SiteKey::new(std::panic::Location::caller(), HoldMode::Exclusive);
/// let probe = engine.probe(PointKey::new(site, LockClass::anonymous().word.tag()));
/// drop(engine);
/// drop(probe);
/// ```
#[derive(Debug)]
pub struct Hit<'a> {
    pub(crate) record: &'a Record,
    /// The record is in this thread's own shard, so the hit stays in this thread.
    pub(crate) here: PhantomData<*mut ()>,
}

/// The hot path's decision about an acquisition.
#[derive(Debug)]
pub enum Probe<'a> {
    /// Nothing.
    Off,
    /// Count it, once it is acquired.
    Count(Hit<'a>),
    /// Count and time it.
    Time(Hit<'a>),
    /// Take the slow path.
    Cold,
}

/// What to do with an acquisition of this record.
// `cold_path`, here and below, leaves the way of a counted acquisition without a jump.
#[inline(always)]
fn due(record: &Record) -> Probe<'_> {
    let hit = Hit {
        record,
        here: PhantomData,
    };
    // SAFETY: the record is in the calling thread's own cache, so this thread is its owner.
    let is_due = unsafe { record.holds.is_due_now(&record.acquisitions) };
    if is_due {
        cold_path();
        Probe::Time(hit)
    } else {
        Probe::Count(hit)
    }
}

impl Hit<'_> {
    /// The word for the lock to publish once it is acquired.
    #[inline(always)]
    #[must_use]
    pub fn published(&self) -> usize {
        // SAFETY: the hit's thread is the record's owner.
        unsafe { self.record.published.plain_load() }
    }

    /// Counts the acquisition: one plain addition, in one instruction where the machine has it.
    ///
    /// # Safety
    /// This thread has not begun to exit since it got the hit. If it has used other profiled locks
    /// since, it counts the acquisition by a schedule that may be outdated.
    #[inline(always)]
    pub unsafe fn commit(self) {
        bump(&self.record.acquisitions, 1);
    }
}

impl<S> HotCache<S> {
    const_fn! {
        pub(crate) fn new() -> Self {
            HotCache {
                slots: array![AtomicPtr::new(EMPTY); SLOTS],
                draw: AtomicU64::new(0),
                shard: AtomicPtr::new(std::ptr::null_mut()),
            }
        }
    }

    /// The shard that contains this cache, if the calling thread owns one.
    #[inline(always)]
    pub(crate) fn shard(&self) -> Option<&S> {
        // SAFETY: null, or the shard that this cache is a part of, set by `belongs_to`.
        unsafe { self.shard.load(Relaxed).as_ref() }
    }

    /// Sets the shard that [`shard`](Self::shard) returns. Only the owner calls this.
    pub(crate) fn belongs_to(&self, shard: &S) {
        self.shard
            .store(std::ptr::from_ref(shard).cast_mut(), Relaxed);
    }

    /// A part of the key selects the first slot, so keys of neighbouring sites have different ones.
    #[inline(always)]
    fn first(&self, key: PointKey) -> &Slot {
        &self.slots[(key.0 >> 3) as usize % SLOTS]
    }

    /// A hash of the key's lower half selects the second slot. Class and site are both in it. (The
    /// factor is one of MurmurHash3's, by Austin Appleby. 32 bits fit into an instruction.)
    #[inline(always)]
    fn second(&self, key: PointKey) -> &Slot {
        let hash = u64::from((key.0 as u32).wrapping_mul(0x85EB_CA6B));
        &self.slots[((hash * SLOTS as u64) >> u32::BITS) as usize]
    }

    /// The record in a slot, if it is that of `key`. Only the owner calls this and all that follow,
    /// up to `forget_one`.
    #[inline(always)]
    fn record_in<'a>(&'a self, slot: &'a Slot, key: PointKey) -> Option<&'a Record> {
        let record = slot.load(Relaxed);
        // SAFETY: only `remember` fills slots, with records of this shard. A record leaves its
        // shard only when no slot has it. Otherwise this is `EMPTY`, whose 0s are a key, too.
        if unsafe { (*record).key } == key {
            // SAFETY: the same. It is not `EMPTY`, since no point has the key 0.
            Some(unsafe { &*record })
        } else {
            None
        }
    }

    /// What to do with an acquisition at the point `key`. `is_off` says whether the engine is off.
    #[inline(always)]
    pub(crate) fn probe(&self, key: PointKey, is_off: impl FnOnce() -> bool) -> Probe<'_> {
        if let Some(record) = self.record_in(self.first(key), key) {
            return due(record);
        }
        // Asked first, because an engine that is off should not pay for a second hash.
        if is_off() {
            return Probe::Off;
        }
        cold_path();
        match self.record_in(self.second(key), key) {
            Some(record) => due(record),
            None => Probe::Cold,
        }
    }

    /// The record of `key`, if it has a slot.
    #[inline]
    pub(crate) fn find(&self, key: PointKey) -> Option<&Record> {
        self.record_in(self.first(key), key)
            .or_else(|| self.record_in(self.second(key), key))
    }

    /// Remembers a record that was scheduled under `control`, unless the mode has changed since.
    /// `now` reads the control word. `thread` is the owner's number.
    pub(crate) fn remember(
        &self,
        record: &Record,
        thread: ThreadBits,
        control: Control,
        now: impl Fn() -> Control,
    ) {
        let published = record.key.site().to_published(thread);
        record.published.store(published, Relaxed);
        // A signal handler that finds the record must find that word. Compiler fences suffice, at
        // no instruction, because the handler runs in this thread.
        compiler_fence(SeqCst);
        let filled = self.put(record, control);
        // SeqCst fence: either the load below sees the new control word, or the stores above come
        // before those of the writer of that word. Pairs with the fence in `switch`.
        fence(SeqCst);
        if now() != control {
            filled.into_iter().flatten().for_each(empty);
        }
    }

    /// Puts a record into one of its slots, and perhaps moves another one. Returns the slots that
    /// it filled.
    fn put(&self, record: &Record, control: Control) -> [Option<&Slot>; 2] {
        let own = [self.first(record.key), self.second(record.key)];
        // It has one already if the mode has changed and changed back.
        let known = own.into_iter().find(|slot| holds(slot, record));
        if let Some(slot) = known.or_else(|| own.into_iter().find(|slot| is_empty(slot))) {
            return [Some(fill(slot, record)), None];
        }
        for slot in own {
            let rival = slot.load(Relaxed);
            if std::ptr::eq(rival, EMPTY) {
                // Another thread has just emptied it.
                return [Some(fill(slot, record)), None];
            }
            // SAFETY: a record of this shard, as in `record_in`.
            let rival = unsafe { &*rival };
            if rival.control.load(Relaxed) != control.0 {
                // The change of mode has not come to it yet. Moved, it might outlive the change.
                return [Some(fill(slot, record)), None];
            }
            let others = [self.first(rival.key), self.second(rival.key)];
            if let Some(other) = others.into_iter().find(|slot| is_empty(slot)) {
                return [Some(fill(other, rival)), Some(fill(slot, record))];
            }
        }
        // With more hot points than slots, to replace one at each acquisition would cost more than
        // to look the point up. At random, since a loop over the points might else replace the same
        // one for ever.
        match self.draw() % (2 * RELUCTANCE) {
            place @ 0..2 => [Some(fill(own[place as usize], record)), None],
            _ => [None, None],
        }
    }

    /// A random number of 32 bits. (A linear congruential generator with Knuth's factor for MMIX.)
    fn draw(&self) -> u64 {
        let state = self
            .draw
            .own_load()
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.draw.store(state, Relaxed);
        state >> 32
    }

    /// Forgets one record. Its thread then looks it up again and checks whether its schedule is
    /// late. Any thread may call this.
    pub(crate) fn forget_one(&self, record: &Record) {
        let slots = [self.first(record.key), self.second(record.key)];
        slots
            .into_iter()
            .filter(|slot| holds(slot, record))
            .for_each(empty);
    }

    /// Empties the cache. Any thread may call this.
    pub(crate) fn forget(&self) {
        self.slots.iter().for_each(empty);
    }
}

fn holds(slot: &Slot, record: &Record) -> bool {
    std::ptr::eq(slot.load(Relaxed), record)
}

fn is_empty(slot: &Slot) -> bool {
    std::ptr::eq(slot.load(Relaxed), EMPTY)
}

fn empty(slot: &Slot) {
    slot.store(EMPTY, Relaxed);
}

fn fill<'a>(slot: &'a Slot, record: &Record) -> &'a Slot {
    slot.store(std::ptr::from_ref(record).cast_mut(), Relaxed);
    slot
}

/// Changes the control word and empties the caches of all shards, so that each point is looked up
/// and scheduled again.
pub(crate) fn switch<'a, S: 'a>(
    word: &AtomicU64,
    control: Control,
    caches: impl Iterator<Item = &'a HotCache<S>>,
) {
    word.store(control.0, Relaxed);
    // SeqCst fence: either an entry remembered under the old word is stored before it is emptied
    // below, or its owner sees the new word. A shard that the walk misses has no entries yet. Pairs
    // with the fence in `HotCache::remember`.
    fence(SeqCst);
    caches.for_each(HotCache::forget);
}

#[cfg(test)]
mod tests;
