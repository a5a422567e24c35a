//! What a guard carries for the profiler.

use nexus_lockprof_engine::adaptor::Stamp;

/// Per-acquisition state of a [`Profiled`](super::Profiled) lock: the raw lock's own state, and one
/// word.
///
/// It is `Send` and `Sync` if the raw lock's state is.
#[derive(Debug)]
#[must_use = "the lock stays locked when its state is dropped"]
pub struct ProfiledGuard<G> {
    inner: G,
    stamp: Stamp,
}

impl<G> ProfiledGuard<G> {
    /// Combines the raw lock's state and the measurement of the acquisition.
    #[inline(always)]
    pub fn new(inner: G, stamp: Stamp) -> Self {
        ProfiledGuard { inner, stamp }
    }

    /// The state of an unmeasured acquisition.
    #[inline(always)]
    pub fn untracked(inner: G) -> Self {
        Self::new(inner, Stamp::NONE)
    }

    /// The raw lock's state and the measurement.
    #[inline(always)]
    pub fn into_parts(self) -> (G, Stamp) {
        (self.inner, self.stamp)
    }

    /// Mutable access to both.
    #[inline]
    pub fn parts_mut(&mut self) -> (&mut G, &mut Stamp) {
        (&mut self.inner, &mut self.stamp)
    }
}
