//! The node of a measured acquisition by a thread that holds nothing else.
//!
//! In `Exact` mode, most acquisitions need one node at a time. This one is in no list: to take it
//! is one store, and to give it back another.

use crate::record::order::{Held, Holdable};
use crate::record::pending::Pending;
use crate::record::statistics::Record;
use crate::sync::{AtomicUsize, Ordering::Relaxed, OwnLoad};
use std::mem::offset_of;
use std::ptr::{from_ref, null_mut};
use std::sync::atomic::{Ordering::SeqCst, compiler_fence};

/// A node that is free if it leads to no record. Then it is as [`Sole::new`] has made it, but for
/// its times.
///
/// A signal handler may take it between any two instructions, but only if it is free, and gives it
/// back before it returns. So the store that takes it comes first, and the store that gives it back
/// last.
pub(crate) struct Sole {
    node: Pending,
    /// Address of the lock. Only the owner uses it.
    lock: AtomicUsize,
}

impl std::fmt::Debug for Sole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sole").finish_non_exhaustive()
    }
}

impl Sole {
    /// Where it has its node, in bytes.
    pub(crate) const NODE: usize = offset_of!(Sole, node);

    pub(crate) fn new(shard: u64) -> Self {
        let node = Pending::new(shard);
        node.hold_weight.store(1, Relaxed);
        node.held_in().store(1, Relaxed);
        Sole {
            node,
            lock: AtomicUsize::new(0),
        }
    }

    pub(crate) fn node(&self) -> &Pending {
        &self.node
    }

    /// Whether it is this node.
    pub(crate) fn is(&self, node: &Pending) -> bool {
        std::ptr::eq(node, &raw const self.node)
    }

    /// Whether it can be taken. Only the owner calls this and all that follow.
    #[inline(always)]
    pub(crate) fn is_free(&self) -> bool {
        self.node.record.own_load().is_null()
    }

    /// Takes it, if it is free, for an acquisition of `lock` that the owner is about to make.
    #[inline(always)]
    pub(crate) fn take(&self, record: &Record, lock: usize) {
        self.node.record.store(from_ref(record).cast_mut(), Relaxed);
        // A compiler fence suffices, because a signal handler runs in this thread.
        compiler_fence(SeqCst);
        self.lock.store(lock, Relaxed);
    }

    /// The node, if it has nothing [more](Pending::more) than a hold of weight 1 that the owner has
    /// had all the time.
    #[inline(always)]
    pub(crate) fn with_only_a_hold(&self) -> Option<&Pending> {
        (!self.node.more.load(Relaxed)).then_some(&self.node)
    }

    /// Gives it back, if it has nothing more.
    #[inline(always)]
    pub(crate) fn give_back_hold(&self) {
        compiler_fence(SeqCst);
        self.node.record.store(null_mut(), Relaxed);
    }

    /// Gives it back in any case.
    pub(crate) fn give_back(&self) {
        self.node.clear_more();
        self.node.before.store(null_mut(), Relaxed);
        self.node.held_in().store(1, Relaxed);
        self.give_back_hold();
    }

    /// The owner does not hold the lock any more, though the node stays in use.
    pub(crate) fn leave(&self) {
        self.node.held_in().store(0, Relaxed);
        self.node.more.store(true, Relaxed);
    }

    /// Whether the owner still holds the lock, if the node is in use. Takes the node back if
    /// another thread has returned it.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_held(&self) -> bool {
        if self.node.take_returned() {
            self.give_back();
            return false;
        }
        self.node.held_in().load(Relaxed) != 0
    }

    /// What the owner holds with it.
    pub(crate) fn held(&self) -> Option<Held<'_, Pending>> {
        (!self.is_free() && self.is_held()).then(|| Held {
            pending: &self.node,
            lock: self.lock.load(Relaxed),
        })
    }
}
