//! The hot path: each shard's cache from a point's key to its record. A key has two places in the
//! cache. The hot path looks only at the first.
//!
//! The hot path uses what it finds without reading the settings. So a change of mode
//! [empties](HotCache::forget) all caches. docs/protocol.md, "A change of mode", explains why no
//! entry outlives it.

use crate::control::Control;
use crate::identity::{PointKey, ThreadBits};
use crate::record::statistics::Record;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, OwnLoad, array, bump, const_fn, fence, sized};
use Ordering::{Relaxed, SeqCst};
use std::marker::PhantomData;
use std::sync::atomic::compiler_fence;

/// Entries of a shard's cache. A power of two.
const SLOTS: usize = sized(1, 128);

/// A record whose two places are both taken replaces an entry in one of this many tries.
const RELUCTANCE: u64 = 4;
/// The same if it must be asked first whether the thread is in a signal handler.
const RELUCTANCE_TO_ASK: u64 = 64;
/// A record found in its second place moves to its first in one of this many tries.
const PROMOTION: u64 = 64;

/// Who asks the cache to remember a record.
#[derive(Clone, Copy)]
pub(crate) enum Caller<'a> {
    /// The thread, in no signal handler.
    Thread,
    /// The thread, perhaps in a handler. The function tells whether it is in none, and takes many
    /// system calls.
    Unknown(&'a dyn Fn() -> bool),
}

/// One entry. It has 16 bytes, so a shift and a mask of the key give its offset in the cache.
#[derive(Debug)]
struct Slot {
    /// The owner writes it. Whoever changes the mode sets it to 0.
    key: AtomicU64,
    /// Only the owner uses it.
    record: AtomicPtr<Record>,
}

/// The cache of a shard of type `S`.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct HotCache<S> {
    slots: [Slot; SLOTS],
    /// Only the owner uses it.
    turn: AtomicU64,
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
#[inline(always)]
fn due(record: &Record) -> Probe<'_> {
    let hit = Hit {
        record,
        here: PhantomData,
    };
    // SAFETY: the record is in the calling thread's own cache, so this thread is its owner.
    let is_due = unsafe { record.holds.is_due_now(&record.acquisitions) };
    if is_due {
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

    #[inline(always)]
    fn slot(&self, key: PointKey) -> &Slot {
        &self.slots[(key.0 >> 3) as usize % SLOTS]
    }

    /// The other place of a key. Two keys with the same first place mostly differ in this one.
    fn second_slot(&self, key: PointKey) -> &Slot {
        &self.slots[(key.hash() >> 48) as usize % SLOTS]
    }

    /// Calls `found` with the record for a key, if this thread used it since the last change of
    /// mode.
    ///
    /// Takes closures because an `Option` would make the compiler test the pointer for null once
    /// more.
    #[inline(always)]
    pub(crate) fn find<'a, T>(
        &'a self,
        key: PointKey,
        found: impl FnOnce(&'a Record) -> T,
        missing: impl FnOnce() -> T,
    ) -> T {
        let slot = self.slot(key);
        if slot.key.load(Relaxed) == key.0 {
            // SAFETY: only `remember` sets a slot's key, together with a record of this shard. The
            // record lives as long as the shard, and this cache is a part of the shard. A record's
            // key is never 0, so an empty slot does not match.
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

    /// Probes for a key that is not in its first place. Now and then it reports a key as missing
    /// that is in its second place. The slow path then moves the key to the first place, whose
    /// entry may no longer be in use.
    pub(crate) fn probe_second<'a>(&'a self, key: PointKey) -> Probe<'a> {
        match self.find_second(key) {
            Some(record) if !self.turn().is_multiple_of(PROMOTION) => due(record),
            _ => Probe::Cold,
        }
    }

    /// Advances the turn and returns it.
    fn turn(&self) -> u64 {
        let turn = self.turn.own_load().wrapping_add(1);
        self.turn.store(turn, Relaxed);
        turn
    }

    fn find_second(&self, key: PointKey) -> Option<&Record> {
        let slot = self.second_slot(key);
        (slot.key.load(Relaxed) == key.0).then(|| {
            // SAFETY: `remember` sets a slot's key together with a record of this shard, which
            // lives as long as the cache.
            unsafe { &*slot.record.load(Relaxed) }
        })
    }

    /// The record for a key, in either place.
    #[inline]
    pub(crate) fn find_either(&self, key: PointKey) -> Option<&Record> {
        self.find(key, Some, || self.find_second(key))
    }

    /// Remembers a record that was scheduled under `control`, unless the mode has changed since.
    /// `now` reads the control word. Only the owner calls this, and `thread` is its number.
    ///
    /// A signal handler may have interrupted [`find`](Self::find) between its two loads. So it must
    /// not change the record of an entry.
    pub(crate) fn remember(
        &self,
        record: &Record,
        caller: Caller<'_>,
        thread: ThreadBits,
        control: Control,
        now: impl Fn() -> Control,
    ) {
        let Some(slot) = self.place_for(record, caller) else {
            return;
        };
        let published = record.key.site().to_published(thread);
        record.published.store(published, Relaxed);
        // A signal handler that locks in between must not find the new record under the old key.
        // Compiler fences suffice, at no instruction, because the handler runs in this thread.
        slot.key.store(0, Relaxed);
        compiler_fence(SeqCst);
        slot.record
            .store(std::ptr::from_ref(record).cast_mut(), Relaxed);
        compiler_fence(SeqCst);
        slot.key.store(record.key.0, Relaxed);
        // SeqCst fence: either the load below sees the new control word, or the store above comes
        // before the 0 that the writer of that word stores. Pairs with the fence in `switch`.
        fence(SeqCst);
        if now() != control {
            slot.key.store(0, Relaxed);
        }
    }

    /// Where to put a record that is not in its first place. It takes the first place if that is
    /// free or the record is in its second. Otherwise it takes the second if that is free. If both
    /// are taken, it takes them in turns, and mostly none: with more hot points than places,
    /// replacing an entry at each acquisition would cost more than a lookup.
    ///
    /// A place that another record has used is not free for a caller that may be a signal handler.
    /// To take it, the caller asks whether it is one.
    fn place_for(&self, record: &Record, caller: Caller<'_>) -> Option<&Slot> {
        let key = record.key;
        let (first, second) = (self.slot(key), self.second_slot(key));
        let [in_first, in_second] = [first, second].map(|slot| slot.key.load(Relaxed));
        let fits = |slot: &Slot| match caller {
            Caller::Thread => true,
            Caller::Unknown(_) => {
                let last = slot.record.own_load();
                last.is_null() || std::ptr::eq(last, record)
            }
        };
        if (in_first == 0 || in_second == key.0) && fits(first) {
            return Some(first);
        }
        if in_second == 0 && fits(second) {
            return Some(second);
        }
        let rarity = match caller {
            Caller::Thread => RELUCTANCE,
            Caller::Unknown(_) => RELUCTANCE_TO_ASK,
        };
        let place = match self.turn() % (2 * rarity) {
            0 => first,
            turn if turn == rarity => second,
            _ => return None,
        };
        match caller {
            Caller::Unknown(is_in_no_handler) if !is_in_no_handler() => None,
            _ => Some(place),
        }
    }

    /// Forgets one record. Its thread then looks it up again and checks whether its schedule is
    /// late. Any thread may call this.
    pub(crate) fn forget_one(&self, key: PointKey) {
        for slot in [self.slot(key), self.second_slot(key)] {
            if slot.key.load(Relaxed) == key.0 {
                slot.key.store(0, Relaxed);
            }
        }
    }

    /// Empties the cache. Any thread may call this.
    pub(crate) fn forget(&self) {
        for slot in &self.slots {
            slot.key.store(0, Relaxed);
        }
    }
}

