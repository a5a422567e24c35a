//! What a guard carries for the profiler.

use nexus_lockprof_engine::adaptor::Stamp;

/// Per-acquisition state of a [`Profiled`](super::Profiled) lock: the raw lock's own, and one word.
///
/// `Send` and `Sync` as the raw lock's is.
#[derive(Debug)]
#[must_use = "the lock stays locked when its state is dropped"]
pub struct ProfiledGuard<G> {
    inner: G,
    stamp: Stamp,
}

impl<G> ProfiledGuard<G> {
    #[inline(always)]
    pub(crate) fn new(inner: G, stamp: Stamp) -> Self {
        ProfiledGuard { inner, stamp }
    }

    /// Of an acquisition that nothing is measured of.
    #[inline(always)]
    pub(crate) fn untracked(inner: G) -> Self {
        Self::new(inner, Stamp::NONE)
    }

    #[inline(always)]
    pub(crate) fn into_parts(self) -> (G, Stamp) {
        (self.inner, self.stamp)
    }

    pub(crate) fn parts_mut(&mut self) -> (&mut G, &mut Stamp) {
        (&mut self.inner, &mut self.stamp)
    }
}
