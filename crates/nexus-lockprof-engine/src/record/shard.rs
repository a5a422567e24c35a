//! One thread's statistics, and the lease under which the thread writes them.

use crate::identity::PointKey;
use crate::record::governor::Governor;
use crate::record::hot::HotCache;
use crate::record::lease::Lease;
use crate::record::loss::{Loss, Losses};
use crate::record::owner::Owner;
use crate::record::pending::Pool;
use crate::record::statistics::Record;
use crate::record::table::Table;
use crate::stacks;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, array, bump};
use Ordering::{Acquire, Relaxed};

/// Records that each shard may have whatever others have: so that a new thread's hot points are seen.
const RESERVE: u64 = 8;
/// Points whose records may be wanted at one time.
const WANTED: usize = 8;

/// One thread's statistics.
// In this order, so that what a timed acquisition touches besides its record lies together.
#[repr(C, align(64))]
pub(crate) struct Shard {
    pub(crate) hot: HotCache<Shard>,
    pub(crate) governor: Governor,
    pub(crate) rng: AtomicU64,
    /// Below 2^32: numbers are given to shards that are kept.
    pub(crate) id: u64,
    pub(crate) pool: Pool,
    pub(crate) lease: Lease,
    busy: AtomicBool,
    /// Points that want a record, which a signal handler could not make; 0 is none. The owner's alone.
    wanted: [AtomicU64; WANTED],
    /// Whether the thread that had it last is not in this process.
    orphaned: AtomicBool,
    pub(crate) table: Table,
    pub(crate) stacks: stacks::StackTable,
    pub(crate) losses: Losses,
    pub(crate) time_in_use: TimeInUse,
    /// Acquisitions under way on the cold path, and the record of the first of them. The owner's alone.
    under_way: AtomicU64,
    in_use: AtomicPtr<Record>,
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
            stacks: stacks::StackTable::default(),
            losses: Losses::default(),
            governor: Governor::new(),
            time_in_use: TimeInUse::default(),
            rng: AtomicU64::new(
                0x9E37_79B9_7F4A_7C15 ^ seed ^ id.wrapping_mul(0xD1B5_4A32_D192_ED03),
            ),
            busy: AtomicBool::new(false),
            wanted: array![AtomicU64::new(0); WANTED],
            orphaned: AtomicBool::new(false),
            under_way: AtomicU64::new(0),
            in_use: AtomicPtr::default(),
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

    /// Its thread is not in this process, which was forked off. The call of the only thread there is.
    #[cfg(unix)]
    pub(crate) fn orphan(&self, now_ns: u64) {
        self.time_in_use.end(now_ns);
        self.orphaned.store(true, Relaxed);
        self.lease.release();
    }

    /// Whether it can be written by another thread than had it last. The call of who has the lease, and writes nothing yet.
    ///
    /// It cannot if that thread was stopped by a fork in the middle of something: then a record may be half changed, the table may count
    /// one too few, a bank may have a sample without its weight, and `seq` would say the contrary of what is so for good. All that is done
    /// on the cold path, or between an odd and an even `seq`. Of what is done elsewhere, each store leaves a whole; at worst
    /// a node of the pool is in no list.
    pub(crate) fn is_whole(&self) -> bool {
        if !self.orphaned.load(Relaxed) {
            return true;
        }
        let guard = crossbeam_epoch::pin();
        let mut whole = !self.busy.load(Relaxed);
        self.table
            .for_each(&guard, |record| whole &= !record.is_half_changed());
        if whole {
            self.orphaned.store(false, Relaxed);
        }
        whole
    }

    /// Notes that the record of `key` is to be made as soon as that may be. The owner's call.
    ///
    /// Empties the cache, so that the thread's next acquisition that waits comes by the cold path, which makes it.
    pub(crate) fn want(&self, key: PointKey) {
        for wanted in &self.wanted {
            let other = wanted.load(Relaxed);
            if other == key.0 {
                return;
            }
            if other == 0 {
                wanted.store(key.0, Relaxed);
                self.hot.forget();
                return;
            }
        }
    }

