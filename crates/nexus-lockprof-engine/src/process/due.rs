//! Work that waits for the program's next lock.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

/// What the next lock has to do: a set of the flags below.
static DUE: AtomicU8 = AtomicU8::new(0);
/// Start the profiler's own threads: this process was forked, and does not have those of its
/// parent.
pub(crate) const FORKED: u8 = 1;
/// Start others: a second thread of the program uses locks.
pub(crate) const THREADED: u8 = 2;
/// The counts are those of the process that forked this one.
pub(crate) const COPIED: u8 = 4;
/// Write the periodic file for the first time, so that whoever finds it knows of the process.
pub(crate) const FIRST_FILE: u8 = 8;

/// The identity of the program's first thread that uses locks. [`UNASKED`] means that nobody wants
/// to know of the second one.
static FIRST_THREAD: AtomicUsize = AtomicUsize::new(UNASKED);
const UNASKED: usize = usize::MAX;
/// No thread has used a lock yet.
const NOBODY: usize = 0;

/// Requests a call of `out::write_first` at the next lock that waits.
pub(crate) fn await_first_lock() {
    DUE.fetch_or(FIRST_FILE, Relaxed);
}

/// Whether the next lock has more to do than to be counted.
#[inline]
pub(crate) fn is_due() -> bool {
    DUE.load(Relaxed) != 0
}

/// Takes what is due, which then is no longer due. Only one thread gets it.
pub(crate) fn take() -> u8 {
    DUE.swap(0, Relaxed)
}

/// In a forked child: sets what is due, and drops what was due in its parent.
#[cfg(unix)]
pub(crate) fn replace(due: u8) {
    DUE.store(due, Relaxed);
}

/// Notes that the counts are this process's own now.
pub(crate) fn are_own_counts() {
    DUE.fetch_and(!COPIED, Relaxed);
}

/// Whether this process was forked and has used no lock since.
pub(crate) fn has_parents_counts() -> bool {
    DUE.load(Relaxed) & COPIED != 0
}

/// Requests a start of threads when a second thread of the program uses a lock.
pub(crate) fn await_second_thread() {
    FIRST_THREAD.store(NOBODY, Relaxed);
}

/// The same, at any time: a thread of the program may have used a lock already. Keeps what is known
/// of the first thread.
pub(crate) fn await_second_thread_after(first: bool) {
    /// Some thread, which is none of those that will use their first lock.
    const SOMEBODY: usize = 1;
    let first = if first { SOMEBODY } else { NOBODY };
    let _ = FIRST_THREAD.compare_exchange(UNASKED, first, Relaxed, Relaxed);
}

/// Whether the second thread is awaited: no more than one thread has used locks.
pub(crate) fn awaits_second_thread() -> bool {
    FIRST_THREAD.load(Relaxed) != UNASKED
}

/// A thread of the program uses its first lock.
pub(crate) fn note_thread(this: usize) {
    if FIRST_THREAD.load(Relaxed) == UNASKED {
        return;
    }
    // Relaxed: no other value depends on these.
    if let Err(first) = FIRST_THREAD.compare_exchange(NOBODY, this, Relaxed, Relaxed)
        && first != this
        && first != UNASKED
        && FIRST_THREAD
            .compare_exchange(first, UNASKED, Relaxed, Relaxed)
            .is_ok()
    {
        DUE.fetch_or(THREADED, Relaxed);
    }
}

/// In a forked child: this is the first thread, and the second one is awaited.
#[cfg(unix)]
pub(crate) fn note_first_thread(this: usize) {
    FIRST_THREAD.store(this, Relaxed);
}
