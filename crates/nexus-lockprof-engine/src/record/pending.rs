//! Measured acquisitions that are not released yet.
//!
//! A lock's guard carries one word: null, or a pointer to one of these nodes. The acquisition takes
//! the node from its shard's [pool](crate::record::pool) before it enters the critical section.
//! Inside the critical section, plain stores to that known address keep what is measured. The
//! record gets it after the release.

use crate::identity::ThreadBits;
use crate::record::order::Holdable;
use crate::record::statistics::Record;
use crate::record::wait_log::LockRef;
use crate::stacks;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, const_fn};
use Ordering::{Acquire, Relaxed, Release};
use std::ptr::NonNull;

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
    pub(super) looked_at: AtomicU64,
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

    /// Whether it refers to the node at this address.
    #[inline(always)]
    pub(crate) fn is_at(&self, address: *const Pending) -> bool {
        let node = self
            .0
            .map_or(std::ptr::null(), |node| node.as_ptr().cast_const());
        std::ptr::eq(node, address)
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
    /// A node of the shard with this number.
    pub(super) fn new(shard: u64) -> Self {
        Pending {
            shard: shard as u32,
            returned: AtomicBool::new(false),
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
        }
    }

    /// The same, looking as if another thread had returned it.
    pub(super) fn returned(shard: u64) -> Self {
        Pending {
            returned: AtomicBool::new(true),
            ..Pending::new(shard)
        }
    }

    /// Takes back a node that another thread has returned. `false` if none has. Only the owner
    /// calls this.
    pub(super) fn take_returned(&self) -> bool {
        // Acquire: the thread that gave the node back has finished with it. Pairs with
        // `give_back_to_other`.
        let is_returned = self.returned.load(Acquire);
        if is_returned {
            self.returned.store(false, Relaxed);
        }
        is_returned
    }

    /// Clears what [`more`](Self::more) announces.
    #[inline(always)]
    pub(super) fn clear_more(&self) {
        if self.more.load(Relaxed) {
            self.more.store(false, Relaxed);
            self.blocker.store(std::ptr::null_mut(), Relaxed);
            self.last.store(0, Relaxed);
            self.lock.store(0, Relaxed);
            self.how.store(0, Relaxed);
            self.wait_weight.store(0, Relaxed);
            self.noted.clear();
        }
    }

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

    /// Whether it has a hold and nothing [more](Self::more), and belongs to the shard with this
    /// number.
    #[inline(always)]
    pub(crate) fn has_only_a_hold_in(&self, shard: u64) -> bool {
        !self.more.load(Relaxed) && self.is_of(shard)
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
