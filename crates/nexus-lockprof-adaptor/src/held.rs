//! Tracks which recursive read locks this thread holds, to recognise re-acquisitions.
//!
//! A small thread-local table maps the address of a lock to this thread's number of read guards on
//! it. It is const-initialised and has no destructor, so it works before, during and after the
//! destruction of other thread-locals. Finding a lock scans one cache line, before the lock is
//! acquired. Leaving a lock takes two plain accesses, after the release.
//!
//! With the feature `send_guard` a guard may be dropped on another thread than the one that
//! acquired it, so no thread can know what it holds. Then the table stays empty, and every read
//! counts as an acquisition.

use std::cell::Cell;

/// How many recursive locks a thread can hold for reading at once with its re-acquisitions
/// recognised.
///
/// Their addresses fill one cache line. A lock that finds the table full is recorded at each read.
const SLOTS: usize = 8;

struct ReadLocks {
    /// Addresses of the locks; 0 is a free slot.
    locks: [Cell<usize>; SLOTS],
    /// This thread's number of read guards on each.
    depths: [Cell<usize>; SLOTS],
}

thread_local! {
    static HELD: ReadLocks = const {
        ReadLocks { locks: [const { Cell::new(0) }; SLOTS], depths: [const { Cell::new(0) }; SLOTS] }
    };
}

/// Where a guard is counted in its thread's table. [`Slot::NONE`] if it is not counted.
#[derive(Clone, Copy)]
pub(super) struct Slot(u8);

impl Slot {
    const NONE: Slot = Slot(SLOTS as u8);
}

/// A planned read, already counted in the table. Dropping it undoes the count unless it is
/// [kept](Self::keep).
///
/// Counting first leaves only a store, not a search, for the time under the lock.
pub(super) struct PlannedRead {
    lock: usize,
    slot: Slot,
    /// Whether this thread already held the lock.
    pub(super) recursive: bool,
}

impl PlannedRead {
    /// Counts one more read of `lock` by this thread.
    ///
    /// `shared` says whether anyone holds the lock for reading. It exposes a stale entry: a guard
    /// was forgotten, its lock was freed, and another lock may now live at that address. (While
    /// another thread reads the new lock, the entry goes unnoticed, and this thread's reads of it
    /// are not counted.)
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
            // If the table is full, `free` is SLOTS, which is `Slot::NONE`.
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

    /// Keeps the read counted, for a guard to carry.
    #[inline]
    pub(super) fn keep(self) -> Slot {
        let slot = self.slot;
        std::mem::forget(self);
        slot
    }

    /// The read that was [kept](Self::keep) as `slot`. Dropping it ends the count.
    #[inline]
    pub(super) fn kept(lock: usize, slot: Slot) -> Self {
        Self {
            lock,
            slot,
            recursive: false,
        }
    }
}

impl Drop for PlannedRead {
    /// Uncounts the read.
    ///
    /// Does nothing if the slot belongs to another lock by now. Does nothing either if the lock was
    /// moved while a guard's state was kept without the guard, which `lock_api` permits.
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
    use super::{PlannedRead, SLOTS};

    /// Runs `f` on a new thread, whose table is empty.
    fn on_new_thread(f: impl FnOnce() + Send + 'static) {
        assert!(std::thread::spawn(f).join().is_ok());
    }

    #[test]
    fn a_second_read_is_recursive_until_all_have_left() {
        on_new_thread(|| {
            let first = PlannedRead::new(16, || true);
            assert!(!first.recursive);
            let second = PlannedRead::new(16, || true);
            assert!(second.recursive);
            drop(PlannedRead::kept(16, first.keep()));
            assert!(PlannedRead::new(16, || true).recursive, "one guard is left");
            drop(second);
            assert!(!PlannedRead::new(16, || true).recursive, "none is left");
        });
    }

    #[test]
    fn a_read_that_fails_is_taken_back() {
        on_new_thread(|| {
            drop(PlannedRead::new(16, || true));
            assert!(!PlannedRead::new(16, || true).recursive);
        });
    }

    #[test]
    fn a_full_table_counts_every_read() {
        on_new_thread(|| {
            let slots: Vec<_> = (1..=SLOTS)
                .map(|lock| PlannedRead::new(lock, || true).keep())
                .collect();
            let ninth = PlannedRead::new(SLOTS + 1, || true);
            let again = PlannedRead::new(SLOTS + 1, || true);
            assert!(!ninth.recursive && !again.recursive);
            drop((ninth, again));
            drop(PlannedRead::kept(1, slots[0]));
            let _ninth = PlannedRead::new(SLOTS + 1, || true);
            assert!(
                PlannedRead::new(SLOTS + 1, || true).recursive,
                "it has a slot now"
            );
        });
    }

    #[test]
    fn an_entry_of_a_lock_that_nobody_reads_is_stale() {
        on_new_thread(|| {
            let _forgotten = PlannedRead::new(16, || true).keep();
            assert!(!PlannedRead::new(16, || false).recursive);
        });
    }

    #[test]
    fn leaving_a_slot_that_passed_on_does_nothing() {
        on_new_thread(|| {
            let old = PlannedRead::new(16, || true).keep();
            drop(PlannedRead::kept(16, old));
            let _new = PlannedRead::new(32, || true).keep();
            drop(PlannedRead::kept(16, old));
            assert!(PlannedRead::new(32, || true).recursive);
        });
    }
}
