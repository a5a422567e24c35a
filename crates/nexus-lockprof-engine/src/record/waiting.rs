//! The wait that a thread is in at this moment, for snapshots to read.
//!
//! A thread that parks says so in its shard, and takes it back when it owns the lock or gives up.
//! Both are a few plain stores of the shard's owner. A reader gets all of a wait or nothing.

use crate::identity::PointKey;
use crate::sync::{AtomicU64, AtomicUsize, Ordering, OwnLoad, fence};
use Ordering::{Acquire, Relaxed, Release};

/// The events that can end a wait, as far as they matter for deadlocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitKind {
    /// The lock alone.
    #[default]
    Endless = 0,
    /// The lock, or the end of the time that the thread gives it.
    Limited = 1,
    /// The other readers, of a lock that the thread itself holds and upgrades.
    Upgrade = 2,
    /// The lock, or a limit. The thread that acquired the lock may have given the guard to another
    /// one.
    Movable = 3,
}

impl WaitKind {
    /// The bits that a lock's address leaves free, and that hold the kind in a slot.
    const BITS: usize = 0b11;

    fn from_word(word: usize) -> Self {
        match word & Self::BITS {
            1 => WaitKind::Limited,
            2 => WaitKind::Upgrade,
            3 => WaitKind::Movable,
            _ => WaitKind::Endless,
        }
    }
}

/// A wait in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The waiting point.
    pub(crate) key: PointKey,
    /// Address of the lock, a multiple of 4.
    pub(crate) lock: usize,
    /// Address of the word in which the lock publishes its holder. The lock exists while the wait
    /// goes on. It may be gone when a reader has read this.
    pub(crate) holder_at: usize,
    /// What the lock published when the wait began.
    pub(crate) first_holder: usize,
    /// What ends it.
    pub(crate) kind: WaitKind,
    /// When it began, in nanoseconds of the engine's coarse clock.
    pub(crate) since_ns: u64,
}

/// A thread's place for its wait.
#[derive(Debug, Default)]
pub(crate) struct WaitSlot {
    /// Odd while the thread waits.
    seq: AtomicU64,
    key: AtomicU64,
    /// The lock's address, and the kind.
    lock: AtomicUsize,
    holder_at: AtomicUsize,
    first_holder: AtomicUsize,
    since_ns: AtomicU64,
}

impl WaitSlot {
    /// The thread begins to wait. `false` if it is in a wait already, which stays: the lock's own
    /// code waits for another lock. Only the owner calls this.
    pub(crate) fn begin(&self, waiting: &Waiting) -> bool {
        let seq = self.seq.own_load();
        if seq & 1 == 1 {
            return false;
        }
        self.key.store(waiting.key.0, Relaxed);
        let lock = waiting.lock | waiting.kind as usize;
        self.lock.store(lock, Relaxed);
        self.holder_at.store(waiting.holder_at, Relaxed);
        self.first_holder.store(waiting.first_holder, Relaxed);
        self.since_ns.store(waiting.since_ns, Relaxed);
        // Release: a reader that sees the odd sequence sees the stores. Pairs with the Acquire load
        // in `read`.
        self.seq.store(seq.wrapping_add(1), Release);
        true
    }

    /// The wait is over. Only the owner calls this, after a [`begin`](Self::begin) that returned
    /// `true`.
    #[inline]
    pub(crate) fn end(&self) {
        let seq = self.seq.own_load();
        // Relaxed: a reader that misses it sees a wait that has just ended.
        self.seq.store(seq.wrapping_add(1), Relaxed);
        // Release fence: a reader that sees a store of the next wait, or of whoever uses the
        // lock's memory after the lock, and then fences with Acquire, also sees that this wait has
        // ended. Pairs with the fence in `is_still`.
        fence(Release);
    }

    /// Ends the wait, if there is one: of a task, or of a thread that cannot. That ended inside it,
    /// or this process does not have it. The caller has the slot.
    pub(crate) fn abandon(&self) {
        if self.seq.own_load() & 1 == 1 {
            self.end();
        }
    }

    /// The wait in progress, and its number. Any thread may call this.
    pub(crate) fn read(&self) -> Option<(u64, Waiting)> {
        // Acquire: this thread sees the wait that the sequence stands for. Pairs with the Release
        // store in `begin`.
        let seq = self.seq.load(Acquire);
        if seq & 1 == 0 {
            return None;
        }
        let lock = self.lock.load(Relaxed);
        let waiting = Waiting {
            key: PointKey(self.key.load(Relaxed)),
            lock: lock & !WaitKind::BITS,
            holder_at: self.holder_at.load(Relaxed),
            first_holder: self.first_holder.load(Relaxed),
            kind: WaitKind::from_word(lock),
            since_ns: self.since_ns.load(Relaxed),
        };
        self.is_still(seq).then_some((seq, waiting))
    }

    /// Whether the wait with this number still goes on. What the caller has loaded before was then
    /// loaded during the wait. Any thread may call this.
    pub(crate) fn is_still(&self, seq: u64) -> bool {
        // Acquire fence: if any load before saw a store of a later wait, the load below sees that
        // the sequence changed. Pairs with the Release fence in `end`.
        fence(Acquire);
        self.seq.load(Relaxed) == seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(n: usize) -> Waiting {
        Waiting {
            key: PointKey(n as u64),
            lock: 4 * n,
            holder_at: n,
            first_holder: n,
            kind: WaitKind::from_word(n),
            since_ns: n as u64,
        }
    }

    #[test]
    fn a_wait_is_there_until_it_ends() {
        let slot = WaitSlot::default();
        assert_eq!(slot.read(), None);
        assert!(slot.begin(&waiting(3)));
        let (seq, read) = slot.read().unwrap();
        assert_eq!(read, waiting(3));
        assert!(slot.is_still(seq));
        assert!(!slot.begin(&waiting(4)), "a wait inside a wait");
        slot.end();
        assert!(!slot.is_still(seq));
        assert_eq!(slot.read(), None);
        assert!(slot.begin(&waiting(5)));
        assert_eq!(slot.read().map(|(_, waiting)| waiting.lock), Some(20));
        assert!(!slot.is_still(seq));
    }
}
