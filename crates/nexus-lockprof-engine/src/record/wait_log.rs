//! Who held a lock while others were parked on it: a fixed table that holders write and waiters read.
//!
//! A lock's published word names one holder: the last one to own it. A thread that parks may outlast many. So a
//! measured hold that ends while somebody is parked appends itself here, just before the release, and a waiter
//! reads what overlaps its wait when it settles, after its own release ([`blame`](crate::acquire::blame)).
//!
//! The table is static memory: it never allocates, so it works in signal handlers and after a fork. Locks share
//! [`BUCKETS`] rings by address, and each entry says which lock, class and engine it is about, so neither a
//! neighbour nor a lock that lived at the same address before can be mistaken for this one. Nobody waits here: a
//! writer that finds its entry taken by another writer drops what it has, and a reader skips an entry that is
//! being written. So a writer that is preempted, or that a forked child does not have, delays nobody. What a
//! ring has overwritten or dropped is missing; the waiter then falls back to the holders it met.

use crate::identity::ClassWord;
use crate::identity::PointKey;
use crate::sync::{
    AtomicU32, AtomicU64, AtomicUsize, Ordering, array, const_fn, fence, shared_static, sized,
};
use Ordering::{Acquire, Relaxed, Release};

const BUCKETS: usize = sized(1, 128);
/// Entries of a ring. A wait that spans more holds than this sees the latest of them.
pub(crate) const ENTRIES: usize = sized(1, 64);
/// Entries that ended before the wait began, after which a reader stops: entries are nearly in order of their ends.
const OLDER: usize = 8;

/// A lock's address, and in its low bits how a hold of it began and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRef(usize);

impl LockRef {
    /// The hold's own acquisition had parked.
    pub(crate) const QUEUED: usize = 1;
    /// It was handed the lock while it waited: it owned the lock before it ran.
    pub(crate) const HANDED: usize = 2;
    /// Its release handed the lock to a waiter, if there was one.
    const FAIR: usize = 4;
    const FLAGS: usize = Self::QUEUED | Self::HANDED | Self::FAIR;

    /// The lock that `word` is a part of.
    #[inline(always)]
    #[must_use]
    pub fn of(word: &ClassWord) -> Self {
        const { assert!(align_of::<ClassWord>() > Self::FLAGS || sized(true, false)) };
        LockRef(std::ptr::from_ref(word).addr())
    }

    /// The same lock, about to be released to a waiter directly.
    #[inline(always)]
    #[must_use]
    pub fn released_fairly(self) -> Self {
        LockRef(self.0 | Self::FAIR)
    }

    pub(crate) fn with(self, flags: usize) -> Self {
        LockRef(self.0 | flags)
    }

    pub(crate) fn has(self, flag: usize) -> bool {
        self.0 & flag != 0
    }

    /// Whether this hold's release handed the lock over to a waiter, if there was one.
    pub(crate) fn was_fair(self) -> bool {
        self.has(Self::FAIR)
    }

    /// Without the flags; also how it is kept in one word.
    pub(crate) fn address(self) -> usize {
        self.0 & !Self::FLAGS
    }

    pub(crate) fn from_address(address: usize) -> Self {
        LockRef(address)
    }

    #[inline(always)]
    fn bucket(self) -> usize {
        // Fibonacci hashing: the upper bits are good. Of 32 bits, which is an instruction less.
        let hash = (self.address() as u32).wrapping_mul(0x9E37_79B1);
        (hash >> 25) as usize % BUCKETS
    }
}

/// A hold that has ended, or is just about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) lock: LockRef,
    /// Number of the engine, whose clock the ticks are of.
    pub(crate) engine: u64,
    pub(crate) key: PointKey,
    /// Clock ticks.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// A wait, as far as finding holds goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) lock: LockRef,
    pub(crate) engine: u64,
    /// Of the waiting point: its class is the lock's.
    pub(crate) key: PointKey,
    /// Clock ticks.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// On a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Line<T>(T);

/// One hold. Any thread writes it, one at a time; the sequence is odd meanwhile.
#[derive(Debug)]
#[repr(align(64))]
struct LogEntry {
    seq: AtomicU64,
    lock: AtomicUsize,
    engine: AtomicU64,
    key: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
}