/// Changes the control word and empties the caches of all shards, so that each point is looked up
/// and scheduled again.
pub(crate) fn switch<'a, S: 'a>(
    word: &AtomicU64,
    control: Control,
    caches: impl Iterator<Item = &'a HotCache<S>>,
) {
    word.store(control.0, Relaxed);
    // SeqCst fence: either an entry remembered under the old word is stored before the 0s below, or
    // its owner sees the new word. A shard that the walk misses has no entries yet. Pairs with the
    // fence in `HotCache::remember`.
    fence(SeqCst);
    caches.for_each(HotCache::forget);
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: Control = Control(2);

    fn record(number: u64) -> Record {
        Record::new(PointKey(number << 3))
    }

    fn remember(cache: &HotCache<()>, record: &Record, caller: Caller<'_>) {
        cache.remember(record, caller, ThreadBits::UNKNOWN, CONTROL, || CONTROL);
    }

    /// The records of all entries, also of those that were forgotten.
    fn records(cache: &HotCache<()>) -> Vec<*mut Record> {
        let all = cache.slots.iter();
        all.map(|slot| slot.record.load(Relaxed)).collect()
    }

    #[test]
    fn what_may_be_a_handler_changes_no_entry() {
        let (cache, asked) = (HotCache::<()>::new(), std::cell::Cell::new(0));
        let all: Vec<_> = (1..=4 * SLOTS as u64).map(record).collect();
        let (threads, tried) = all.split_at(SLOTS);
        for record in threads {
            remember(&cache, record, Caller::Thread);
        }
        let before = records(&cache);
        assert!(before.iter().all(|record| !record.is_null()));
        let in_handler = || {
            asked.set(asked.get() + 1);
            false
        };
        let tries = |cache: &HotCache<()>, is_in_no_handler: &dyn Fn() -> bool| {
            for _ in 0..8 {
                for record in tried {
                    remember(cache, record, Caller::Unknown(is_in_no_handler));
                }
            }
        };
        tries(&cache, &in_handler);
        assert_eq!(records(&cache), before);
        assert!((1..=8 * tried.len() as u64 / RELUCTANCE_TO_ASK).contains(&asked.get()));
        // Not those either that were forgotten: the thread may have found one just before.
        cache.forget();
        tries(&cache, &in_handler);
        assert_eq!(records(&cache), before);
        assert!(
            tried
                .iter()
                .all(|record| cache.find_either(record.key).is_none())
        );
        // Its own it may remember again, and what is in no handler may take a place.
        remember(&cache, &threads[0], Caller::Unknown(&in_handler));
        assert!(cache.find_either(threads[0].key).is_some());
        tries(&cache, &|| true);
        assert!(
            tried
                .iter()
                .any(|record| cache.find_either(record.key).is_some())
        );
    }

    #[test]
    fn what_may_be_a_handler_takes_a_place_that_was_never_used() {
        let (cache, own) = (HotCache::<()>::new(), record(7));
        remember(&cache, &own, Caller::Unknown(&|| unreachable!()));
        assert!(cache.find_either(own.key).is_some());
    }
}
