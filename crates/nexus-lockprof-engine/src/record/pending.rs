//! Measured acquisitions that are not released yet.
//!
//! A lock's guard carries one word: null, or a pointer to one of these, which the cold path took from
//! its shard's pool before it entered the critical section. What is learnt inside the critical
//! section goes here, in plain stores to a known address; the record gets it after the release.

use crate::record::statistics::Record;
use crate::record::wait_log::LockRef;
use crate::stacks;
use crate::sync::{
    AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, OnceLock, Ordering, OwnLoad, const_fn, sized,
};
use Ordering::{Acquire, Relaxed, Release};
use std::ptr::NonNull;

/// Measured guards that one thread may have alive at one time, to begin with.
const POOL: usize = sized(1, 64);
/// It doubles so often, and once more for the first one.
const CHUNKS: usize = sized(1, 5);
/// The rarest that a point is measured because its guards take too many nodes.
const MOST_CROWDED: u64 = 1 << 16;

/// One measured acquisition. While it is in its pool's free list, the weights, `more` and what goes with it are 0.
// The first cache line is what a timed hold touches, and the second one what else there may be.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Pending {
    /// Number of the shard it belongs to.
    shard: u32,
    /// Given back by a thread that does not own the shard: to be put into the free list by the one that does.
    returned: AtomicBool,
    /// Whether there is more to it than a timed hold: any of the fields of the second line, or what it follows.
    pub(crate) more: AtomicBool,
    pub(crate) record: AtomicPtr<Record>,
    /// Number of the acquisition, if it is one of a sample, or 0.
    pub(crate) number: AtomicU64,
    /// Clock ticks that preparing it took, if that was measured, or 0.
    pub(crate) self_timing: AtomicU64,
    /// Weight of the hold; 0 when it is not timed.
    pub(crate) hold_weight: AtomicU64,
    /// Clock ticks.
    pub(crate) hold_start: AtomicU64,
    pub(crate) hold_end: AtomicU64,
    /// The acquisition that this one followed without a release (a downgrade, a condition variable).
    /// In the free list: the next free one.
    pub(crate) before: AtomicPtr<Pending>,

    /// Number of the contention, when the acquisition had to wait.
    pub(crate) contention: AtomicU64,
    /// Record of the point that held the lock when it was met first, or null.
    pub(crate) blocker: AtomicPtr<Record>,
    /// What the lock published when the wait was over.
    pub(crate) last: AtomicUsize,
    /// Address of the lock that it parked on, or 0.
    pub(crate) lock: AtomicUsize,
    /// How it came to own the lock: flags of [`LockRef`], and [`UNBOOKED`](Self::UNBOOKED).
    pub(crate) how: AtomicUsize,
    /// Weight of the wait; 0 when it was not timed.
    pub(crate) wait_weight: AtomicU64,
    /// Clock ticks.
    pub(crate) wait_start: AtomicU64,
    /// The stack that it waited with.
    pub(crate) noted: stacks::Noted,
    /// Number of the last look at the nodes that are out, if this one was not. The owner's alone.
    looked_at: AtomicU64,
}

/// What a guard carries: nothing, or a measured acquisition. One word.
#[derive(Debug, Default)]
#[must_use = "a pending reference that is dropped loses its measurement"]
pub struct PendingRef(Option<NonNull<Pending>>);

// SAFETY: the pointer is to a `Pending` of a shard, which is `Sync`; whoever has the pending reference has the
// lock, and what is read through it was written before the lock, or the guard, changed hands.
unsafe impl Send for PendingRef {}
// SAFETY: a shared pending reference gives access to nothing; `get` is unsafe, and its caller vouches for the engine.
unsafe impl Sync for PendingRef {}

impl PendingRef {
    /// Nothing measured.
    pub const NONE: PendingRef = PendingRef(None);

    /// Whether nothing is measured: the one branch of the hot path's release.
    #[inline(always)]
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The same once more, only to look at: in a register, where a reference would keep the pending reference in memory.
    #[inline(always)]
    pub fn to_look_at(&self) -> Self {
        PendingRef(self.0)
    }

    #[inline]
    pub(crate) fn new(pending: &Pending) -> Self {
        PendingRef(Some(NonNull::from(pending)))
    }

    /// # Safety
    /// The engine of the acquisition is alive: pools live as long as it.
    #[inline]
    pub(crate) unsafe fn get(&self) -> Option<&Pending> {
        // SAFETY: the caller's.
        self.0.map(|pointer| unsafe { &*pointer.as_ptr() })
    }

