//! Tracks which recursive read locks this thread holds, to recognise re-acquisitions.
//!
//! Usually a thread holds none of them, or one of them once. Then one thread-local word says which,
//! and entering and leaving take a compare and a store each. In all other cases a small table maps
//! the address of a lock to this thread's number of read guards on it. Both are const-initialised
//! and have no destructor, so they work before, during and after the destruction of other
//! thread-locals. Finding a lock comes before it is acquired, and leaving it after the release.
//!
//! A signal handler may read in between. It leaves the thread's state as it found it. If the thread
//! was just changing between the two forms, it may forget that it holds a lock; then it counts a
//! recursive read as an acquisition.
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

/// In [`ReadLocks::only`]: the table has the locks. No lock has this address.
const IN_TABLE: usize = usize::MAX;

struct ReadLocks {
    /// Address of the one lock that this thread reads, once; 0 if it reads none.
    only: Cell<usize>,
    table: Table,
}

struct Table {
    /// Addresses of the locks; 0 is a free slot.
    locks: [Cell<usize>; SLOTS],
    /// This thread's number of read guards on each.
    depths: [Cell<usize>; SLOTS],
}

thread_local! {
    static HELD: ReadLocks = const {
        ReadLocks {
            only: Cell::new(0),
            table: Table {
                locks: [const { Cell::new(0) }; SLOTS],
                depths: [const { Cell::new(0) }; SLOTS],
            },
        }
    };
}

/// Where a guard is counted in its thread's table. [`Slot::NONE`] if it is not counted.
#[derive(Clone, Copy)]
pub(super) struct Slot(u8);

impl Slot {
    /// Where the only lock goes when the table takes it over.
    const ONLY: Slot = Slot(0);
    const NONE: Slot = Slot(SLOTS as u8);
}

/// A planned read, already counted. Dropping it undoes the count unless it is [kept](Self::keep).
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
    #[inline(always)]
    pub(super) fn new(lock: usize, shared: impl FnOnce() -> bool) -> Self {
        if cfg!(feature = "send_guard") {
            return Self::kept(lock, Slot::NONE);
        }
        HELD.with(|held| {
            if held.only.get() == 0 {
                held.only.set(lock);
                Self::kept(lock, Slot::ONLY)
            } else {
                let (slot, recursive) = held.enter(lock, shared);
                Self {
                    lock,
                    slot,
                    recursive,
                }
            }
        })
    }

    /// Keeps the read counted, for a guard to carry.
    #[inline(always)]
    pub(super) fn keep(self) -> Slot {
        let slot = self.slot;
        std::mem::forget(self);
        slot
    }

    /// The read that was [kept](Self::keep) as `slot`. Dropping it ends the count.
    #[inline(always)]
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
    #[inline(always)]
    fn drop(&mut self) {
        if cfg!(feature = "send_guard") {
            return;
        }
        // Values, since references would keep the read in memory on the way to here.
        let (lock, slot) = (self.lock, self.slot);
        HELD.with(move |held| {
            if held.only.get() == lock {
                held.only.set(0);
            } else {
                held.leave(lock, slot);
            }
        });
    }
}

impl ReadLocks {
    /// Counts one more read of `lock`, in the table. Also tells whether it is a recursive one.
    #[cold]
    #[inline(never)]
    fn enter(&self, lock: usize, shared: impl FnOnce() -> bool) -> (Slot, bool) {
        let only = self.only.replace(IN_TABLE);
        if only != IN_TABLE {
            self.table.set(Slot::ONLY, only, 1);
        }
        let mut free = Slot::NONE;
        for (index, held_lock) in self.table.locks.iter().enumerate() {
            let (address, slot) = (held_lock.get(), Slot(index as u8));
            if address == lock {
                let depth = if shared() { self.table.depth(slot) } else { 0 };
                self.table.set(slot, lock, depth + 1);
                return (slot, depth != 0);
            }
            if address == 0 && free.0 == Slot::NONE.0 {
                free = slot;
            }
        }
        self.table.set(free, lock, 1);
        (free, false)
    }

    /// Uncounts a read of `lock` that the table has, if it has it.
    #[cold]
    #[inline(never)]
    fn leave(&self, lock: usize, slot: Slot) {
        let table = &self.table;
        if table.lock(slot) == lock {
            let left = table.depth(slot).saturating_sub(1);
            table.set(slot, if left == 0 { 0 } else { lock }, left);
        }
        // The only one that is left is the only one, if its guard knows it as that.
        if self.only.get() == IN_TABLE
            && table.locks[1..].iter().all(|lock| lock.get() == 0)
            && table.depth(Slot::ONLY) <= 1
        {
            self.only.set(table.lock(Slot::ONLY));
            table.set(Slot::ONLY, 0, 0);
        }
    }
}

impl Table {
    /// The address in a slot; 0 if it is free or there is no such slot.
    fn lock(&self, slot: Slot) -> usize {
        self.locks.get(usize::from(slot.0)).map_or(0, Cell::get)
    }

    fn depth(&self, slot: Slot) -> usize {
        self.depths.get(usize::from(slot.0)).map_or(0, Cell::get)
    }

    /// Does nothing if there is no such slot.
    fn set(&self, slot: Slot, lock: usize, depth: usize) {
        let index = usize::from(slot.0);
        if let (Some(lock_of), Some(depth_of)) = (self.locks.get(index), self.depths.get(index)) {
            lock_of.set(lock);
            depth_of.set(depth);
        }
    }
}

#[cfg(all(test, not(feature = "send_guard")))]
mod tests {
    use super::{HELD, PlannedRead, SLOTS};

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

    #[test]
    fn the_table_is_left_when_it_is_not_needed_any_more() {
        on_new_thread(|| {
            let only = || HELD.with(|held| held.only.get());
            let first = PlannedRead::new(16, || true);
            assert_eq!(only(), 16);
            // As a signal handler may do while the thread enters or leaves.
            drop(PlannedRead::new(32, || true));
            drop(PlannedRead::new(16, || true));
            assert_eq!(only(), 16);
            let second = PlannedRead::new(32, || true);
            drop(first);
            assert!(!PlannedRead::new(16, || true).recursive, "none is left");
            assert!(PlannedRead::new(32, || true).recursive);
            drop(second);
            assert_eq!(only(), 0);
        });
    }
}
