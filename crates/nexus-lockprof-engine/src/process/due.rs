//! What the next lock of the program has to do besides being counted.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

/// What the next lock has to do: the flags below.
static DUE: AtomicU8 = AtomicU8::new(0);
/// Threads of the profiler's own are to be started: this process was forked off, and its parent had some, which it has not.
pub(crate) const FORKED: u8 = 1;
/// Others are to be started: a second thread of the program's uses locks.
pub(crate) const THREADED: u8 = 2;
/// The counts are those of the process that this one was forked off from.
pub(crate) const COPIED: u8 = 4;
/// The file that is written every so often is to be there: whoever finds it knows that there is a process.
pub(crate) const FIRST_FILE: u8 = 8;

/// The first thread of the program's that uses locks, by its identity; [`UNASKED`]: nobody wants to know of the second one.
static FIRST_THREAD: AtomicUsize = AtomicUsize::new(UNASKED);
const UNASKED: usize = usize::MAX;
/// None has yet.
const NOBODY: usize = 0;

/// Has `out::write_first` called at the next lock that waits.
pub(crate) fn await_first_lock() {
    DUE.fetch_or(FIRST_FILE, Relaxed);
}

/// Whether the next lock has more to do than to be counted.
#[inline]
pub(crate) fn is_due() -> bool {
    DUE.load(Relaxed) != 0
}

/// What is due, which is then not due any more. One thread gets it.
pub(crate) fn take() -> u8 {
    DUE.swap(0, Relaxed)
}

/// In a child that was forked off: this is due, and nothing that was due in its parent.
#[cfg(unix)]
pub(crate) fn replace(due: u8) {
    DUE.store(due, Relaxed);
}

/// The counts are this process's own now.
pub(crate) fn are_own_counts() {
    DUE.fetch_and(!COPIED, Relaxed);
}

/// Whether this process was forked off and has used no lock since.
pub(crate) fn has_parents_counts() -> bool {
    DUE.load(Relaxed) & COPIED != 0
}

/// Has `out::start_threaded` called when a second thread of the program's uses a lock.
pub(crate) fn await_second_thread() {
    FIRST_THREAD.store(NOBODY, Relaxed);
}

/// This thread of the program's uses its first lock.
pub(crate) fn note_thread(this: usize) {
    if FIRST_THREAD.load(Relaxed) == UNASKED {
        return;
    }
    // Relaxed: values of their own.
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

/// In a child that was forked off: this is the first thread, and a second one is waited for.
#[cfg(unix)]
pub(crate) fn note_first_thread(this: usize) {
    FIRST_THREAD.store(this, Relaxed);
}
