//! Who held a lock while others were parked on it: a fixed table that holders write and waiters
//! read.
//!
//! A lock's published word names one holder, the last to own it. A thread that parks may outlast
//! many. So a measured hold that ends while a thread is parked appends itself here, just before the
//! release. A waiter reads the holds that overlap its wait when it settles, after its own release
//! ([`blame`](crate::acquire::blame)).
//!
//! The table is static memory. It never allocates, so it works in signal handlers and after a fork.
//! Locks share [`RINGS`] rings by address. Each entry names its lock, class and engine. So a waiter
//! cannot mistake a neighbour, or an earlier lock at the same address, for its own. A busy
//! neighbour that nobody waits for must not fill the ring either. So waiters are counted in more
//! places than there are rings, [`COUNTS`].
//!
//! Nobody waits here. A writer that finds its entry taken by another writer drops its hold. A
//! reader skips an entry that is being written. So a preempted writer, or one that a forked child
//! does not have, delays nobody. What a ring has overwritten or dropped is missing. The waiter then
//! falls back to the holders it met.

use crate::identity::ClassWord;
use crate::identity::{PointKey, ThreadBits};
use crate::sync::{
    AtomicU32, AtomicU64, AtomicUsize, Ordering, array, const_fn, fence, shared_static, sized,
};
use Ordering::{Acquire, Relaxed, Release};

/// A page each, which is touched when a lock of the ring is waited for.
const RINGS: usize = sized(1, 512);
/// Places where waiters are counted: some to each ring, side by side.
const COUNTS: usize = sized(1, 2048);
/// Entries of a ring. A wait that spans more holds than this sees only the latest.
pub(crate) const ENTRIES: usize = sized(1, 64);
/// A reader stops after this many entries that ended before the wait began. Entries are nearly in
/// the order of their ends.
const OLDER: usize = 8;

/// A lock's address, with flags in its low bits for how a hold of it began and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRef(usize);

impl LockRef {
    /// The hold's own acquisition had parked.
    pub(crate) const QUEUED: usize = 1;
    /// The hold's acquisition was handed the lock while it waited: it owned the lock before it ran.
    pub(crate) const HANDED: usize = 2;
    /// The hold's release handed the lock to a waiter, if there was one.
    const FAIR: usize = 4;
    const FLAGS: usize = Self::QUEUED | Self::HANDED | Self::FAIR;

    /// The lock that contains `word`.
    #[inline(always)]
    #[must_use]
    pub fn of(word: &ClassWord) -> Self {
        const { assert!(align_of::<ClassWord>() > Self::FLAGS || sized(true, false)) };
        LockRef(std::ptr::from_ref(word).addr())
    }

    /// The same lock, about to be handed directly to a waiter.
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

    /// Whether this hold's release handed the lock to a waiter, if there was one.
    pub(crate) fn was_fair(self) -> bool {
        self.has(Self::FAIR)
    }

    /// The address without the flags. This is also how one word keeps it.
    pub(crate) fn address(self) -> usize {
        self.0 & !Self::FLAGS
    }

    pub(crate) fn from_address(address: usize) -> Self {
        LockRef(address)
    }

    /// Where its waiters are counted.
    #[inline(always)]
    fn count(self) -> usize {
        // Fibonacci hashing, whose upper bits are good. 32 bits take one instruction less.
        let hash = (self.address() as u32).wrapping_mul(0x9E37_79B1);
        (hash >> 21) as usize % COUNTS
    }

    fn ring(self) -> usize {
        self.count() / (COUNTS / RINGS)
    }
}

/// A hold that has ended, or is just about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) lock: LockRef,
    /// Number of the engine whose clock gave the ticks.
    pub(crate) engine: u64,
    pub(crate) key: PointKey,
    /// The holder, if it acquired and released the lock in one thread.
    pub(crate) thread: ThreadBits,
    /// Clock ticks.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// The part of a wait that is needed to find holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) lock: LockRef,
    pub(crate) engine: u64,
    /// The waiting point's key. Its class is the lock's.
    pub(crate) key: PointKey,
    /// Clock ticks.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// A value on cache lines of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Line<T>(T);

/// One hold. Any thread writes it, one at a time. The sequence is odd meanwhile.
#[derive(Debug)]
#[repr(align(64))]
struct LogEntry {
    seq: AtomicU64,
    lock: AtomicUsize,
    /// The engine, and in the upper bits the thread.
    engine: AtomicU64,
    key: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
}

