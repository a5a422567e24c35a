//! An acquisition that finds the lock taken, waits for a moment, and is not timed.
//!
//! Where locks are held for a short time, most contended acquisitions are of this kind. There, each
//! nanosecond that a waiter or a new owner spends lowers everybody's throughput. So this path needs
//! no node and no lookup outside the cache. Its bookkeeping is three plain stores, which a longer
//! critical section does not show (decision 9). All other contended acquisitions are in `slow`.

use crate::acquire::engine_ref::{EngineRef, OwnShard};
use crate::core::Core;
use crate::identity::SiteKey;
use crate::record::hot::Hit;
use crate::record::shard::Shard;
use crate::sync::{AtomicU64, Ordering::Relaxed, bump, spin_loop};

/// A short wait in progress.
#[derive(Debug)]
pub struct ShortWait<'a> {
    hit: Hit<'a>,
    shard: &'a Shard,
    core: &'a Core,
    /// Clock ticks at which the lock was found taken, or `None` if nothing is timed.
    since: Option<u64>,
    /// What the lock published at the first look.
    first: Option<SiteKey>,
    /// The holder that was met last.
    met: Option<SiteKey>,
    /// Where this wait is counted as one for that holder.
    blocked: Option<&'a AtomicU64>,
}

impl<'a> Hit<'a> {
    /// The lock was found taken. `None`: this wait is to be timed, so take the slow path.
    ///
    /// Takes as long as a pause. It reads the clock, in case this becomes a long wait.
    #[inline]
    pub fn short_wait<H: EngineRef>(self, engine: &'a H) -> Option<ShortWait<'a>> {
        let waits = &self.record.waits;
        if waits.is_due(self.record.contentions.load(Relaxed)) {
            return None;
        }
        let (OwnShard(shard, _), core) = (engine.own_shard()?, engine.core()?);
        // Without timing, the schedule is `NEVER`, whose weight is 0.
        let since = if waits.weight() == 0 {
            spin_loop();
            None
        } else {
            Some(core.clock.raw_cold())
        };
        Some(ShortWait {
            hit: self,
            shard,
            core,
            since,
            first: None,
            met: None,
            blocked: None,
        })
    }
}

impl ShortWait<'_> {
    /// The lock publishes `holder`, now that the holder has had time to do so. `false`: the cache
    /// does not know that holder, or there is no edge to it yet, so take the slow path.
    #[inline]
    pub fn meets(&mut self, holder: Option<SiteKey>) -> bool {
        let holder = holder.map(SiteKey::known_holder);
        if self.met == holder {
            return true;
        }
        let blocked = holder.and_then(|site| {
            let waiting = self.hit.record.key;
            let holding = waiting.at(site);
            let (hot, edges) = (&self.shard.hot, &self.shard.edges);
            let blocker = hot.find(holding)?;
            match edges.find(waiting, holding) {
                Some(edge) => Some(&edge.waits),
                None => edges.has_no_room().then_some(&blocker.blocked),
            }
        });
        self.met = holder;
        self.blocked = blocked;
        self.first = self.first.or(holder);
        blocked.is_some() || holder.is_none()
    }

    /// Whether it has lasted so long that it is to be recorded as a long wait.
    #[inline]
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.since.is_some_and(|since| self.core.is_long(since))
    }

    /// When the lock was found taken, in clock ticks, and what it published at the first look.
    #[must_use]
    pub fn so_far(&self) -> (Option<u64>, Option<SiteKey>) {
        (self.since, self.first)
    }

    /// The thread owns the lock now. Does a few plain stores.
    ///
    /// # Safety
    /// The same as for [`Hit::commit`].
    #[inline]
    pub unsafe fn acquired(self) {
        self.hit.record.count(true);
        if let Some(blocked) = self.blocked {
            bump(blocked, 1);
        }
    }
}
