//! What is where in the file of a process. The library writes it, `lockprof` reads it; both are built from this source.
//!
//! All numbers are 64 bits wide in the machine's own order, but for the counts of durations, which have 32.
//!
//! | part | what it is |
//! | --- | --- |
//! | head | a page of numbers, and the program's path |
//! | index | for each hash a slot's number plus 1, by linear probing; 0 is free |
//! | modules | lines of `/proc/self/maps` |
//! | slots | one for each call stack that has waited |

/// First in each file: a version of the layout in its last byte.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"lckwait\x01");

/// Bytes of the head.
pub(crate) const HEAD: usize = 4096;
/// Words of the head.
pub(crate) mod head {
    /// [`MAGIC`](super::MAGIC), written last.
    pub(crate) const MAGIC: usize = 0;
    /// The process.
    pub(crate) const PID: usize = 1;
    /// Monotonic clock when the file was made.
    pub(crate) const STARTED_NS: usize = 2;
    /// Slots that were given away, also those there was no room for.
    pub(crate) const SLOTS: usize = 3;
    /// Waits that found no slot.
    pub(crate) const LOST: usize = 4;
    /// Bytes of the modules' lines.
    pub(crate) const MODULES: usize = 5;
    /// Bytes of the program's path.
    pub(crate) const PATH_LEN: usize = 6;
    /// Where the path begins.
    pub(crate) const PATH: usize = 16;
}
/// The longest path of a program that is kept.
pub(crate) const PATH_BYTES: usize = HEAD - head::PATH * 8;

/// Where the index begins.
pub(crate) const INDEX_AT: usize = HEAD;
/// Entries of the index, a power of two.
pub(crate) const INDEX: usize = 8192;

/// Where the modules begin.
pub(crate) const MODULES_AT: usize = INDEX_AT + INDEX * 4;
/// The most bytes of them.
pub(crate) const MODULES: usize = 96 * 1024;

/// Where the slots begin.
pub(crate) const SLOTS_AT: usize = MODULES_AT + MODULES;
/// The most slots: half of the index.
pub(crate) const SLOTS: usize = INDEX / 2;
/// Words of a slot before its counts of durations.
pub(crate) mod slot {
    /// Number of frames, written last; 0 while it is being filled.
    pub(crate) const LEN: usize = 0;
    /// Hash of call and frames.
    pub(crate) const HASH: usize = 1;
    /// Which function was called: see [`call`](super::call).
    pub(crate) const CALL: usize = 2;
    /// Address of what was first waited for.
    pub(crate) const ADDRESS: usize = 3;
    /// Not 0 if other addresses were, too.
    pub(crate) const MIXED: usize = 4;
    /// Waits that have begun.
    pub(crate) const BEGUN: usize = 5;
    /// Waits that ended well.
    pub(crate) const WAITS: usize = 6;
    /// How long these took together.
    pub(crate) const WAIT_NS: usize = 7;
    /// The longest.
    pub(crate) const MAX_NS: usize = 8;
    /// Waits that gave up when their time had come.
    pub(crate) const TIMEOUTS: usize = 9;
    /// How long these took together.
    pub(crate) const TIMEOUT_NS: usize = 10;
    /// Waits after which the same thread woke others at the same address.
    pub(crate) const RELEASED: usize = 11;
    /// Value that the first one waited to see changed.
    pub(crate) const VALUE: usize = 12;
    /// Return addresses, innermost first.
    pub(crate) const FRAMES: usize = 16;
}
/// The most frames of a stack.
pub(crate) const FRAMES: usize = 48;

/// Functions that wait.
pub(crate) mod call {
    /// `syscall(SYS_futex, ..., FUTEX_WAIT or FUTEX_WAIT_BITSET, ...)`
    pub(crate) const FUTEX: u64 = 1;
    /// The same with `FUTEX_LOCK_PI`: a lock, whoever calls.
    pub(crate) const FUTEX_PI: u64 = 2;
    /// `pthread_mutex_lock` and its kin.
    pub(crate) const MUTEX: u64 = 3;
    /// `pthread_rwlock_rdlock` and its kin.
    pub(crate) const READ: u64 = 4;
    /// `pthread_rwlock_wrlock` and its kin.
    pub(crate) const WRITE: u64 = 5;
}

/// Where the counts of durations begin in a slot, in bytes.
pub(crate) const COUNTS_AT: usize = (slot::FRAMES + FRAMES) * 8;
/// How many there are.
pub(crate) const COUNTS: usize = 16 * (LARGEST_POWER - 3);
/// Durations of 2^44 ns and more, five hours, are all in the last one.
const LARGEST_POWER: usize = 44;

/// Bytes of a slot.
pub(crate) const SLOT: usize = (COUNTS_AT + COUNTS * 4).next_multiple_of(64);
/// Bytes of a file. It is sparse: what no slot has used takes no room.
pub(crate) const FILE: usize = SLOTS_AT + SLOTS * SLOT;

/// The count that has this duration: 16 for each doubling.
pub(crate) const fn count_of(ns: u64) -> usize {
    if ns < 16 {
        return ns as usize;
    }
    let power = ns.ilog2() as usize;
    if power >= LARGEST_POWER {
        return COUNTS - 1;
    }
    (power - 3) * 16 + (ns >> (power - 4)) as usize % 16
}
