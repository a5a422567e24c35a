//! The hot path: a cache from a point's key to its record, in each shard. A key has two places in it, of which the hot path knows
//! the first.
//!
//! What is found is used without a look at the settings. So a change of mode [empties](HotCache::forget) all caches:
//! docs/protocol.md, "A change of mode", says why no entry outlives it.

use crate::control::Control;
use crate::identity::PointKey;
use crate::record::statistics::Record;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, OwnLoad, array, bump, const_fn, fence, sized};
use Ordering::{Relaxed, SeqCst};
use std::marker::PhantomData;
use std::sync::atomic::compiler_fence;

/// Entries of a shard's cache. A power of two.
const SLOTS: usize = sized(1, 128);

/// A record whose places are both taken gets one of them once in so many times.
const RELUCTANCE: u64 = 4;
/// A record in its second place gets its first once in so many times.
const PROMOTION: u64 = 64;

/// One entry. 16 bytes: its place in the cache is two bits of the key away.
#[derive(Debug)]
struct Slot {
    /// Written by the owner, and set to 0 by whoever changes the mode.
    key: AtomicU64,
    /// The owner's alone.
    record: AtomicPtr<Record>,
}

/// The cache of a shard, which is an `S`.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct HotCache<S> {
    slots: [Slot; SLOTS],
    /// The owner's alone.
    turn: AtomicU64,
    /// The shard that this is the cache of; null in the cache of threads that have none.
    shard: AtomicPtr<S>,
}

/// A record that the cache knew, of an acquisition that is under way.
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
    /// Of this thread's own shard: stays in this thread.
    pub(crate) here: PhantomData<*mut ()>,
}

/// What the hot path is to do with an acquisition.
#[derive(Debug)]
pub enum Probe<'a> {
    /// Nothing.
    Off,
    /// Count it, once it is acquired.
    Count(Hit<'a>),
    /// Count and time it.
    Time(Hit<'a>),
    /// take the slow path.
    Cold,
}

/// What to do with an acquisition of this record.
#[inline(always)]
fn due(record: &Record) -> Probe<'_> {
    let hit = Hit {
        record,
        here: PhantomData,
    };
    if record.holds.is_due(record.acquisitions.load(Relaxed)) {
        Probe::Time(hit)
    } else {
        Probe::Count(hit)
    }
}

impl Hit<'_> {
    /// Counts the acquisition: one plain addition, in one instruction where the machine has it.
    ///
    /// # Safety
    /// This thread has not begun to exit since it got the hit. If it has used other profiled locks, the acquisition is
    /// counted by a schedule that may be over.
    #[inline(always)]
    pub unsafe fn commit(self) {
        bump(&self.record.acquisitions, 1);
    }
}

impl<S> HotCache<S> {
    const_fn! {
        pub(crate) fn new() -> Self {
            HotCache {
                slots: array![
                    Slot {
                        key: AtomicU64::new(0),
                        record: AtomicPtr::new(std::ptr::null_mut()),
                    };
                    SLOTS
                ],
                turn: AtomicU64::new(0),
                shard: AtomicPtr::new(std::ptr::null_mut()),
            }
        }
    }

    /// The shard that this is the cache of, if the calling thread has it.
    #[inline(always)]
    pub(crate) fn shard(&self) -> Option<&S> {
        // SAFETY: null, or the shard that this cache is a part of, set by `belongs_to`.
        unsafe { self.shard.load(Relaxed).as_ref() }
    }

    /// Sets the way back. The owner's call.
    pub(crate) fn belongs_to(&self, shard: &S) {
        self.shard
            .store(std::ptr::from_ref(shard).cast_mut(), Relaxed);
    }

    #[inline(always)]
    fn slot(&self, key: PointKey) -> &Slot {
        &self.slots[(key.0 >> 3) as usize % SLOTS]
    }

    /// The other place of a key: two that share the first one mostly differ in this.
    fn second_slot(&self, key: PointKey) -> &Slot {
        &self.slots[(key.hash() >> 48) as usize % SLOTS]
    }

    /// Calls `found` with the record for a key, if this thread used it since the last change of mode.
    ///
    /// A continuation and not an `Option`: the compiler would test the pointer once more for null.
    #[inline(always)]
    pub(crate) fn find<'a, T>(
        &'a self,
        key: PointKey,
        found: impl FnOnce(&'a Record) -> T,
        missing: impl FnOnce() -> T,
    ) -> T {
        let slot = self.slot(key);
        if slot.key.load(Relaxed) == key.0 {
            // SAFETY: a slot's key is only set, by `remember`, together with a record of this shard,
            // which lives as long as the shard, of which this cache is a part. The key of a record is
            // never 0, so an empty slot does not match.
            found(unsafe { &*slot.record.load(Relaxed) })
        } else {
            missing()
        }
    }

