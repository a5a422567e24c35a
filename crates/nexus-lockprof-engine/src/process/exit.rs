//! Notice of a thread's end: after the destructors of its thread-locals, where the system has a way.
//!
//! On Unix it is a thread-specific value's destructor. Those run after the thread-locals', so that what these lock is recorded. Setting such
//! a value takes no lock, and allocates nothing in a program that has few of them. A thread-local of std's is used elsewhere, and where
//! there is no such value left.

use std::cell::Cell;

/// One of the rounds in which a system runs the destructors of a thread's values.
#[derive(Debug)]
pub(crate) struct Round {
    /// What is called when there is no round after this one.
    pub(crate) end: fn(),
    /// Where thread-locals have their destructors by such a value themselves, theirs is in the first round.
    pub(crate) next: Option<&'static Round>,
}

thread_local! {
    static END: End = const { End(Cell::new(None)) };
}

struct End(Cell<Option<fn()>>);

impl Drop for End {
    fn drop(&mut self) {
        if let Some(end) = self.0.get() {
            end();
        }
    }
}

/// Has the `end` of these rounds called at the end of this thread. `false`: it is too late for that.
pub(crate) fn notice(first: &'static Round) -> bool {
    #[cfg(unix)]
    if key::set(first) {
        return true;
    }
    END.try_with(|end| end.0.set(Some(first.end))).is_ok()
}

#[cfg(unix)]
mod key {
    use super::Round;
    use std::ffi::c_void;
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Of the key, 1 more; 0: there is none yet.
    static KEY: AtomicUsize = AtomicUsize::new(0);

    /// Sets this thread's value, not null, if there is a key to be had.
    pub(super) fn set(round: &'static Round) -> bool {
        let Some(key) = key() else { return false };
        // SAFETY: a key that was made, and is never deleted.
        unsafe { libc::pthread_setspecific(key, ptr::from_ref(round).cast()) == 0 }
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
        // SAFETY: the key's values are set by `set` alone, from a reference that is valid for ever.
        let round = unsafe { &*value.cast::<Round>() };
        if round.next.is_none_or(|next| !set(next)) {
            (round.end)();
        }
    }
}
