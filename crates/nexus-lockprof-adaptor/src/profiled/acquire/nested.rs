//! Timed acquisitions of a thread that holds other locks.

use super::Tried;
use crate::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::EngineRef;
use nexus_lockprof_engine::adaptor::{HeldBy, Hit, SiteKey};

impl<R, H: EngineRef> Profiled<R, H> {
    /// A timed acquisition while the thread holds other locks.
    #[cold]
    #[inline(never)]
    pub(super) fn acquire_nested<G, E>(
        &self,
        key: SiteKey,
        hit: Hit<'_>,
        free: impl Fn(&R) -> bool,
        try_: impl Fn(&R) -> Option<G>,
        block: impl FnOnce(&R) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        let lock = self.lock_ref();
        match self.try_timed(
            self.engine.own_shard(),
            hit,
            HeldBy::NestingThread { lock, waits: true },
            &try_,
        ) {
            Ok(guard) => Ok(guard),
            Err(true) => self.acquire_cold(key, Tried::Taken(None), free, try_, block),
            Err(false) => self.acquire_cold(key, Tried::No, free, try_, block),
        }
    }

    /// The same without waiting.
    #[cold]
    #[inline(never)]
    pub(super) fn try_acquire_nested<G>(
        &self,
        key: SiteKey,
        hit: Hit<'_>,
        try_: impl Fn(&R) -> Option<G>,
    ) -> Option<ProfiledGuard<G>> {
        let lock = self.lock_ref();
        match self.try_timed(
            self.engine.own_shard(),
            hit,
            HeldBy::NestingThread { lock, waits: false },
            &try_,
        ) {
            Ok(guard) => Some(guard),
            Err(true) => {
                self.try_failed(key);
                None
            }
            Err(false) => self.try_acquire_cold(key, try_),
        }
    }
}
