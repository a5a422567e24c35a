//! The hot path: a direct-mapped cache from (site, class) to a record, in each shard.

use crate::control::Control;
use crate::identity::{Class, SiteKey};
use crate::record::Record;
use crate::shard::Shard;
use crate::sync::{AtomicPtr, AtomicU64, Ordering::Relaxed};
use std::marker::PhantomData;
use std::sync::atomic::{Ordering::SeqCst, compiler_fence};

/// Entries of a shard's cache. A power of two.
const SLOTS: usize = 128;

/// One entry. Written and read by the owner alone: the atomics are plain loads and stores.
#[derive(Debug)]
struct Slot {
    key: AtomicU64,
    ident: AtomicU64,
    record: AtomicPtr<Record>,
}

/// A shard's cache.
#[derive(Debug)]
pub(crate) struct HotCache {
    slots: [Slot; SLOTS],
    /// The shard that this is the cache of; null in the cache of threads that have none.
    shard: AtomicPtr<Shard>,
}

/// A record that the cache knew, and the number of its acquisition that is under way.
#[derive(Debug)]
pub struct Hit<'a> {
    pub(crate) cache: &'a HotCache,
    pub(crate) record: &'a Record,
    pub(crate) count: u64,
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
    /// Ask for a ticket.
    Cold,
}

impl Hit<'_> {
    /// Counts the acquisition: one plain store.
    ///
    /// # Safety
    /// This thread has used no other profiled lock, and has not begun to exit, since it got the hit.
    #[inline(always)]
    pub unsafe fn commit(self) {
        self.record.acquisitions.store(self.count, Relaxed);
    }
}

impl HotCache {
    pub(crate) const fn new() -> Self {
        HotCache {
            slots: [const {
                Slot {
                    key: AtomicU64::new(0),
                    ident: AtomicU64::new(0),
                    record: AtomicPtr::new(std::ptr::null_mut()),
                }
            }; SLOTS],
            shard: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// The shard that this is the cache of, if the calling thread has it.
    #[inline(always)]
    pub(crate) fn shard(&self) -> Option<&Shard> {
        // SAFETY: null, or the shard that this cache is a part of, set by `belongs_to`.
        unsafe { self.shard.load(Relaxed).as_ref() }
    }

    /// Sets the way back. The owner's call.
    pub(crate) fn belongs_to(&self, shard: &Shard) {
        self.shard
            .store(std::ptr::from_ref(shard).cast_mut(), Relaxed);
    }

    #[inline(always)]
    fn slot(&self, key: SiteKey, ident: u64) -> &Slot {
        let mixed = (key.0 as u64).wrapping_add(ident) >> 3;
        &self.slots[mixed as usize % SLOTS]
    }

    /// Calls `found` with the record for a key, if this thread used it lately under the same control word.
    ///
    /// A continuation and not an `Option`: the compiler would test the pointer once more for null.
    #[inline(always)]
    pub(crate) fn find<'a, T>(
        &'a self,
        key: SiteKey,
        class: Class,
        control: Control,
        found: impl FnOnce(&'a Record) -> T,
        missing: impl FnOnce() -> T,
    ) -> T {
        let ident = class.ident();
        let slot = self.slot(key, ident);
        if slot.key.load(Relaxed) == key.0 as u64 ^ control.0 && slot.ident.load(Relaxed) == ident {
            // SAFETY: a slot's key is only set, by `remember`, together with a record of this shard,
            // which lives as long as the shard, of which this cache is a part. A valid key is
            // never 0, so an empty slot does not match.
            found(unsafe { &*slot.record.load(Relaxed) })
        } else {
            missing()
        }
    }

    #[inline(always)]
    pub(crate) fn probe(&self, key: SiteKey, class: Class, control: Control) -> Probe<'_> {
        self.find(
            key,
            class,
            control,
            |record| {
                let count = record.acquisitions.load(Relaxed) + 1;
                let hit = Hit {
                    cache: self,
                    record,
                    count,
                    here: PhantomData,
                };
                if count < record.next_timed.load(Relaxed) {
                    Probe::Count(hit)
                } else {
                    Probe::Time(hit)
                }
            },
            || Probe::Cold,
        )
    }

    pub(crate) fn remember(&self, record: &Record, control: Control) {
        let ident = record.key.class.ident();
        let slot = self.slot(record.key.site, ident);
        // A signal handler that locks in between must not find the new record under the old key. The
        // fences cost no instruction: it is this thread that the handler runs in.
        slot.key.store(0, Relaxed);
        compiler_fence(SeqCst);
        slot.record
            .store(std::ptr::from_ref(record).cast_mut(), Relaxed);
        slot.ident.store(ident, Relaxed);
        compiler_fence(SeqCst);
        slot.key
            .store(record.key.site.0 as u64 ^ control.0, Relaxed);
    }
}
