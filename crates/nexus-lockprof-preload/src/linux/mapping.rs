//! Access to the mapped file.

use super::layout;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

/// The file of this process, mapped.
#[derive(Clone, Copy)]
pub(super) struct WaitTable(pub(super) *mut u8);

impl WaitTable {
    /// A word of the head.
    pub(super) fn word(self, index: usize) -> &'static AtomicU64 {
        // SAFETY: it is aligned and inside the mapping, which lives as long as the process. All
        // accesses are atomic.
        unsafe { &*self.0.add(index * 8).cast() }
    }

    pub(super) fn byte(self, offset: usize) -> &'static AtomicU8 {
        // SAFETY: it is inside the mapping, which lives as long as the process. All accesses are
        // atomic.
        unsafe { &*self.0.add(offset).cast() }
    }

    pub(super) fn index(self, place: usize) -> &'static AtomicU32 {
        // SAFETY: it is aligned and inside the mapping, which lives as long as the process. All
        // accesses are atomic.
        unsafe { &*self.0.add(layout::INDEX_AT + place * 4).cast() }
    }
}
