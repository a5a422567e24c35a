//! The profiler's part of a guard.

use nexus_lockprof_engine::adaptor::PendingRef;

/// Per-acquisition state of a [`Profiled`](super::Profiled) lock: the raw lock's own state, and one
/// word.
///
/// It is `Send` and `Sync` if the raw lock's state is.
#[derive(Debug)]
#[must_use = "the lock stays locked when its state is dropped"]
pub struct ProfiledGuard<G> {
    inner: G,
    pending_ref: PendingRef,
}

impl<G> ProfiledGuard<G> {
    /// Combines the raw lock's state and the measurement of the acquisition.
    #[inline(always)]
    pub fn new(inner: G, pending_ref: PendingRef) -> Self {
        ProfiledGuard { inner, pending_ref }
    }

    /// The state of an unmeasured acquisition.
    #[inline(always)]
    pub fn untracked(inner: G) -> Self {
        Self::new(inner, PendingRef::NONE)
    }

    /// The raw lock's state and the measurement.
    #[inline(always)]
    pub fn into_parts(self) -> (G, PendingRef) {
        (self.inner, self.pending_ref)
    }

    /// The measurement.
    #[inline(always)]
    pub(super) fn pending_ref(&self) -> &PendingRef {
        &self.pending_ref
    }

    /// Mutable access to both.
    #[inline]
    pub fn parts_mut(&mut self) -> (&mut G, &mut PendingRef) {
        (&mut self.inner, &mut self.pending_ref)
    }
}
