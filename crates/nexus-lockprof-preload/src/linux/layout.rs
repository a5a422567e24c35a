//! The layout of a process's file. The library writes it and `lockprof` reads it; both are built
//! from this source.
//!
//! All numbers are 64 bits wide in the machine's byte order, except the counts of durations, which
//! have 32 bits.
//!
//! | part | what it is |
//! | --- | --- |
//! | head | a page of numbers, and the program's path |
//! | index | maps each hash to a slot number plus 1, by linear probing; 0 is free |
//! | modules | lines of `/proc/self/maps` |
//! | slots | one per call stack that waited |

/// First in each file. The last byte is the version of the layout.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"lckwait\x01");

/// Size of the head in bytes.
pub(crate) const HEAD: usize = 4096;
/// Indices of the head's words.
pub(crate) mod head {
    /// [`MAGIC`](super::MAGIC), written last.
    pub(crate) const MAGIC: usize = 0;
    /// The process id.
    pub(crate) const PID: usize = 1;
    /// Monotonic clock, in nanoseconds, when the file was created.
    pub(crate) const STARTED_NS: usize = 2;
    /// Slots allocated, including those that found no room.
    pub(crate) const SLOTS: usize = 3;
    /// Waits that found no slot.
    pub(crate) const LOST: usize = 4;
    /// Bytes of the modules' lines.
    pub(crate) const MODULES: usize = 5;
    /// Bytes of the program's path.
    pub(crate) const PATH_LEN: usize = 6;
    /// Start of the path.
    pub(crate) const PATH: usize = 16;
}
/// The longest path that is kept, in bytes.
pub(crate) const PATH_BYTES: usize = HEAD - head::PATH * 8;

/// Start of the index.
pub(crate) const INDEX_AT: usize = HEAD;
/// Entries of the index, a power of two.
pub(crate) const INDEX: usize = 8192;

/// Start of the modules.
pub(crate) const MODULES_AT: usize = INDEX_AT + INDEX * 4;
/// Room for the modules, in bytes.
pub(crate) const MODULES: usize = 96 * 1024;

/// Start of the slots.
pub(crate) const SLOTS_AT: usize = MODULES_AT + MODULES;
/// The maximum number of slots: half of the index.
pub(crate) const SLOTS: usize = INDEX / 2;
/// Indices of a slot's words, before its counts of durations.
pub(crate) mod slot {
    /// Number of frames, written last; 0 while the slot is being filled.
    pub(crate) const LEN: usize = 0;
    /// Hash of call and frames.
    pub(crate) const HASH: usize = 1;
    /// Which function was called: see [`call`](super::call).
    pub(crate) const CALL: usize = 2;
    /// First address waited for.
    pub(crate) const ADDRESS: usize = 3;
    /// Not 0 if it also waited for other addresses.
    pub(crate) const MIXED: usize = 4;
    /// Waits that began.
    pub(crate) const BEGUN: usize = 5;
    /// Waits that succeeded.
    pub(crate) const WAITS: usize = 6;
    /// Their total time.
    pub(crate) const WAIT_NS: usize = 7;
    /// Their longest time.
    pub(crate) const MAX_NS: usize = 8;
    /// Waits that timed out.
    pub(crate) const TIMEOUTS: usize = 9;
    /// Their total time.
    pub(crate) const TIMEOUT_NS: usize = 10;
    /// Waits after which the same thread woke others at the same address.
    pub(crate) const RELEASED: usize = 11;
    /// The value that the first wait wanted to see changed.
    pub(crate) const VALUE: usize = 12;
    /// Return addresses, innermost first.
    pub(crate) const FRAMES: usize = 16;
}
/// The maximum number of frames of a stack.
pub(crate) const FRAMES: usize = 48;

/// Functions that wait.
pub(crate) mod call {
    /// `syscall(SYS_futex, ..., FUTEX_WAIT or FUTEX_WAIT_BITSET, ...)`
    pub(crate) const FUTEX: u64 = 1;
    /// The same with `FUTEX_LOCK_PI`, which is always a lock.
    pub(crate) const FUTEX_PI: u64 = 2;
    /// `pthread_mutex_lock` and its siblings.
    pub(crate) const MUTEX: u64 = 3;
    /// `pthread_rwlock_rdlock` and its siblings.
    pub(crate) const READ: u64 = 4;
    /// `pthread_rwlock_wrlock` and its siblings.
    pub(crate) const WRITE: u64 = 5;
}

/// Start of the counts of durations in a slot, in bytes.
pub(crate) const COUNTS_AT: usize = (slot::FRAMES + FRAMES) * 8;
/// Number of counts.
pub(crate) const COUNTS: usize = 16 * (LARGEST_POWER - 3);
/// The last count takes all durations of 2^44 ns (five hours) and more.
const LARGEST_POWER: usize = 44;

/// Size of a slot in bytes.
pub(crate) const SLOT: usize = (COUNTS_AT + COUNTS * 4).next_multiple_of(64);
/// Size of a file in bytes. It is sparse: unused slots take no space.
pub(crate) const FILE: usize = SLOTS_AT + SLOTS * SLOT;

/// The index of this duration's count: 16 for each doubling.
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
