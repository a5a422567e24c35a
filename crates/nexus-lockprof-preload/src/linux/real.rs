//! The C library's functions that ours replace.

use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// A function of the C library, found by name.
pub(super) struct Real {
    name: &'static CStr,
    at: AtomicUsize,
}

impl Real {
    pub(super) const fn new(name: &'static CStr) -> Self {
        Real {
            name,
            at: AtomicUsize::new(0),
        }
    }

    /// Its address, or null.
    #[inline]
    pub(super) fn get(&self) -> *mut c_void {
        // Relaxed: every lookup gives the same address.
        let known = self.at.load(Relaxed);
        if known != 0 {
            return known as *mut c_void;
        }
        self.look_up()
    }

    #[cold]
    fn look_up(&self) -> *mut c_void {
        const NEXT: *mut c_void = usize::MAX as *mut c_void;
        // SAFETY: the name ends with 0.
        let at = unsafe { dlsym(NEXT, self.name.as_ptr()) };
        self.at.store(at as usize, Relaxed);
        at
    }
}
