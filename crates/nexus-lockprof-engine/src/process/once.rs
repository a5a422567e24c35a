//! Work that one thread of a process does once.

use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Work that one thread of a process does once.
///
/// Not a `std::sync::Once`: a child forked while another thread does the work does not have that
/// thread. So this notes the process that does it, and the child does it itself.
#[derive(Debug)]
pub(crate) struct Once(AtomicU32);

const NOBODY: u32 = 0;
/// No process has this number.
const DONE: u32 = u32::MAX;

impl Once {
    pub(crate) const fn new() -> Self {
        Once(AtomicU32::new(NOBODY))
    }

    /// Whether the caller has to do the work.
    pub(crate) fn begin(&self) -> bool {
        let before = self.0.load(Relaxed);
        let here = id();
        // Relaxed: it only chooses one thread. What that thread does is published elsewhere.
        before != DONE
            && before != here
            && (self.0)
                .compare_exchange(before, here, Relaxed, Relaxed)
                .is_ok()
    }

    /// Marks the work as done, in this process and in those that it forks from now on.
    pub(crate) fn end(&self) {
        self.0.store(DONE, Relaxed);
    }

    /// Whether a thread of this process has begun the work.
    pub(crate) fn is_begun_here(&self) -> bool {
        self.0.load(Relaxed) == id()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.load(Relaxed) == DONE
    }

    /// In a forked child: nobody does the work here, even if the process that did it had this one's
    /// number.
    pub(crate) fn forget(&self) {
        self.0.store(NOBODY, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_does_it_and_in_another_process_another() {
        let once = Once::new();
        assert!(once.begin() && !once.begin() && !once.is_done());
        assert!(once.is_begun_here());
        // As in a child.
        once.0.store(id() + 1, Relaxed);
        assert!(!once.is_begun_here());
        assert!(once.begin() && !once.begin());
        once.forget();
        assert!(once.begin());
        once.end();
        assert!(once.is_done() && !once.begin());
    }
}
