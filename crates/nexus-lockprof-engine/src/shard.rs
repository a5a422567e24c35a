//! One thread's statistics, and the lease under which the thread writes them.

use crate::governor::Governor;
use crate::hot::HotCache;
use crate::identity::PointKey;
use crate::lease::Lease;
use crate::pending::Pool;
use crate::record::{Owner, Record};
use crate::stacks;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering, bump};
use crate::table::Table;
use Ordering::{Acquire, Relaxed};

/// Causes for which an event is not recorded; indexes a [`Losses`] array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    PointsFull,
    ShardsFull,
    Reentrant,
    ThreadExit,
    Memory,
    Guards,
    Stacks,
}

/// Lost events by cause. In a shard only the owner counts; in an engine anyone, with read-modify-writes.
#[derive(Debug, Default)]
pub(crate) struct Losses([AtomicU64; 7]);

impl Losses {
    pub(crate) const fn new() -> Self {
        Losses([const { AtomicU64::new(0) }; 7])
    }

    /// One more, by the only thread that counts here.
    pub(crate) fn count_as_owner(&self, cause: Loss) {
        bump(&self.0[cause as usize], 1);
    }

    /// One more, by any thread.
    pub(crate) fn count(&self, cause: Loss) {
        self.0[cause as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn get(&self, cause: Loss) -> u64 {
        self.0[cause as usize].load(Relaxed)
    }
}

/// One thread's statistics.
// In this order, so that what a timed acquisition touches besides its record lies together.
#[repr(C, align(64))]
pub(crate) struct Shard {
    pub(crate) hot: HotCache,
    pub(crate) governor: Governor,
    pub(crate) rng: AtomicU64,
    /// Below 2^32: numbers are given to shards that are kept.
    pub(crate) id: u64,
    pub(crate) pool: Pool,
    pub(crate) lease: Lease,
    busy: AtomicBool,
    pub(crate) table: Table,
    pub(crate) stacks: stacks::Table,
    pub(crate) losses: Losses,
    pub(crate) life: Life,
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Shard {
    /// `seed` tells its draws from those of other processes.
    pub(crate) fn try_new(id: u64, seed: u64) -> Option<Self> {
        Some(Shard {
            hot: HotCache::new(),
            id,
            lease: Lease::default(),
            table: Table::try_new()?,
            pool: Pool::try_new(id)?,
            stacks: stacks::Table::default(),
            losses: Losses::default(),
            governor: Governor::new(),
            life: Life::default(),
            rng: AtomicU64::new(
                0x9E37_79B9_7F4A_7C15 ^ seed ^ id.wrapping_mul(0xD1B5_4A32_D192_ED03),
            ),
            busy: AtomicBool::new(false),
        })
    }

    /// Enters the cold path, or not if this thread is in it already.
    ///
    /// The thread comes here a second time when the cold path allocates and the allocator is guarded
    /// by a profiled lock, or when a signal handler takes one.
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        if self.busy.load(Relaxed) {
            self.losses.count_as_owner(Loss::Reentrant);
            return None;
        }
        self.busy.store(true, Relaxed);
        Some(Entered(self))
    }

    /// The record of `key`, made if it is not there yet.
    pub(crate) fn record(
        &self,
        owner: &Owner,
        key: PointKey,
        limits: &Limits<'_>,
    ) -> Result<&Record, Loss> {
        if let Some(record) = self.table.find(owner, key) {
            return Ok(record);
        }
        if self.table.len() >= limits.max_points as u64 || !limits.reserve() {
            return Err(Loss::PointsFull);
        }
        self.table.insert(owner, key).ok_or_else(|| {
            limits.records.fetch_sub(1, Relaxed);
            Loss::Memory
        })
    }
}

/// How long threads have had a shard, in one word: so that a reader never sees half of a change.
///
/// The lowest bit says whether one has it now; then the rest is what there was before, less the time at which
/// this one began. Wraps around as a whole.
#[derive(Debug, Default)]
pub(crate) struct Life(AtomicU64);

impl Life {
    /// A thread takes the shard. The owner's call.
    pub(crate) fn begin(&self, now_ns: u64) {
        let before = self.0.load(Relaxed) >> 1;
        self.0.store(before.wrapping_sub(now_ns) << 1 | 1, Relaxed);
    }

    /// It gives the shard up. The owner's call.
    pub(crate) fn end(&self, now_ns: u64) {
        self.0.store(self.ns(|| now_ns) << 1, Relaxed);
    }

    /// Nanoseconds in all, until now; 0 if the clock was set back by more than that. Any thread's call.
    pub(crate) fn ns(&self, now_ns: impl FnOnce() -> u64) -> u64 {
        // The clock is read after it: it is not behind the beginning that was loaded.
        let word = self.0.load(Acquire);
        let now_ns = if word & 1 == 1 { now_ns() } else { 0 };
        let ns = (word >> 1).wrapping_add(now_ns) & u64::MAX >> 1;
        // The upper half is what is below 0: nothing lasts for 146 years.
        if ns > u64::MAX >> 2 { 0 } else { ns }
    }
}

/// The caps that a new record is held against.
pub(crate) struct Limits<'a> {
    pub(crate) max_points: usize,
    pub(crate) max_records: usize,
    /// Records in all shards.
    pub(crate) records: &'a AtomicUsize,
}

impl Limits<'_> {
    fn reserve(&self) -> bool {
        if self.records.fetch_add(1, Relaxed) < self.max_records {
            return true;
        }
        self.records.fetch_sub(1, Relaxed);
        false
    }
}

/// Being on the cold path; ends when dropped.
pub(crate) struct Entered<'a>(&'a Shard);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.busy.store(false, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_add_up() {
        let life = Life::default();
        assert_eq!(life.ns(|| 1_000), 0);
        life.begin(1_000);
        assert_eq!(life.ns(|| 1_250), 250);
        life.end(1_300);
        assert_eq!(life.ns(|| 9_000), 300);
        life.begin(10_000);
        assert_eq!(life.ns(|| 10_050), 350);
        life.end(10_100);
        assert_eq!(life.ns(|| 0), 400);
    }

    #[test]
    fn a_life_by_a_clock_that_goes_back_is_not_endless() {
        let life = Life::default();
        life.begin(1_000);
        assert_eq!(life.ns(|| 10), 0);
        assert_eq!(life.ns(|| 1_010), 10);
        life.end(10);
        assert_eq!(life.ns(|| 9_000), 0);
    }
}