    #[inline]
    pub(crate) fn into_raw(self) -> *mut Pending {
        self.0.map_or(std::ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    pub(crate) fn from_raw(pointer: *mut Pending) -> Self {
        PendingRef(NonNull::new(pointer))
    }
}

/// Where a lock keeps the pending reference of its holder, if its guards carry nothing: for lock_api before 0.5.
///
/// Only who holds the lock puts or takes.
#[derive(Debug, Default)]
pub struct PendingRefCell(AtomicPtr<Pending>);

impl PendingRefCell {
    const_fn! {
        /// Keeps nothing.
        #[must_use]
        pub fn new() -> Self {
            PendingRefCell(AtomicPtr::new(std::ptr::null_mut()))
        }
    }

    /// Keeps the pending reference of the acquisition that was just made: a store only if there is something to keep.
    #[inline(always)]
    pub fn put(&self, pending_ref: PendingRef) {
        if !pending_ref.is_none() {
            // Relaxed: the lock itself orders this before the next holder.
            self.0.store(pending_ref.into_raw(), Relaxed);
        }
    }

    /// What was kept, which is the caller's now.
    #[inline(always)]
    pub fn take(&self) -> PendingRef {
        // Relaxed: as above.
        let kept = PendingRef::from_raw(self.0.load(Relaxed));
        if !kept.is_none() {
            self.0.store(std::ptr::null_mut(), Relaxed);
        }
        kept
    }
}

/// A shard's pool. It grows when it runs out, up to a bound.
#[repr(C)]
pub(crate) struct Pool {
    /// First of the free list. The owner's alone.
    free: AtomicPtr<Pending>,
    /// How often in a row there was none. The owner's alone.
    refused: AtomicU64,
    /// How often it was looked which nodes are out. The owner's alone.
    looks: AtomicU64,
    shard: u64,
    /// Each made when all before it are in use.
    chunks: [OnceLock<Box<[Pending]>>; CHUNKS],
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("nodes", &self.nodes().count())
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(crate) fn try_new(shard: u64) -> Option<Self> {
        let pool = Pool {
            shard,
            chunks: std::array::from_fn(|_| OnceLock::new()),
            free: AtomicPtr::default(),
            refused: AtomicU64::new(0),
            looks: AtomicU64::new(0),
        };
        pool.grow()?;
        // As if given back by others, since a node does not move once it is in the list: the first one that looks finds them.
        Some(pool)
    }

    fn nodes(&self) -> impl Iterator<Item = &Pending> {
        self.chunks
            .iter()
            .map_while(OnceLock::get)
            .flat_map(|chunk| chunk.iter())
    }

    /// Another chunk, as if given back by others. `None`: there is no memory, or there may be no more.
    fn grow(&self) -> Option<()> {
        let chunk = self.chunks.iter().position(|chunk| chunk.get().is_none())?;
        let len = POOL << chunk.saturating_sub(1);
        let mut nodes = Vec::new();
        nodes.try_reserve_exact(len).ok()?;
        nodes.resize_with(len, || Pending {
            shard: self.shard as u32,
            returned: AtomicBool::new(true),
            record: AtomicPtr::default(),
            number: AtomicU64::new(0),
            self_timing: AtomicU64::new(0),
            hold_weight: AtomicU64::new(0),
            hold_start: AtomicU64::new(0),
            hold_end: AtomicU64::new(0),
            more: AtomicBool::new(false),
            contention: AtomicU64::new(0),
            blocker: AtomicPtr::default(),
            last: AtomicUsize::new(0),
            lock: AtomicUsize::new(0),
            how: AtomicUsize::new(0),
            wait_weight: AtomicU64::new(0),
            wait_start: AtomicU64::new(0),
            noted: stacks::Noted::new(),
            before: AtomicPtr::default(),
            looked_at: AtomicU64::new(0),
        });
        self.chunks[chunk].get_or_init(|| nodes.into_boxed_slice());
        Some(())
    }

    /// A free one, for `record`, if there is one at hand. The owner's call.
    #[inline]
    pub(crate) fn take(&self, record: &Record) -> Option<&Pending> {
        // SAFETY: null, or a node of `chunks`.
        let node = unsafe { self.free.load(Relaxed).as_ref() }?;
        self.free.store(node.before.load(Relaxed), Relaxed);
        node.before.store(std::ptr::null_mut(), Relaxed);
        node.record
            .store(std::ptr::from_ref(record).cast_mut(), Relaxed);
        Some(node)
    }

    /// There is none at hand, for `record`: takes back what other threads have returned, each after a look at it by
    /// `returned`, or makes new ones. `greedy`: also if half of all are this record's. Whether there is one now. The owner's call.
    ///
    /// A record whose guards live long must not take all from the others: by sample, it is then measured more rarely.
    #[cold]
    pub(crate) fn replenish(
        &self,
        record: &Record,
        greedy: bool,
        returned: impl FnMut(&Pending),
    ) -> bool {
        let refused = self.refused.own_load();
        self.refused.store(refused + 1, Relaxed);
        // All are looked at: not each time, if none came back the last times, for a record that has many already.
        let often = refused & refused.saturating_sub(1).min(63) == 0;
        if !often && record.crowding.own_load() > 1 {
            return self.refuse(record);
        }
        self.collect_returned(returned);
        if self.free.own_load().is_null() {
            let here = |node: &&Pending| std::ptr::eq(node.record.load(Relaxed), record);
            let (its, all) = (self.nodes().filter(here).count(), self.nodes().count());
            if (greedy || 2 * its <= all) && self.grow().is_some() {
                self.collect_returned(|_| ());
            }
        }
        if self.free.own_load().is_null() {
            return self.refuse(record);
        }
        self.refused.store(0, Relaxed);
        true
    }

    fn refuse(&self, record: &Record) -> bool {
        let crowding = (2 * record.crowding.own_load().max(1)).min(MOST_CROWDED);
        record.crowding.store(crowding, Relaxed);
        false
    }

    /// One in so many of this record's events may be measured, so that its guards leave some nodes to others.
    pub(crate) fn least_mean(&self, record: &Record) -> u64 {
        let crowding = record.crowding.own_load();
        if crowding > 1 && !self.free.own_load().is_null() {
            record
                .crowding
                .store(crowding - (crowding / 8).max(1), Relaxed);
        }
        crowding.max(1)
    }

    /// Marks the records that nodes lead to which are out: whoever has such a node reads them. The mark that they have then.
    /// The owner's call, after [`collect_returned`](Self::collect_returned): a node that comes back later is still out.
    pub(crate) fn pin_records(&self) -> u64 {
        let look = self.looks.own_load() + 1;
        self.looks.store(look, Relaxed);
        let mut free = self.free.own_load();
        // SAFETY: null, or a node of `chunks`.
        while let Some(node) = unsafe { free.as_ref() } {
            node.looked_at.store(look, Relaxed);
            free = node.before.load(Relaxed);
        }
        let out = self
            .nodes()
            .filter(|node| node.looked_at.own_load() != look);
        for node in out {
            // New nodes lead nowhere, and are not in the list before they are looked for.
            for record in [&node.record, &node.blocker] {
                // SAFETY: null, or a record that stays as long as the node is out.
                if let Some(record) = unsafe { record.load(Relaxed).as_ref() } {
                    record.leave.pinned.store(look, Relaxed);
                }
            }
        }
        look
    }

    /// Takes back what other threads have returned, each after a look at it by `returned`. The owner's call.
    pub(crate) fn collect_returned(&self, mut returned: impl FnMut(&Pending)) {
        for node in self.nodes() {
            // Acquire: the thread that gave it back is done with it; pairs with `give_back_to_other`.
            if node.returned.load(Acquire) {
                node.returned.store(false, Relaxed);
                returned(node);
                self.give_back(node);
            }
        }
    }

    /// Returns one of this pool. The owner's call, once for each `take`.
    #[inline]
    pub(crate) fn give_back(&self, node: &Pending) {
        node.hold_weight.store(0, Relaxed);
        if node.more.load(Relaxed) {
            node.more.store(false, Relaxed);
            node.blocker.store(std::ptr::null_mut(), Relaxed);
            node.last.store(0, Relaxed);
            node.lock.store(0, Relaxed);
            node.how.store(0, Relaxed);
            node.wait_weight.store(0, Relaxed);
            node.noted.clear();
        }
        node.before.store(self.free.load(Relaxed), Relaxed);
        self.free
            .store(std::ptr::from_ref(node).cast_mut(), Relaxed);
    }
}

impl Pending {
    /// Who is counted as having kept it waiting is decided when the wait is settled.
    pub(crate) const UNBOOKED: usize = 1 << 8;

    /// Whether its hold has a beginning and is to have an end: it is measured, or may be another's wait.
    #[inline(always)]
    pub(crate) fn has_hold(&self) -> bool {
        self.hold_weight.load(Relaxed) != 0 || self.wait_weight.load(Relaxed) != 0
    }

    /// The lock that it parked on.
    pub(crate) fn parked_on(&self) -> LockRef {
        LockRef::from_address(self.lock.load(Relaxed))
    }

    /// Flags of a [`LockRef`](crate::record::wait_log::LockRef).
    pub(crate) fn how_acquired(&self) -> usize {
        self.how.load(Relaxed) & !Self::UNBOOKED
    }

    /// Whether it is of the shard with this number.
    #[inline(always)]
    pub(crate) fn is_of(&self, shard: u64) -> bool {
        self.shard == shard as u32
    }

    /// Returns it to its pool, from a thread that does not own that. Once for each `take`.
    pub(crate) fn give_back_to_other(&self) {
        // Release: pairs with the Acquire in `collect_returned`.
        self.returned.store(true, Release);
    }
}
