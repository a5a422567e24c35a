//! The state of each thread.

use super::table::Slot;
use std::cell::Cell;
use std::ffi::c_int;

/// The last wait of a thread in `syscall`.
#[derive(Clone, Copy)]
pub(super) struct Last {
    /// The address it waited for; 0 if there is none.
    pub(super) address: usize,
    /// The stack pointer at the call.
    pub(super) stack: usize,
    /// Its slot.
    pub(super) slot: Option<Slot>,
    /// How long it took, in nanoseconds.
    pub(super) ns: u64,
    /// Whether the next call with the same address and stack continues this wait.
    pub(super) goes_on: bool,
}

impl Last {
    pub(super) const NONE: Self = Last {
        address: 0,
        stack: 0,
        slot: None,
        ns: 0,
        goes_on: false,
    };
}

// Without destructors: usable until the very end of the thread, and with nothing to register.
thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static LAST: Cell<Last> = const { Cell::new(Last::NONE) };
}

unsafe extern "C" {
    /// The thread's `errno`.
    #[link_name = "__errno_location"]
    pub(super) safe fn errno() -> *mut c_int;
}

/// Calls `record`, unless this thread is already in here: in a signal handler, or in a lock that
/// the unwinder takes. Preserves `errno`.
#[inline]
pub(super) fn once<T>(record: impl FnOnce() -> Option<T>) -> Option<T> {
    INSIDE.with(|inside| {
        if inside.replace(true) {
            return None;
        }
        // SAFETY: each thread has one.
        let errno = unsafe { &mut *errno() };
        let before = *errno;
        let recorded = record();
        *errno = before;
        inside.set(false);
        recorded
    })
}

pub(super) fn last() -> Last {
    LAST.with(Cell::get)
}

pub(super) fn set_last(last: Last) {
    LAST.with(|cell| cell.set(last));
}

/// Resets the state in a forked child.
pub(super) fn forget() {
    set_last(Last::NONE);
    INSIDE.with(|inside| inside.set(false));
}
