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
    /// The raw lock's state, and what is measured of the acquisition.
    #[inline(always)]
    pub fn new(inner: G, stamp: Stamp) -> Self {
        ProfiledGuard { inner, stamp }
    }

    /// Of an acquisition that nothing is measured of.
    #[inline(always)]
    pub fn untracked(inner: G) -> Self {
        Self::new(inner, Stamp::NONE)
    }

    /// The raw lock's state, and what is measured of the acquisition.
    #[inline(always)]
    pub fn into_parts(self) -> (G, Stamp) {
        (self.inner, self.stamp)
    }

    /// Both, to be changed in place.
    #[inline]
    pub fn parts_mut(&mut self) -> (&mut G, &mut Stamp) {
        (&mut self.inner, &mut self.stamp)
    }
}