    /// Whether there is one to be made.
    #[inline]
    pub(crate) fn has_wanted(&self) -> bool {
        self.wanted[0].load(Relaxed) != 0
    }

    /// Takes those that are to be made. The owner's call.
    pub(crate) fn take_wanted(&self) -> impl Iterator<Item = PointKey> {
        // The first one last: as long as it is there, so may others be.
        let taken = self.wanted.iter().rev().map(|key| key.swap(0, Relaxed));
        taken.filter(|&key| key != 0).map(PointKey)
    }

    /// A record for `key`, which has none, within the caps. The last rest is beyond them: there is one of it for each mode.
    pub(crate) fn insert(
        &self,
        owner: &Owner,
        key: PointKey,
        limits: &Limits<'_>,
    ) -> Result<&Record, Loss> {
        let beyond = key.is_last_rest();
        if self.table.points() >= limits.max_points as u64 && !beyond {
            return Err(Loss::PointsFull);
        }
        let spare = self.table.has_spare();
        if !spare && !limits.reserve(beyond || self.table.held() < RESERVE) {
            return Err(Loss::PointsFull);
        }
        self.table.insert(owner, key).ok_or_else(|| {
            limits.give_back(u64::from(!spare));
            Loss::Memory
        })
    }

    /// An acquisition on the cold path begins, of `record`. The owner's call, once for each [`ends`](Self::ends).
    pub(crate) fn begins(&self, record: &Record) {
        if self.under_way.load(Relaxed) == 0 {
            self.in_use
                .store(std::ptr::from_ref(record).cast_mut(), Relaxed);
        }
        bump(&self.under_way, 1);
    }

    /// It is over. The owner's call.
    #[inline]
    pub(crate) fn ends(&self) {
        bump(&self.under_way, u64::MAX);
    }

    /// A thread takes the shard: whatever the last one had under way, it was killed in it.
    pub(crate) fn begin(&self) {
        self.under_way.store(0, Relaxed);
    }

    /// The record of the acquisition that is under way, or null. `None` if there are several. The owner's call.
    pub(crate) fn in_use(&self) -> Option<*const Record> {
        match self.under_way.load(Relaxed) {
            0 => Some(std::ptr::null()),
            1 => Some(self.in_use.load(Relaxed)),
            _ => None,
        }
    }
}

/// How long threads have had a shard, in one word: so that a reader never sees half of a change.
///
/// The lowest bit says whether one has it now; then the rest is what there was before, less the time at which
/// this one began. Wraps around as a whole.
#[derive(Debug, Default)]
pub(crate) struct TimeInUse(AtomicU64);

impl TimeInUse {
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
    /// `anyway`: also beyond the cap.
    fn reserve(&self, anyway: bool) -> bool {
        if self.records.fetch_add(1, Relaxed) < self.max_records || anyway {
            return true;
        }
        self.give_back(1);
        false
    }

    /// So many records are gone.
    pub(crate) fn give_back(&self, records: u64) {
        self.records.fetch_sub(records as usize, Relaxed);
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
        let time_in_use = TimeInUse::default();
        assert_eq!(time_in_use.ns(|| 1_000), 0);
        time_in_use.begin(1_000);
        assert_eq!(time_in_use.ns(|| 1_250), 250);
        time_in_use.end(1_300);
        assert_eq!(time_in_use.ns(|| 9_000), 300);
        time_in_use.begin(10_000);
        assert_eq!(time_in_use.ns(|| 10_050), 350);
        time_in_use.end(10_100);
        assert_eq!(time_in_use.ns(|| 0), 400);
    }

    #[test]
    fn a_life_by_a_clock_that_goes_back_is_not_endless() {
        let time_in_use = TimeInUse::default();
        time_in_use.begin(1_000);
        assert_eq!(time_in_use.ns(|| 10), 0);
        assert_eq!(time_in_use.ns(|| 1_010), 10);
        time_in_use.end(10);
        assert_eq!(time_in_use.ns(|| 9_000), 0);
    }
}
