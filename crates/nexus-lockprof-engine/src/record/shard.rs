//! One thread's statistics, and the lease under which the thread writes them.

use crate::identity::PointKey;
use crate::record::edges::EdgeTable;
use crate::record::governor::Governor;
use crate::record::hot::HotCache;
use crate::record::instances::Instances;
use crate::record::lease::Lease;
use crate::record::loss::{Loss, Losses};
use crate::record::order::SeenPairs;
use crate::record::owner::Owner;
use crate::record::pool::Pool;
use crate::record::statistics::Record;
use crate::record::table::Table;
use crate::record::thread_info::ThreadSlot;
use crate::record::thread_start::ThreadStart;
use crate::record::waiting::WaitSlot;
use crate::stacks;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, array, bump};
use Ordering::{Acquire, Relaxed};

/// Records that every shard may have, even when all others are full. They show a new thread's hot
/// points.
const RESERVE: u64 = 8;
/// How many points can wait for a record at one time.
const WANTED: usize = 8;

/// One thread's statistics.
// This order keeps together what a timed acquisition touches besides its record.
#[repr(C, align(64))]
pub(crate) struct Shard {
    pub(crate) hot: HotCache<Shard>,
    pub(crate) governor: Governor,
    pub(crate) rng: AtomicU64,
    /// Below 2^32, because only shards that are kept get a number.
    pub(crate) id: u64,
    pub(crate) pool: Pool,
    pub(crate) lease: Lease,
    busy: AtomicBool,
    /// Points for which a signal handler could not make a record; 0 means none. Only the owner uses
    /// them.
    wanted: [AtomicU64; WANTED],
    /// Whether a fork left the shard's last thread behind in the parent process.
    orphaned: AtomicBool,
    pub(crate) table: Table,
    pub(crate) stacks: stacks::StackTable,
    pub(crate) losses: Losses,
    pub(crate) edges: EdgeTable,
    pub(crate) instances: Instances,
    pub(crate) pairs: SeenPairs,
    pub(crate) time_in_use: TimeInUse,
    pub(crate) thread: ThreadSlot,
    pub(crate) thread_start: ThreadStart,
    pub(crate) waiting: WaitSlot,
    /// Acquisitions in progress on the cold path, and the record of the first one. Only the owner
    /// uses them.
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
    /// `seed` makes this shard's random draws differ from those of other processes.
    pub(crate) fn try_new(id: u64, seed: u64) -> Option<Self> {
        Some(Shard {
            hot: HotCache::new(),
            id,
            lease: Lease::default(),
            table: Table::try_new()?,
            pool: Pool::try_new(id)?,
            stacks: stacks::StackTable::default(),
            losses: Losses::default(),
            edges: EdgeTable::new(),
            instances: Instances::default(),
            pairs: SeenPairs::new(),
            governor: Governor::new(),
            time_in_use: TimeInUse::default(),
            thread: ThreadSlot::default(),
            thread_start: ThreadStart::default(),
            waiting: WaitSlot::default(),
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

    /// Enters the cold path. Returns `None` if this thread is in it already.
    ///
    /// A thread comes here a second time when the cold path allocates and a profiled lock guards
    /// the allocator. It also does when a signal handler takes a profiled lock.
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        if self.busy.load(Relaxed) {
            self.losses.count_as_owner(Loss::Reentrant);
            return None;
        }
        self.busy.store(true, Relaxed);
        Some(Entered(self))
    }

    /// Marks the shard as orphaned: this process was forked, and the shard's thread stayed in the
    /// parent. The caller is the only thread in the process.
    #[cfg(unix)]
    pub(crate) fn orphan(&self, now_ns: u64) {
        self.time_in_use.end(now_ns);
        self.waiting.abandon();
        self.thread.clear();
        self.orphaned.store(true, Relaxed);
        self.lease.release();
    }

    /// Whether a new thread can write this shard. The caller holds the lease and has not written
    /// yet.
    ///
    /// It cannot if a fork stopped the last thread in the middle of a change. Then a record may be
    /// half changed, the table may count one too few, or a bank may have a sample without its
    /// weight. Its sequence would say for ever that an update is under way. All such changes happen
    /// on the cold path, or in an update of a sequence. Elsewhere, each single store leaves a
    /// consistent state. At worst, a node of the pool is in no list.
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

    /// Notes that `key` needs a record as soon as one can be made. Only the owner calls this.
    ///
    /// Empties the cache, so the thread's next acquisition that waits takes the cold path, which
    /// makes the record.
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

    /// Whether a point waits for a record.
    #[inline]
    pub(crate) fn has_wanted(&self) -> bool {
        self.wanted[0].load(Relaxed) != 0
    }

    /// Takes the points that wait for a record. Only the owner calls this.
    pub(crate) fn take_wanted(&self) -> impl Iterator<Item = PointKey> {
        // Takes the first entry last: while it is set, there may be others.
        let taken = self.wanted.iter().rev().map(|key| key.swap(0, Relaxed));
        taken.filter(|&key| key != 0).map(PointKey)
    }

    /// Makes a record for `key`, which has none, within the caps. The last rest, one for each mode,
    /// ignores the caps.
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

    /// An acquisition of `record` begins on the cold path. Only the owner calls this, once for each
    /// [`ends`](Self::ends).
    pub(crate) fn begins(&self, record: &Record) {
        if self.under_way.load(Relaxed) == 0 {
            self.in_use
                .store(std::ptr::from_ref(record).cast_mut(), Relaxed);
        }
        bump(&self.under_way, 1);
    }

    /// The acquisition ends. Only the owner calls this.
    #[inline]
    pub(crate) fn ends(&self) {
        bump(&self.under_way, u64::MAX);
    }

    /// A new thread takes the shard. Whatever acquisition the last thread had in progress died with
    /// it.
    pub(crate) fn begin(&self) {
        self.under_way.store(0, Relaxed);
        self.pool.begin();
        self.waiting.abandon();
    }

    /// Whether several acquisitions are in progress. Only the owner calls this.
    pub(crate) fn has_several_under_way(&self) -> bool {
        self.under_way.load(Relaxed) > 1
    }

    /// The record of the one acquisition in progress, or null for none. `None` if there are
    /// several. Only the owner calls this.
    pub(crate) fn in_use(&self) -> Option<*const Record> {
        match self.under_way.load(Relaxed) {
            0 => Some(std::ptr::null()),
            1 => Some(self.in_use.load(Relaxed)),
            _ => None,
        }
    }
}

/// How long threads have had a shard. One word, so a reader never sees half of a change.
///
/// The lowest bit says whether a thread has the shard now. If so, the other bits are the earlier
/// total minus the time at which this thread took it. Otherwise they are the total. The value wraps
/// around as a whole.
#[derive(Debug, Default)]
pub(crate) struct TimeInUse(AtomicU64);

impl TimeInUse {
    /// A thread takes the shard. Only the owner calls this.
    pub(crate) fn begin(&self, now_ns: u64) {
        let before = self.0.load(Relaxed) >> 1;
        self.0.store(before.wrapping_sub(now_ns) << 1 | 1, Relaxed);
    }

    /// The thread gives the shard up. Only the owner calls this.
    pub(crate) fn end(&self, now_ns: u64) {
        self.0.store(self.ns(|| now_ns) << 1, Relaxed);
    }

    /// Total nanoseconds until now; 0 if the clock was set back by more than that. Any thread may
    /// call this.
    pub(crate) fn ns(&self, now_ns: impl FnOnce() -> u64) -> u64 {
        // Acquire: the clock is read after this load, so it is not behind the start that was
        // loaded.
        let word = self.0.load(Acquire);
        let now_ns = if word & 1 == 1 { now_ns() } else { 0 };
        let ns = (word >> 1).wrapping_add(now_ns) & u64::MAX >> 1;
        // The upper half of the range stands for negative values: no shard lives for 146 years.
        if ns > u64::MAX >> 2 { 0 } else { ns }
    }
}

/// The caps that limit new records.
pub(crate) struct Limits<'a> {
    pub(crate) max_points: usize,
    pub(crate) max_records: usize,
    /// Records in all shards.
    pub(crate) records: &'a AtomicUsize,
}

impl Limits<'_> {
    /// `anyway` ignores the cap.
    fn reserve(&self, anyway: bool) -> bool {
        if self.records.fetch_add(1, Relaxed) < self.max_records || anyway {
            return true;
        }
        self.give_back(1);
        false
    }

    /// Gives back the places of this many records.
    pub(crate) fn give_back(&self, records: u64) {
        self.records.fetch_sub(records as usize, Relaxed);
    }
}

/// Marks the thread as being on the cold path until it is dropped.
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
