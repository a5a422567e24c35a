//! Which recursive read locks this thread holds, so that reading one again is known to be a
//! re-acquisition.
//!
//! A small table in a thread-local: the address of the lock, and how many read guards this thread
//! has on it. It is const-initialised and has no destructor, so it works before, during and after
//! the destruction of other thread-locals. Finding a lock is a scan of one cache line, done before
//! the lock is acquired; leaving one is two plain accesses, done after it was released.
//!
//! With the feature `send_guard` a guard may be dropped on another thread than the one that
//! acquired it, so no thread can know what it holds: the table stays empty and every read counts as
//! an acquisition.

use std::cell::Cell;

/// How many recursive locks a thread can hold for reading at once and still have its
/// re-acquisitions recognised.
///
/// One cache line of addresses. A lock that finds the table full is recorded at each read.
const SLOTS: usize = 8;

struct Held {
    /// Addresses of the locks; 0 is a free slot.
    locks: [Cell<usize>; SLOTS],
    /// Read guards of this thread on each of them.
    depths: [Cell<usize>; SLOTS],
}

thread_local! {
    static HELD: Held = const {
        Held { locks: [const { Cell::new(0) }; SLOTS], depths: [const { Cell::new(0) }; SLOTS] }
    };
}

/// Where a guard is counted in its thread's table. [`Slot::NONE`] when it is not.
#[derive(Clone, Copy)]
pub(super) struct Slot(u8);

impl Slot {
    const NONE: Slot = Slot(SLOTS as u8);
}

/// A read that is about to be made, already counted in the table; taken back on drop unless
/// [kept](Self::keep).
///
/// Counting first and taking back on failure leaves a store, not a search, for the time when the
/// lock is held.
pub(super) struct Entry {
    lock: usize,
    slot: Slot,
    /// Whether this thread already held the lock.
    pub(super) recursive: bool,
}

impl Entry {
    /// Counts one more read of `lock` by this thread.
    ///
    /// `shared` says whether the lock is held for reading at all. It unmasks an entry left behind
    /// by a guard that was forgotten before its lock was freed: another lock may live at that
    /// address now. (While some other thread reads that other lock the entry is not unmasked, and
    /// this thread's reads of it go uncounted.)
    #[inline]
    pub(super) fn new(lock: usize, shared: impl FnOnce() -> bool) -> Self {
        if cfg!(feature = "send_guard") {
            return Self {
                lock,
                slot: Slot::NONE,
                recursive: false,
            };
        }
        HELD.with(|held| {
            let mut free = SLOTS;
            for (index, held_lock) in held.locks.iter().enumerate() {
                let address = held_lock.get();
                if address == lock {
                    let depth = if shared() {
                        held.depths[index].get()
                    } else {
                        0
                    };
                    held.depths[index].set(depth + 1);
                    return Self {
                        lock,
                        slot: Slot(index as u8),
                        recursive: depth != 0,
                    };
                }
                if address == 0 && free == SLOTS {
                    free = index;
                }
            }
            // `free` is SLOTS, which is `Slot::NONE`, when the table is full.
            if let (Some(free_lock), Some(depth)) = (held.locks.get(free), held.depths.get(free)) {
                free_lock.set(lock);
                depth.set(1);
            }
            Self {
                lock,
                slot: Slot(free as u8),
                recursive: false,
            }
        })
    }

    /// Leaves the read counted, for a guard to carry.
    #[inline]
    pub(super) fn keep(self) -> Slot {
        let slot = self.slot;
        std::mem::forget(self);
        slot
    }

    /// The read that was [kept](Self::keep) as `slot`, to be uncounted when it ends.
    #[inline]
    pub(super) fn kept(lock: usize, slot: Slot) -> Self {
        Self {
            lock,
            slot,
            recursive: false,
        }
    }
}

impl Drop for Entry {
    /// Uncounts the read.
    ///
    /// Does nothing when the slot has passed to another lock, or when the lock was moved while a
    /// guard's state was kept without the guard, which `lock_api` permits.
    #[inline]
    fn drop(&mut self) {
        let index = usize::from(self.slot.0);
        HELD.with(|held| {
            if let (Some(lock), Some(depth)) = (held.locks.get(index), held.depths.get(index))
                && lock.get() == self.lock
            {
                let left = depth.get().saturating_sub(1);
                depth.set(left);
                if left == 0 {
                    lock.set(0);
                }
            }
        });
    }
}

#[cfg(all(test, not(feature = "send_guard")))]
mod tests {
    use super::{Entry, SLOTS};

    /// Runs `f` on a thread of its own, whose table is empty.
    fn on_new_thread(f: impl FnOnce() + Send + 'static) {
        assert!(std::thread::spawn(f).join().is_ok());
    }

    #[test]
    fn a_second_read_is_recursive_until_all_have_left() {
        on_new_thread(|| {
            let first = Entry::new(16, || true);
            assert!(!first.recursive);
            let second = Entry::new(16, || true);
            assert!(second.recursive);
            drop(Entry::kept(16, first.keep()));
            assert!(Entry::new(16, || true).recursive, "one guard is left");
            drop(second);
            assert!(!Entry::new(16, || true).recursive, "none is left");
        });
    }

    #[test]
    fn a_read_that_fails_is_taken_back() {
        on_new_thread(|| {
            drop(Entry::new(16, || true));
            assert!(!Entry::new(16, || true).recursive);
        });
    }

    #[test]
    fn a_full_table_counts_every_read() {
        on_new_thread(|| {
            let slots: Vec<_> = (1..=SLOTS)
                .map(|lock| Entry::new(lock, || true).keep())
                .collect();
            let ninth = Entry::new(SLOTS + 1, || true);
            let again = Entry::new(SLOTS + 1, || true);
            assert!(!ninth.recursive && !again.recursive);
            drop((ninth, again));
            drop(Entry::kept(1, slots[0]));
            let _ninth = Entry::new(SLOTS + 1, || true);
            assert!(
                Entry::new(SLOTS + 1, || true).recursive,
                "it has a slot now"
            );
        });
    }

    #[test]
    fn an_entry_of_a_lock_that_nobody_reads_is_stale() {
        on_new_thread(|| {
            let _forgotten = Entry::new(16, || true).keep();
            assert!(!Entry::new(16, || false).recursive);
        });
    }

    #[test]
    fn leaving_a_slot_that_passed_on_does_nothing() {
        on_new_thread(|| {
            let old = Entry::new(16, || true).keep();
            drop(Entry::kept(16, old));
            let _new = Entry::new(32, || true).keep();
            drop(Entry::kept(16, old));
            assert!(Entry::new(32, || true).recursive);
        });
    }
}