#[derive(Debug)]
struct Ring {
    /// Holds appended so far, those that were dropped included.
    next: Line<AtomicU64>,
    entries: [LogEntry; ENTRIES],
}

/// The table.
#[derive(Debug)]
pub(crate) struct WaitLog {
    /// Threads and tasks that are parked on the locks of a bucket. Apart from the rings: each measured release looks here.
    parked: [Line<AtomicU32>; BUCKETS],
    rings: [Ring; BUCKETS],
}

shared_static! {
    /// The process's table: engines tell their entries apart.
    pub(crate) static LOG: WaitLog = WaitLog::new();
}

impl WaitLog {
    const_fn! {
        pub(crate) fn new() -> Self {
            WaitLog {
                parked: array![Line(AtomicU32::new(0)); BUCKETS],
                rings: array![
                    Ring {
                        next: Line(AtomicU64::new(0)),
                        entries: array![
                            LogEntry {
                                seq: AtomicU64::new(0),
                                lock: AtomicUsize::new(0),
                                engine: AtomicU64::new(0),
                                key: AtomicU64::new(0),
                                start: AtomicU64::new(0),
                                end: AtomicU64::new(0),
                            };
                            ENTRIES
                        ],
                    };
                    BUCKETS
                ],
            }
        }
    }
}

impl WaitLog {
    /// Somebody is about to park on `lock`. Once for each [`leave`](Self::leave).
    ///
    /// Relaxed, as all that `parked` is used with: a holder that misses the waiter does not append its hold, which
    /// the waiter then makes up for with the holders it met.
    pub(crate) fn enter(&self, lock: LockRef) {
        self.parked[lock.bucket()].0.fetch_add(1, Relaxed);
    }

    /// It is not parked any more.
    pub(crate) fn leave(&self, lock: LockRef) {
        self.parked[lock.bucket()].0.fetch_sub(1, Relaxed);
    }

    /// Whether anybody is parked on `lock`, or on a lock that shares its bucket.
    #[inline(always)]
    pub(crate) fn is_waited_for(&self, lock: LockRef) -> bool {
        self.parked[lock.bucket()].0.load(Relaxed) != 0
    }

    /// Appends a hold: a fixed number of steps, without waiting. Call it before the release, so that whoever owns
    /// the lock next can see it.
    #[cold]
    pub(crate) fn append(&self, hold: &Hold) {
        let ring = &self.rings[hold.lock.bucket()];
        // Relaxed: only to spread the writers over the entries.
        let index = ring.next.0.fetch_add(1, Relaxed);
        ring.entries[index as usize % ENTRIES].write(hold);
    }

    /// Gives what `span`'s lock was held by during it, the latest appended first.
    pub(crate) fn overlapping(&self, span: &Span, mut found: impl FnMut(Hold)) {
        let ring = &self.rings[span.lock.bucket()];
        // Relaxed: holds that ended before this one began are in it, since the lock orders their release before.
        let next = ring.next.0.load(Relaxed);
        let mut older = 0;
        for back in 1..=next.min(ENTRIES as u64) {
            let Some(hold) = ring.entries[(next - back) as usize % ENTRIES].read() else {
                continue;
            };
            if hold.engine != span.engine {
                continue;
            }
            if hold.end <= span.start {
                older += 1;
                if older == OLDER {
                    return;
                }
            } else if hold.lock.address() == span.lock.address()
                && hold.key.is_same_class(span.key)
                && hold.start < span.end
            {
                found(hold);
            }
        }
    }
}

impl LogEntry {
    fn write(&self, hold: &Hold) {
        let seq = self.seq.load(Relaxed);
        // Acquire: the stores below come after those of the writer before; pairs with the Release store below. A
        // writer that is in the middle keeps the entry, and this hold is dropped.
        if seq & 1 == 1
            || self
                .seq
                .compare_exchange(seq, seq.wrapping_add(1), Acquire, Relaxed)
                .is_err()
        {
            return;
        }
        // Release fence: whoever sees one of the stores and then fences with Acquire also sees the odd sequence;
        // pairs with the fence in `read`.
        fence(Release);
        self.lock.store(hold.lock.0, Relaxed);
        self.engine.store(hold.engine, Relaxed);
        self.key.store(hold.key.0, Relaxed);
        self.start.store(hold.start, Relaxed);
        self.end.store(hold.end, Relaxed);
        // Release: whoever sees the even sequence sees the stores; pairs with the Acquire load in `read`, and with
        // the Acquire of the next writer.
        self.seq.store(seq.wrapping_add(2), Release);
    }

