//! Measured acquisitions that are not released yet.
//!
//! A lock's guard carries one word: null, or a pointer to one of these nodes. The cold path takes
//! the node from its shard's pool before it enters the critical section. Inside the critical
//! section, plain stores to that known address keep what is measured. The record gets it after the
//! release.

use crate::identity::ThreadBits;
use crate::record::order::{HeldLocks, Holdable};
use crate::record::statistics::Record;
use crate::record::wait_log::LockRef;
use crate::stacks;
use crate::sync::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, OnceLock, Ordering, OwnLoad, const_fn,
    sized,
};
use Ordering::{Acquire, Relaxed, Release};
use std::ptr::NonNull;

/// Measured guards that one thread may have alive at first.
const POOL: usize = sized(1, 64);
/// Number of chunks. The second has the size of the first, and each later one doubles it.
const CHUNKS: usize = sized(1, 5);
/// At least one in this many events is measured of a point whose guards take too many nodes.
const MOST_CROWDED: u64 = 1 << 16;

/// One measured acquisition. In its pool's free list, the weights, `more` and the fields that
/// `more` announces are 0.
// A timed hold touches only the first cache line. The second has the rest.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Pending {
    /// Number of the shard it belongs to.
    shard: u32,
    /// A thread that does not own the shard has given it back. The owner still has to put it into
    /// the free list.
    returned: AtomicBool,
    /// Whether it has more than a timed hold: any field of the second cache line, or a `before`.
    pub(crate) more: AtomicBool,
    /// The bit of its place in the pool's `held`, or 0. Only the owner uses it.
    held_in: AtomicU8,
    pub(crate) record: AtomicPtr<Record>,
    /// Number of the acquisition if it is in a sample, or 0.
    pub(crate) number: AtomicU64,
    /// Clock ticks spent on preparing it, if measured, or 0.
    pub(crate) self_timing: AtomicU64,
    /// Weight of the hold, or 0 if the hold is not timed.
    pub(crate) hold_weight: AtomicU64,
    /// Clock ticks.
    pub(crate) hold_start: AtomicU64,
    pub(crate) hold_end: AtomicU64,
    /// The acquisition that this one followed without a release (a downgrade, a condition
    /// variable). In the free list, the next free node.
    pub(crate) before: AtomicPtr<Pending>,

    /// Number of the contention, if the acquisition had to wait.
    pub(crate) contention: AtomicU64,
    /// Record of the point that held the lock when this acquisition first met it, or null.
    pub(crate) blocker: AtomicPtr<Record>,
    /// What the lock published when the wait ended.
    pub(crate) last: AtomicUsize,
    /// Address of the lock on which the thread parked, or 0.
    pub(crate) lock: AtomicUsize,
    /// How it got the lock. From the lowest bit: flags of [`LockRef`] and those below; in 32 bits,
    /// how many were parked when the hold ended, if that was noted; the thread of `blocker`.
    pub(crate) how: AtomicUsize,
    /// Weight of the wait, or 0 if the wait was not timed.
    pub(crate) wait_weight: AtomicU64,
    /// Clock ticks.
    pub(crate) wait_start: AtomicU64,
    /// The stack of the waiting thread.
    pub(crate) noted: stacks::Noted,
    /// Number of the last look for nodes in use, if this node was free then. Only the owner uses
    /// it.
    looked_at: AtomicU64,
}

/// A guard's reference to one measured acquisition, or to none. One word.
#[derive(Debug, Default)]
#[must_use = "a pending reference that is dropped loses its measurement"]
pub struct PendingRef(Option<NonNull<Pending>>);

// SAFETY: the pointer is to a `Pending` of a shard, which is `Sync`. The owner of the pending
// reference has the lock. What it reads through the pointer was written before the lock, or the
// guard, changed hands.
unsafe impl Send for PendingRef {}
// SAFETY: a shared pending reference gives access to nothing. `get` is unsafe, and its caller
// guarantees that the engine is alive.
unsafe impl Sync for PendingRef {}

impl PendingRef {
    /// Nothing measured.
    pub const NONE: PendingRef = PendingRef(None);

    /// Returns whether nothing is measured. This is the one branch of the hot path's release.
    #[inline(always)]
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// A copy, only to look at. It stays in a register, where a reference would keep the pending
    /// reference in memory.
    #[inline(always)]
    pub fn to_look_at(&self) -> Self {
        PendingRef(self.0)
    }

    #[inline]
    pub(crate) fn new(pending: &Pending) -> Self {
        PendingRef(Some(NonNull::from(pending)))
    }

