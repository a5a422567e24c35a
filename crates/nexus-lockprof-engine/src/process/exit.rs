//! Notice of a thread's end, after the destructors of its thread-locals where the system supports
//! that.
//!
//! On Unix this uses the destructor of a thread-specific value. Those run after the destructors of
//! thread-locals, so the locks that these take are recorded. Setting such a value takes no lock,
//! and does not allocate in a program that has few of them. Other systems use a thread-local of
//! std's, and so does Unix if no such value is left.

use std::cell::Cell;

/// One of the rounds in which a system runs the destructors of a thread's values.
#[derive(Debug)]
pub(crate) struct Round {
    /// The function to call if no round follows this one.
    pub(crate) end: fn(),
    /// The next round. Some systems use such a value for the destructors of thread-locals, which
    /// then run in the first round.
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

/// Requests a call of these rounds' `end` at the end of this thread. `false`: it is too late for
/// that.
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

    /// The key plus 1, or 0 if there is none yet.
    static KEY: AtomicUsize = AtomicUsize::new(0);

    /// Sets this thread's value, which is not null, if a key is available.
    pub(super) fn set(round: &'static Round) -> bool {
        let Some(key) = key() else { return false };
        // SAFETY: the key was made and is never deleted.
        unsafe { libc::pthread_setspecific(key, ptr::from_ref(round).cast()) == 0 }
    }

    fn key() -> Option<libc::pthread_key_t> {
        // Relaxed: no other value depends on the key.
        if let Some(key) = KEY.load(Relaxed).checked_sub(1) {
            return libc::pthread_key_t::try_from(key).ok();
        }
        let mut new = 0;
        // SAFETY: `new` is valid to write. `ended` does not unwind, and exists until the process
        // ends.
        if unsafe { libc::pthread_key_create(&raw mut new, Some(ended)) } != 0 {
            return None;
        }
        let value = usize::try_from(new).ok()?.checked_add(1)?;
        match KEY.compare_exchange(0, value, Relaxed, Relaxed) {
            Ok(_) => Some(new),
            Err(others) => {
                // SAFETY: the key was made above, and no thread has set a value for it.
                unsafe { libc::pthread_key_delete(new) };
                libc::pthread_key_t::try_from(others - 1).ok()
            }
        }
    }

    unsafe extern "C" fn ended(value: *mut c_void) {
        // SAFETY: only `set` sets the key's values, from a reference that is valid for ever.
        let round = unsafe { &*value.cast::<Round>() };
        if round.next.is_none_or(|next| !set(next)) {
            (round.end)();
        }
    }
}
