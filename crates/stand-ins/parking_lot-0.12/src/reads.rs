//! What is measured of a thread's read acquisitions, until it releases them.
//!
//! A table in a thread-local, const-initialised and without a destructor, so that it works before, during and after the
//! destruction of others. In the usual case, when nothing is measured, entering and leaving look at one count.
//!
//! A lock that a thread reads twice at a time is taken to be released in reverse order. A guard that is forgotten leaves
//! its entry. With the feature `send_guard` a guard may be released in another thread, so the holds of readers are not
//! measured: they are counted as lost.

use crate::raw::State;
use nexus_lockprof_adaptor::{Global, Host, Stamp, StampCell};
use std::cell::Cell;

/// As many as a thread may have measured acquisitions at a time.
const ENTRIES: usize = 64;

struct Reads {
    len: Cell<usize>,
    /// In order of acquisition.
    entries: [Entry; ENTRIES],
}

/// A measured read.
struct Entry {
    /// Address of the lock.
    lock: Cell<usize>,
    /// Later reads of the lock, not measured, that are not over.
    inner: Cell<usize>,
    stamp: StampCell,
}

thread_local! {
    static READS: Reads = const {
        Reads {
            len: Cell::new(0),
            entries: [const {
                Entry {
                    lock: Cell::new(0),
                    inner: Cell::new(0),
                    stamp: StampCell::new(),
                }
            }; ENTRIES],
        }
    };
}

/// This thread has just begun to read the lock at an address.
#[inline(always)]
pub(crate) fn entered(lock: usize, state: State) {
    let (_, stamp) = state.into_parts();
    READS.with(|reads| {
        if !stamp.is_none() || reads.len.get() != 0 {
            reads.entered(lock, stamp);
        }
    });
}

/// This thread is about to end its latest read of the lock at an address.
#[inline(always)]
pub(crate) fn leaving(lock: usize) -> State {
    let stamp = READS.with(|reads| match reads.len.get() {
        0 => Stamp::NONE,
        _ => reads.leaving(lock),
    });
    State::new((), stamp)
}

impl Reads {
    fn used(&self) -> &[Entry] {
        &self.entries[..self.len.get()]
    }

    fn latest(&self, lock: usize) -> Option<usize> {
        self.used()
            .iter()
            .rposition(|entry| entry.lock.get() == lock)
    }

    #[cold]
    fn entered(&self, lock: usize, stamp: Stamp) {
        if stamp.is_none() {
            if let Some(index) = self.latest(lock) {
                let inner = &self.entries[index].inner;
                inner.set(inner.get() + 1);
            }
            return;
        }
        let len = self.len.get();
        if cfg!(feature = "send_guard") || len == ENTRIES {
            if let Some(core) = Global.core() {
                // SAFETY: a stamp of the global engine, of an acquisition of this thread.
                unsafe { core.settle_unseen(stamp) };
            }
            return;
        }
        let entry = &self.entries[len];
        entry.lock.set(lock);
        entry.inner.set(0);
        entry.stamp.put(stamp);
        self.len.set(len + 1);
    }

    #[cold]
    fn leaving(&self, lock: usize) -> Stamp {
        let Some(index) = self.latest(lock) else {
            return Stamp::NONE;
        };
        let entry = &self.entries[index];
        if let Some(less) = entry.inner.get().checked_sub(1) {
            entry.inner.set(less);
            return Stamp::NONE;
        }
        let stamp = entry.stamp.take();
        for pair in self.used()[index..].windows(2) {
            pair[0].lock.set(pair[1].lock.get());
            pair[0].inner.set(pair[1].inner.get());
            pair[0].stamp.put(pair[1].stamp.take());
        }
        self.len.set(self.len.get() - 1);
        stamp
    }
}
