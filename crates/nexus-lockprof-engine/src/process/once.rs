//! What one thread of a process does, once.

use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What one thread of a process does, once.
///
/// Not a `std::sync::Once`: a child that was forked off while another thread does it does not have
/// that thread. So the process is noted in which it is done, and the child does it itself.
#[derive(Debug)]
pub(crate) struct Once(AtomicU32);

const NOBODY: u32 = 0;
/// No process has this number.
const DONE: u32 = u32::MAX;

impl Once {
    pub(crate) const fn new() -> Self {
        Once(AtomicU32::new(NOBODY))
    }

    /// Whether it is the caller who does it.
    pub(crate) fn begin(&self) -> bool {
        let before = self.0.load(Relaxed);
        let here = id();
        // Relaxed: one thread is to do it. What it does is published elsewhere.
        before != DONE
            && before != here
            && (self.0)
                .compare_exchange(before, here, Relaxed, Relaxed)
                .is_ok()
    }

    /// It is done, in this process and in those that are forked off from now on.
    pub(crate) fn end(&self) {
        self.0.store(DONE, Relaxed);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.load(Relaxed) == DONE
    }

    /// In a child that was forked off: nobody does it here, even if the process had this one's
    /// number that did.
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
        // As in a child.
        once.0.store(id() + 1, Relaxed);
        assert!(once.begin() && !once.begin());
        once.forget();
        assert!(once.begin());
        once.end();
        assert!(once.is_done() && !once.begin());
    }
}
