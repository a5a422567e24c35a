//! A wait or a hold that took long: what the thread that settles it says of it.

use crate::acquire::shares::Blamed;
use crate::acquire::thread;
use crate::core::Core;
use crate::identity::{self, PointKey, ThreadBits};
use crate::record::loss::Loss;
use crate::record::shard::Shard;
use crate::record::slow_record::{SlowBy, SlowKind, SlowRecord};
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
            self.tell_slow(shard, key, ns, is_own, kind);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_slow(
        &self,
        shard: &Shard,
        key: PointKey,
        ns: u64,
        is_own: bool,
        kind: impl FnOnce() -> SlowKind,
    ) {
        // Its class keeps its number until the event is delivered.
        identity::retain(key);
        let is_put = self.slow.put(self.clock.coarse_ns(), |dropped| SlowRecord {
            key,
            kind: kind(),
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

impl Core {
    /// Names who caused most of a wait.
    pub(crate) fn slow_by(&self, largest: Option<(Blamed, u64)>) -> Option<SlowBy> {
        let (Blamed { key, thread }, ns) = largest?;
        let thread = self.thread_of(thread);
        Some(SlowBy { key, ns, thread })
    }

    /// The thread with this number, even if it has ended, as long as no other has its shard.
    /// Neither allocates nor waits.
    fn thread_of(&self, bits: ThreadBits) -> Option<ThreadId> {
        let threads = self.shards.iter().filter_map(|shard| {
            let thread = shard.thread.read_last()?;
            // Read twice: another thread may just be taking over the shard.
            let is_it = thread.bits() == bits && shard.thread.read_last() == Some(thread);
            is_it.then_some(thread)
        });
        let mut found: Option<ThreadId> = None;
        for thread in threads {
            // A thread may have had two shards.
            if found.is_some_and(|found| found.token != thread.token) {
                return None;
            }
            found = Some(thread);
        }
        found
    }
}
