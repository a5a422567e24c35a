//! The measured acquisitions that a thread holds.

use crate::sync::{AtomicPtr, AtomicU8, AtomicUsize, Ordering::Relaxed, OwnLoad, array};
use std::sync::atomic::{Ordering::Release, compiler_fence};

/// How many measured acquisitions of one thread are known as held at one time.
pub(crate) const MOST_HELD: usize = 8;

/// A measured acquisition that a thread can hold.
pub(crate) trait Holdable {
    /// The bit of its place among those that its thread holds, or 0. Only the owner uses it.
    fn held_in(&self) -> &AtomicU8;

    /// Whether another thread has released it.
    fn is_returned(&self) -> bool;
}

#[derive(Debug)]
struct Place<N> {
    pending: AtomicPtr<N>,
    lock: AtomicUsize,
}

/// What a thread holds. Only the owner of the shard uses it.
///
/// A signal handler may come in between and hold locks of its own, which it releases before it
/// returns. So a place is taken before it is filled.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct HeldLocks<N> {
    /// One bit for each place that is taken.
    taken: AtomicU8,
    places: [Place<N>; MOST_HELD],
}

/// An acquisition that the thread holds.
pub(crate) struct Held<'a, N> {
    pub(crate) pending: &'a N,
    /// Address of the lock.
    pub(crate) lock: usize,
}

impl<N: Holdable> HeldLocks<N> {
    pub(crate) fn new() -> Self {
        HeldLocks {
            taken: AtomicU8::new(0),
            places: array![
                Place {
                    pending: AtomicPtr::new(std::ptr::null_mut()),
                    lock: AtomicUsize::new(0),
                };
                MOST_HELD
            ],
        }
    }

    /// Whether the thread holds nothing that is known.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.taken.own_load() == 0
    }

    /// Number of those that the thread holds.
    pub(crate) fn len(&self) -> usize {
        self.taken.own_load().count_ones() as usize
    }

    /// The thread holds one more, or is about to. `false` if there is no place for it.
    pub(crate) fn push(&self, pending: &N, lock: usize) -> bool {
        let taken = self.taken.own_load();
        let place = taken.trailing_ones() as usize;
        let Some(free) = self.places.get(place) else {
            return false;
        };
        let bit = 1 << place;
        self.fill(free, taken | bit, bit, pending, lock);
        true
    }

    /// The same if it holds nothing else.
    #[inline(always)]
    pub(crate) fn push_first(&self, pending: &N, lock: usize) {
        self.fill(&self.places[0], 1, 1, pending, lock);
    }

    #[inline(always)]
    fn fill(&self, place: &Place<N>, taken: u8, bit: u8, pending: &N, lock: usize) {
        self.taken.store(taken, Relaxed);
        // The place is taken before it is filled, for a signal handler in between.
        compiler_fence(Release);
        pending.held_in().store(bit, Relaxed);
        place
            .pending
            .store(std::ptr::from_ref(pending).cast_mut(), Relaxed);
        place.lock.store(lock, Relaxed);
    }

    /// The thread does not hold it any more, or never did.
    #[inline(always)]
    pub(crate) fn remove(&self, pending: &N) {
        let taken = self.taken.own_load() & !pending.held_in().own_load();
        pending.held_in().store(0, Relaxed);
        self.taken.store(taken, Relaxed);
    }

    /// What the thread holds. Forgets guards that other threads have released.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Held<'_, N>> {
        let taken = self.taken.own_load();
        let places = self.places.iter().enumerate();
        let places = places.filter(move |(place, _)| taken & 1 << place != 0);
        places.filter_map(|(_, place)| {
            // SAFETY: null, or a node of the pool that has this list, and lives as long. The owner
            // put it in, and takes it out before it is used again.
            let pending = unsafe { place.pending.load(Relaxed).as_ref() }?;
            if pending.is_returned() {
                self.remove(pending);
                return None;
            }
            let lock = place.lock.load(Relaxed);
            Some(Held { pending, lock })
        })
    }

    /// A new thread takes the shard over, and holds nothing.
    pub(crate) fn clear(&self) {
        let taken = self.taken.own_load();
        for (place, held) in self.places.iter().enumerate() {
            if taken & 1 << place == 0 {
                continue;
            }
            // SAFETY: as in `iter`.
            if let Some(pending) = unsafe { held.pending.load(Relaxed).as_ref() } {
                pending.held_in().store(0, Relaxed);
            }
        }
        self.taken.store(0, Relaxed);
    }
}