#[derive(Debug)]
struct Ring {
    /// Holds appended so far, including those dropped.
    next: Line<AtomicU64>,
    entries: [LogEntry; ENTRIES],
}

/// The table.
#[derive(Debug)]
pub(crate) struct WaitLog {
    /// Threads and tasks that are parked. Kept apart from the rings, because each measured release
    /// looks here.
    parked: Line<[AtomicU32; COUNTS]>,
    rings: [Ring; RINGS],
}

shared_static! {
    /// The process's table. Each entry names its engine.
    pub(crate) static LOG: WaitLog = WaitLog::new();
}

impl WaitLog {
    const_fn! {
        pub(crate) fn new() -> Self {
            WaitLog {
                parked: Line(array![AtomicU32::new(0); COUNTS]),
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
                    RINGS
                ],
            }
        }
    }
}

impl WaitLog {
    #[inline(always)]
    fn parked(&self, lock: LockRef) -> &AtomicU32 {
        &self.parked.0[lock.count()]
    }

    /// A thread is about to park on `lock`. Call it once for each [`leave`](Self::leave).
    ///
    /// Relaxed, like all uses of `parked`: a holder that misses the waiter does not append its
    /// hold. The waiter then uses the holders it met instead.
    pub(crate) fn enter(&self, lock: LockRef) {
        self.parked(lock).fetch_add(1, Relaxed);
    }

    /// The thread is not parked any more.
    pub(crate) fn leave(&self, lock: LockRef) {
        self.parked(lock).fetch_sub(1, Relaxed);
    }

    /// Whether any thread is parked on `lock`, or on another one that is counted in its place.
    #[inline(always)]
    pub(crate) fn is_waited_for(&self, lock: LockRef) -> bool {
        self.parked(lock).load(Relaxed) != 0
    }

    /// Threads and tasks that are parked on `lock`, or on another one that is counted in its place.
    pub(crate) fn waiters(&self, lock: LockRef) -> u32 {
        self.parked(lock).load(Relaxed)
    }

    /// Appends a hold in a fixed number of steps, without waiting. Call it before the release, so
    /// that the lock's next owner can see it.
    #[cold]
    pub(crate) fn append(&self, hold: &Hold) {
        let ring = &self.rings[hold.lock.ring()];
        // Relaxed: it only spreads the writers over the entries.
        let index = ring.next.0.fetch_add(1, Relaxed);
        ring.entries[index as usize % ENTRIES].write(hold);
    }

    /// Calls `found` with the holds of `span`'s lock during the span, the latest appended first.
    pub(crate) fn overlapping(&self, span: &Span, mut found: impl FnMut(Hold)) {
        let ring = &self.rings[span.lock.ring()];
        // Relaxed: the count includes holds that ended before this thread's own hold began, since
        // the lock orders their release before it.
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
        // Acquire: the stores below come after those of the previous writer. Pairs with the Release
        // store below. A writer in the middle of a change keeps the entry, and this hold is
        // dropped.
        if seq & 1 == 1
            || self
                .seq
                .compare_exchange(seq, seq.wrapping_add(1), Acquire, Relaxed)
                .is_err()
        {
            return;
        }
        // Release fence: a thread that sees one of the stores and then fences with Acquire also
        // sees the odd sequence. Pairs with the fence in `read`.
        fence(Release);
        self.lock.store(hold.lock.0, Relaxed);
        // No process has 2^48 engines.
        self.engine
            .store(hold.engine | hold.thread.to_word(), Relaxed);
        self.key.store(hold.key.0, Relaxed);
        self.start.store(hold.start, Relaxed);
        self.end.store(hold.end, Relaxed);
        // Release: a thread that sees the even sequence sees the stores. Pairs with the Acquire
        // load in `read`, and with the Acquire of the next writer.
        self.seq.store(seq.wrapping_add(2), Release);
    }