    #[inline(always)]
    pub(crate) fn probe<'a>(
        &'a self,
        key: PointKey,
        missing: impl FnOnce() -> Probe<'a>,
    ) -> Probe<'a> {
        self.find(key, due, missing)
    }

    /// The same for a key that is not in its first place. Now and then it is said to be in neither, so that it gets the first:
    /// what is there may not be used any more.
    pub(crate) fn probe_second<'a>(&'a self, key: PointKey) -> Probe<'a> {
        match self.find_second(key) {
            Some(record) if !self.turn().is_multiple_of(PROMOTION) => due(record),
            _ => Probe::Cold,
        }
    }

    /// Counts up.
    fn turn(&self) -> u64 {
        let turn = self.turn.own_load().wrapping_add(1);
        self.turn.store(turn, Relaxed);
        turn
    }

    fn find_second(&self, key: PointKey) -> Option<&Record> {
        let slot = self.second_slot(key);
        (slot.key.load(Relaxed) == key.0).then(|| {
            // SAFETY: a slot's key is set together with a record of this shard, which lives as long as the cache.
            unsafe { &*slot.record.load(Relaxed) }
        })
    }

    /// The record for a key, in either of its places.
    #[inline]
    pub(crate) fn find_either(&self, key: PointKey) -> Option<&Record> {
        self.find(key, Some, || self.find_second(key))
    }

    /// Remembers a record that was scheduled under `control`, unless the mode was changed since: `now` reads the word.
    /// The owner's call.
    pub(crate) fn remember(&self, record: &Record, control: Control, now: impl Fn() -> Control) {
        let Some(slot) = self.place_for(record.key) else {
            return;
        };
        // A signal handler that locks in between must not find the new record under the old key. The
        // fences cost no instruction: it is this thread that the handler runs in.
        slot.key.store(0, Relaxed);
        compiler_fence(SeqCst);
        slot.record
            .store(std::ptr::from_ref(record).cast_mut(), Relaxed);
        compiler_fence(SeqCst);
        slot.key.store(record.key.0, Relaxed);
        // SeqCst fence: either the load below sees the new word, or the store above comes before the 0 of
        // whoever stored that word; pairs with the fence in `switch`.
        fence(SeqCst);
        if now() != control {
            slot.key.store(0, Relaxed);
        }
    }

    /// Where a record goes that is not in its first place: into that, if it is free or the record is in the second, or else into
    /// the second, if that is free. If neither is, into one of them in turns, and mostly nowhere: where more points are hot than there
    /// is room for, changing places at each acquisition would cost more than a look-up does.
    fn place_for(&self, key: PointKey) -> Option<&Slot> {
        let (first, second) = (self.slot(key), self.second_slot(key));
        let [in_first, in_second] = [first, second].map(|slot| slot.key.load(Relaxed));
        if in_first == 0 || in_second == key.0 {
            return Some(first);
        }
        if in_second == 0 {
            return Some(second);
        }
        match self.turn() % (2 * RELUCTANCE) {
            0 => Some(first),
            RELUCTANCE => Some(second),
            _ => None,
        }
    }

    /// Forgets one record: its thread will look it up, and see whether its schedule is late. Any thread's call.
    pub(crate) fn forget_one(&self, key: PointKey) {
        for slot in [self.slot(key), self.second_slot(key)] {
            if slot.key.load(Relaxed) == key.0 {
                slot.key.store(0, Relaxed);
            }
        }
    }

    /// Empties the cache. Any thread's call.
    pub(crate) fn forget(&self) {
        for slot in &self.slots {
            slot.key.store(0, Relaxed);
        }
    }
}

/// Changes the control word, and empties the caches of all shards, so that each point is looked up and scheduled anew.
pub(crate) fn switch<'a, S: 'a>(
    word: &AtomicU64,
    control: Control,
    caches: impl Iterator<Item = &'a HotCache<S>>,
) {
    word.store(control.0, Relaxed);
    // SeqCst fence: an entry that is remembered under the old word is stored before the 0s below, or its owner sees
    // the new word, and a shard that the walk does not see has no entries yet; pairs with the fence in `HotCache::remember`.
    fence(SeqCst);
    caches.for_each(HotCache::forget);
}