    /// `None` when it is being written, or never was.
    fn read(&self) -> Option<Hold> {
        // Acquire: sees the hold that this sequence stands for; pairs with the Release store in `write`.
        let before = self.seq.load(Acquire);
        if before & 1 == 1 || before == 0 {
            return None;
        }
        let hold = Hold {
            lock: LockRef(self.lock.load(Relaxed)),
            engine: self.engine.load(Relaxed),
            key: PointKey(self.key.load(Relaxed)),
            start: self.start.load(Relaxed),
            end: self.end.load(Relaxed),
        };
        // Acquire fence: if any load above saw a newer store, the load below sees that the sequence moved; pairs
        // with the Release fence in `write`.
        fence(Acquire);
        (self.seq.load(Relaxed) == before).then_some(hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::class::NUMBER_SHIFT;

    fn hold(lock: usize, engine: u64, class: u64, start: u64, end: u64) -> Hold {
        Hold {
            lock: LockRef(lock),
            engine,
            key: PointKey(class << NUMBER_SHIFT | class << 3 | 4096),
            start,
            end,
        }
    }

    fn found(log: &WaitLog, like: Hold) -> Vec<(u64, u64)> {
        let span = Span {
            lock: like.lock,
            engine: like.engine,
            key: like.key,
            start: like.start,
            end: like.end,
        };
        let mut found = Vec::new();
        log.overlapping(&span, |hold| found.push((hold.start, hold.end)));
        found
    }

    #[test]
    fn a_wait_finds_the_holds_of_its_own_lock_alone() {
        let log = Box::new(WaitLog::new());
        log.append(&hold(64, 1, 1, 0, 10));
        log.append(&hold(64, 1, 1, 10, 30));
        // Another engine, another class at the same address, and before and after the wait.
        log.append(&hold(64, 2, 1, 10, 30));
        log.append(&hold(64, 1, 2, 10, 30));
        log.append(&hold(64, 1, 1, 1, 5));
        log.append(&hold(64, 1, 1, 40, 50));
        // Of the same bucket.
        let neighbour = (1..)
            .map(|n| 64 + 8 * n)
            .find(|&lock| LockRef(lock).bucket() == LockRef(64).bucket());
        log.append(&hold(neighbour.unwrap_or_default(), 1, 1, 10, 30));
        assert_eq!(found(&log, hold(64, 1, 1, 5, 40)), [(10, 30), (0, 10)]);
    }

    #[test]
    fn a_ring_keeps_the_latest() {
        let log = Box::new(WaitLog::new());
        let many = ENTRIES as u64 + 5;
        for n in 0..many {
            log.append(&hold(64, 1, 1, n, n + 1));
        }
        let all = found(&log, hold(64, 1, 1, 0, many));
        assert_eq!(all.len(), ENTRIES);
        assert_eq!(all.first(), Some(&(many - 1, many)));
    }

    #[test]
    fn a_writer_that_never_comes_back_keeps_its_entry_and_nothing_else() {
        let log = Box::new(WaitLog::new());
        let ring = &log.rings[LockRef(64).bucket()];
        ring.entries[1].seq.store(1, Relaxed);
        for n in 0..4 {
            log.append(&hold(64, 1, 1, n, n + 1));
        }
        assert_eq!(found(&log, hold(64, 1, 1, 0, 9)), [(3, 4), (2, 3), (0, 1)]);
    }

    #[test]
    fn a_lock_is_waited_for_while_somebody_is_parked() {
        let log = Box::new(WaitLog::new());
        let lock = LockRef(64);
        assert!(!log.is_waited_for(lock));
        log.enter(lock);
        log.enter(lock);
        log.leave(lock.released_fairly());
        assert!(log.is_waited_for(lock.released_fairly()));
        log.leave(lock);
        assert!(!log.is_waited_for(lock));
    }
}