    /// `None` if the entry is being written or never was.
    fn read(&self) -> Option<Hold> {
        // Acquire: this thread sees the hold that the sequence stands for. Pairs with the Release
        // store in `write`.
        let before = self.seq.load(Acquire);
        if before & 1 == 1 || before == 0 {
            return None;
        }
        let engine = self.engine.load(Relaxed);
        let thread = ThreadBits::from_word(engine);
        let hold = Hold {
            lock: LockRef(self.lock.load(Relaxed)),
            engine: engine & !thread.to_word(),
            key: PointKey(self.key.load(Relaxed)),
            thread,
            start: self.start.load(Relaxed),
            end: self.end.load(Relaxed),
        };
        // Acquire fence: if any load above saw a newer store, the load below sees that the sequence
        // changed. Pairs with the Release fence in `write`.
        fence(Acquire);
        (self.seq.load(Relaxed) == before).then_some(hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::class::NUMBER_SHIFT;

    /// A log that no other test uses. It is static, because it is too large for a thread's stack.
    macro_rules! own_log {
        () => {{
            shared_static! { static OWN: WaitLog = WaitLog::new(); }
            let own: &WaitLog = &OWN;
            own
        }};
    }

    fn hold(lock: usize, engine: u64, class: u64, start: u64, end: u64) -> Hold {
        Hold {
            lock: LockRef(lock),
            engine,
            key: PointKey(class << NUMBER_SHIFT | class << 3 | 4096),
            thread: ThreadBits::of(class),
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
        let log = own_log!();
        log.append(&hold(64, 1, 1, 0, 10));
        log.append(&hold(64, 1, 1, 10, 30));
        // Entries of another engine, of another class at the same address, and from before and
        // after the wait.
        log.append(&hold(64, 2, 1, 10, 30));
        log.append(&hold(64, 1, 2, 10, 30));
        log.append(&hold(64, 1, 1, 1, 5));
        log.append(&hold(64, 1, 1, 40, 50));
        // A lock that has the same ring.
        let LockRef(neighbour) = neighbour(LockRef(64), true);
        log.append(&hold(neighbour, 1, 1, 10, 30));
        assert_eq!(found(log, hold(64, 1, 1, 5, 40)), [(10, 30), (0, 10)]);
    }

    #[test]
    fn a_ring_keeps_the_latest() {
        let log = own_log!();
        let many = ENTRIES as u64 + 5;
        for n in 0..many {
            log.append(&hold(64, 1, 1, n, n + 1));
        }
        let all = found(log, hold(64, 1, 1, 0, many));
        assert_eq!(all.len(), ENTRIES);
        assert_eq!(all.first(), Some(&(many - 1, many)));
    }

    #[test]
    fn a_writer_that_never_comes_back_keeps_its_entry_and_nothing_else() {
        let log = own_log!();
        let ring = &log.rings[LockRef(64).ring()];
        ring.entries[1 % ENTRIES].seq.store(1, Relaxed);
        for n in 0..4 {
            log.append(&hold(64, 1, 1, n, n + 1));
        }
        assert_eq!(found(log, hold(64, 1, 1, 0, 9)), [(3, 4), (2, 3), (0, 1)]);
    }

    /// The first lock after `lock` that shares its ring, and its count of waiters if `counted` says
    /// so.
    fn neighbour(lock: LockRef, counted: bool) -> LockRef {
        let mut after = (1..).map(|n| LockRef(lock.address() + 8 * n));
        let found = after.find(|&other| {
            other.ring() == lock.ring() && (other.count() == lock.count()) == counted
        });
        found.unwrap()
    }

    /// A hold of a lock that nobody waits for does not take the place of one that is read.
    #[test]
    fn a_busy_neighbour_is_not_waited_for() {
        let log = own_log!();
        let lock = LockRef(64);
        log.enter(lock);
        assert!(!log.is_waited_for(neighbour(lock, false)));
        assert_eq!(log.waiters(neighbour(lock, false)), 0);
        assert!(log.is_waited_for(neighbour(lock, true)));
        log.leave(lock);
    }

    /// Each lock has one of all rings.
    #[test]
    fn locks_are_spread() {
        let mut locks = [0; RINGS];
        for n in 0..64 * RINGS {
            locks[LockRef(64 + 8 * n).ring()] += 1;
        }
        let (least, most) = (locks.iter().min(), locks.iter().max());
        assert!(
            least >= Some(&50) && most <= Some(&80),
            "{least:?} {most:?}"
        );
    }

    #[test]
    fn a_lock_is_waited_for_while_somebody_is_parked() {
        let log = own_log!();
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
