//! Notice of a thread's end: after the destructors of its thread-locals, where the system has a way.
//!
//! On Unix it is a thread-specific value's destructor. Those run after the thread-locals', so that what these lock is recorded. Setting such
//! a value takes no lock, and allocates nothing in a program that has few of them. A thread-local of std's is used elsewhere, and where
//! there is no such value left.

use crate::acquire::thread;

thread_local! {
    static END: End = const { End };
}

struct End;

impl Drop for End {
    fn drop(&mut self) {
        thread::ends();
    }
}

/// Has [`thread::ends`] called at the end of this thread. `false`: it is too late for that.
pub(crate) fn notice() -> bool {
    #[cfg(unix)]
    if key::set(key::FIRST_ROUND) {
        return true;
    }
    END.try_with(|_| ()).is_ok()
}

#[cfg(unix)]
mod key {
    use crate::acquire::thread;
    use std::ffi::c_void;
    use std::ptr::without_provenance;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// The value says which round of destructors it waits for. Where thread-locals have their destructors by such a value themselves, theirs
    /// is in the first round.
    pub(super) const FIRST_ROUND: usize = 1;
    const SECOND_ROUND: usize = 2;

    /// Of the key, 1 more; 0: there is none yet.
    static KEY: AtomicUsize = AtomicUsize::new(0);

    /// Sets this thread's value, not null, if there is a key to be had.
    pub(super) fn set(round: usize) -> bool {
        let Some(key) = key() else { return false };
        // SAFETY: a key that was made, and is never deleted.
        unsafe { libc::pthread_setspecific(key, without_provenance(round)) == 0 }
    }

    fn key() -> Option<libc::pthread_key_t> {
        // Relaxed: the key is a value of its own.
        if let Some(key) = KEY.load(Relaxed).checked_sub(1) {
            return libc::pthread_key_t::try_from(key).ok();
        }
        let mut new = 0;
        // SAFETY: `new` is there to be written; `ended` does not unwind, and is there until the process ends.
        if unsafe { libc::pthread_key_create(&raw mut new, Some(ended)) } != 0 {
            return None;
        }
        let value = usize::try_from(new).ok()?.checked_add(1)?;
        match KEY.compare_exchange(0, value, Relaxed, Relaxed) {
            Ok(_) => Some(new),
            Err(others) => {
                // SAFETY: made above, and set by nobody.
                unsafe { libc::pthread_key_delete(new) };
                libc::pthread_key_t::try_from(others - 1).ok()
            }
        }
    }

    unsafe extern "C" fn ended(value: *mut c_void) {
        if value.addr() == SECOND_ROUND || !set(SECOND_ROUND) {
            thread::ends();
        }
    }
}