    /// # Safety
    /// The engine of the acquisition is alive. Its pools live as long as the engine.
    #[inline]
    pub(crate) unsafe fn get(&self) -> Option<&Pending> {
        // SAFETY: the caller guarantees that the engine is alive, and the pool that owns the node
        // lives as long.
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

/// Where a lock keeps the pending reference of its holder, if its guards carry nothing: for
/// lock_api before 0.5.
///
/// Only the holder of the lock puts and takes.
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

    /// Keeps the pending reference of the acquisition that was just made. Stores only if there is
    /// something to keep.
    #[inline(always)]
    pub fn put(&self, pending_ref: PendingRef) {
        if !pending_ref.is_none() {
            // Relaxed: the lock itself orders this before the next holder.
            self.0.store(pending_ref.into_raw(), Relaxed);
        }
    }

    /// Takes out what was kept. It belongs to the caller now.
    #[inline(always)]
    pub fn take(&self) -> PendingRef {
        // Relaxed: only the lock's holder takes, and the lock orders an earlier holder's store
        // before this load.
        let kept = PendingRef::from_raw(self.0.load(Relaxed));
        if !kept.is_none() {
            self.0.store(std::ptr::null_mut(), Relaxed);
        }
        kept
    }
}

/// A shard's pool. It grows when it runs out, up to a limit.
#[repr(C)]
pub(crate) struct Pool {
    /// First node of the free list. Only the owner uses it.
    free: AtomicPtr<Pending>,
    /// The nodes of acquisitions that the owner holds, or is about to make.
    pub(crate) held: HeldLocks<Pending>,
    /// How often in a row the pool had no node. Only the owner uses it.
    refused: AtomicU64,
    /// Number of looks for nodes in use. Only the owner uses it.
    looks: AtomicU64,
    shard: u64,
    /// Each chunk is made when all nodes of the earlier ones are in use.
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
            held: HeldLocks::new(),
            refused: AtomicU64::new(0),
            looks: AtomicU64::new(0),
        };
        pool.grow()?;
        // A node must not move once it is in the list, so the new nodes look as if other threads
        // had returned them. The first look for returned nodes finds them.
        Some(pool)
    }

    fn nodes(&self) -> impl Iterator<Item = &Pending> {
        self.chunks
            .iter()
            .map_while(OnceLock::get)
            .flat_map(|chunk| chunk.iter())
    }

    /// Adds a chunk whose nodes look as if other threads had returned them. `None`: there is no
    /// memory, or the limit is reached.
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
            held_in: AtomicU8::new(0),
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

    /// A free node for `record`, if there is one at hand. Only the owner calls this.
    #[inline]
    pub(crate) fn take(&self, record: &Record) -> Option<&Pending> {
        // SAFETY: null, or a node of `chunks`, which lives as long as the pool.
        let node = unsafe { self.free.load(Relaxed).as_ref() }?;
        self.free.store(node.before.load(Relaxed), Relaxed);
        node.before.store(std::ptr::null_mut(), Relaxed);
        node.record
            .store(std::ptr::from_ref(record).cast_mut(), Relaxed);
        Some(node)
    }

    /// Finds free nodes for `record` when none is at hand, and returns whether there is one now.
    /// Takes back what other threads have returned, after `returned` has looked at each, or makes
    /// new nodes. `greedy` makes new ones even if more than half of all nodes belong to this
    /// record. Only the owner calls this.
    ///
    /// A record with long-lived guards must not take all nodes from the others. In a sampling mode
    /// it is then measured more rarely.
    #[cold]
    pub(crate) fn replenish(
        &self,
        record: &Record,
        greedy: bool,
        returned: impl FnMut(&Pending),
    ) -> bool {
        let refused = self.refused.own_load();
        self.refused.store(refused + 1, Relaxed);
        // Looks at all nodes. It skips some looks for a record that has many nodes, if the last
        // looks found none returned.
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

    /// At most one in this many of the record's events may be measured, so that its guards leave
    /// some nodes to others.
    pub(crate) fn least_mean(&self, record: &Record) -> u64 {
        let crowding = record.crowding.own_load();
        if crowding > 1 && !self.free.own_load().is_null() {
            record
                .crowding
                .store(crowding - (crowding / 8).max(1), Relaxed);
        }
        crowding.max(1)
    }

    /// Marks the records to which the nodes in use point, because whoever has such a node reads
    /// them. Returns the mark. Only the owner calls this, after
    /// [`collect_returned`](Self::collect_returned): a node that comes back later still counts as
    /// in use.
    pub(crate) fn pin_records(&self) -> u64 {
        let look = self.looks.own_load() + 1;
        self.looks.store(look, Relaxed);
        let mut free = self.free.own_load();
        // SAFETY: null, or a node of `chunks`, which lives as long as the pool.
        while let Some(node) = unsafe { free.as_ref() } {
            node.looked_at.store(look, Relaxed);
            free = node.before.load(Relaxed);
        }
        let out = self
            .nodes()
            .filter(|node| node.looked_at.own_load() != look);
        for node in out {
            // New nodes point to no record. They enter the list only when the pool looks for
            // returned nodes.
            for record in [&node.record, &node.blocker] {
                // SAFETY: null, or a record that stays as long as the node is in use.
                if let Some(record) = unsafe { record.load(Relaxed).as_ref() } {
                    record.leave.pin(look);
                }
            }
        }
        look
    }

    /// Takes back what other threads have returned, after `returned` has looked at each. Only the
    /// owner calls this.
    pub(crate) fn collect_returned(&self, mut returned: impl FnMut(&Pending)) {
        for node in self.nodes() {
            // Acquire: the thread that gave the node back has finished with it. Pairs with
            // `give_back_to_other`.
            if node.returned.load(Acquire) {
                node.returned.store(false, Relaxed);
                returned(node);
                self.give_back(node);
            }
        }
    }

    /// Returns a node to this pool. Only the owner calls this, once for each `take`.
    #[inline]
    pub(crate) fn give_back(&self, node: &Pending) {
        self.held.remove(node);
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

impl Holdable for Pending {
    #[inline(always)]
    fn held_in(&self) -> &AtomicU8 {
        &self.held_in
    }

    fn is_returned(&self) -> bool {
        // Acquire: the other thread has finished with it. Pairs with `give_back_to_other`.
        self.returned.load(Acquire)
    }
}

impl Pending {
    /// Flag: the point to blame for the wait is not decided until the wait is settled.
    pub(crate) const UNBOOKED: usize = 1 << 8;
    /// Flag: the wait is not measured, but its length is noted, because it may be a slow one.
    pub(crate) const WATCHED: usize = 1 << 9;
    /// Place of the number of waiters in `how`.
    const WAITERS: u32 = 16;
    const MOST_WAITERS: usize = u32::MAX as usize;

    /// Whether its hold needs a start and an end: it is measured, or may count as another's wait.
    #[inline(always)]
    pub(crate) fn has_hold(&self) -> bool {
        self.hold_weight.load(Relaxed) != 0 || self.wait_weight.load(Relaxed) != 0
    }

    /// The lock on which the thread parked.
    pub(crate) fn parked_on(&self) -> LockRef {
        LockRef::from_address(self.lock.load(Relaxed))
    }

    /// Flags of a [`LockRef`](crate::record::wait_log::LockRef).
    pub(crate) fn how_acquired(&self) -> usize {
        self.how.load(Relaxed) & (Self::UNBOOKED - 1)
    }

    /// Notes how many threads were parked when the hold ended. The owner of the guard calls this,
    /// once.
    pub(crate) fn note_waiters(&self, waiters: u32) {
        let how = self.how.load(Relaxed) & !(Self::MOST_WAITERS << Self::WAITERS);
        self.how
            .store(how | (waiters as usize) << Self::WAITERS, Relaxed);
        self.more.store(true, Relaxed);
    }

    /// How many were parked then.
    pub(crate) fn waiters(&self) -> u64 {
        (self.how.load(Relaxed) >> Self::WAITERS & Self::MOST_WAITERS) as u64
    }

    /// The thread that held the lock when this acquisition first met it, if that is known.
    pub(crate) fn blocking_thread(&self) -> ThreadBits {
        ThreadBits::from_word(self.how.load(Relaxed) as u64)
    }

    /// Whether its wait is [watched](Self::WATCHED).
    pub(crate) fn is_watched(&self) -> bool {
        self.how.load(Relaxed) & Self::WATCHED != 0
    }

    /// Whether it belongs to the shard with this number.
    #[inline(always)]
    pub(crate) fn is_of(&self, shard: u64) -> bool {
        self.shard == shard as u32
    }

    /// Returns it to its pool, from a thread that does not own the pool. Call it once for each
    /// `take`.
    pub(crate) fn give_back_to_other(&self) {
        // Release: publishes what this thread wrote to the node. Pairs with the Acquire in
        // `collect_returned`.
        self.returned.store(true, Release);
    }
}
