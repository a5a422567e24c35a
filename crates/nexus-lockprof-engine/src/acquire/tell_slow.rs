//! A wait or a hold that took long: what the thread that settles it says of it.

use crate::acquire::blame::Shares;
use crate::acquire::thread;
use crate::core::Core;
use crate::identity::{self, PointKey};
use crate::record::loss::Loss;
use crate::record::shard::Shard;
use crate::record::slow_log::{SlowKind, SlowRecord};
use crate::record::thread_info::ThreadId;

impl Core {
    /// Tells of a wait or hold of `key` if it is a slow one. `is_own` says whether this thread did
    /// it. Only the owner of the shard calls this.
    #[inline]
    pub(crate) fn tell_if_slow(
        &self,
        shard: &Shard,
        key: PointKey,
        ns: u64,
        is_own: bool,
        kind: impl FnOnce() -> SlowKind,
    ) {
        if self.slow.is_slow(ns) {
            self.tell_slow(shard, key, ns, is_own, kind());
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_slow(&self, shard: &Shard, key: PointKey, ns: u64, is_own: bool, kind: SlowKind) {
        // Its class keeps its number until the event is delivered.
        identity::retain(key);
        let is_put = self.slow.put(self.clock.coarse_ns(), |dropped| SlowRecord {
            key,
            kind,
            ns,
            threshold_ns: self.slow.threshold_ns(),
            thread: is_own.then(|| ThreadId::current(thread::token())),
            dropped,
        });
        if !is_put {
            identity::release(key);
            shard.losses.count_as_owner(Loss::SlowEvents);
        }
    }
}

impl Shares {
    /// Who gets most of a wait of `total_ns`, and how much.
    pub(crate) fn largest(&self, total_ns: u64) -> Option<(PointKey, u64)> {
        let mut largest: Option<(PointKey, u64)> = None;
        self.divide(total_ns, |key, ns| {
            if largest.is_none_or(|(_, most)| ns > most) {
                largest = Some((key, ns));
            }
        });
        largest
    }
}
