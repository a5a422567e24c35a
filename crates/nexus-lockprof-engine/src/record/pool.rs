//! A shard's nodes for measured acquisitions.

use crate::record::order::{Held, HeldLocks, MOST_HELD};
use crate::record::pending::Pending;
use crate::record::sole::Sole;
use crate::record::statistics::Record;
use crate::sync::{AtomicPtr, AtomicU64, OnceLock, Ordering::Relaxed, OwnLoad, sized};

/// Measured guards that one thread may have alive at first, besides the sole node's.
const POOL: usize = sized(1, 64);
/// Number of chunks. The second has the size of the first, and each later one doubles it.
const CHUNKS: usize = sized(1, 5);
/// At least one in this many events is measured of a point whose guards take too many nodes.
const MOST_CROWDED: u64 = 1 << 16;

/// A shard's pool. It grows when it runs out, up to a limit.
#[repr(C)]
pub(crate) struct Pool {
    /// The node of an acquisition by a thread that holds nothing else, in the usual case.
    pub(crate) sole: Sole,
    /// The other nodes of acquisitions that the owner holds, or is about to make.
    held: HeldLocks<Pending>,
    /// First node of the free list. Only the owner uses it.
    free: AtomicPtr<Pending>,
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
            sole: Sole::new(shard),
            held: HeldLocks::new(),
            free: AtomicPtr::default(),
            refused: AtomicU64::new(0),
            looks: AtomicU64::new(0),
        };
        pool.grow()?;
        // A node must not move once it is in the list, so the new nodes look as if other threads
        // had returned them. The first look for returned nodes finds them.
        Some(pool)
    }

    /// All nodes but the sole one.
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
        nodes.resize_with(len, || Pending::returned(self.shard));
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
        // If the sole node is free, it leads to no record.
        for node in out.chain([self.sole.node()]) {
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
        for node in self.nodes().chain([self.sole.node()]) {
            if node.take_returned() {
                returned(node);
                self.give_back(node);
            }
        }
    }

    /// Returns a node to this pool. Only the owner calls this, once for each `take`.
    #[inline]
    pub(crate) fn give_back(&self, node: &Pending) {
        if self.sole.is(node) {
            return self.sole.give_back();
        }
        self.held.remove(node);
        node.hold_weight.store(0, Relaxed);
        node.clear_more();
        node.before.store(self.free.load(Relaxed), Relaxed);
        self.free
            .store(std::ptr::from_ref(node).cast_mut(), Relaxed);
    }

    /// Whether the owner holds nothing that is known, and the sole node is free. Only the owner
    /// calls this and all that follow.
    #[inline(always)]
    pub(crate) fn is_unused(&self) -> bool {
        self.sole.is_free() && self.held.is_empty()
    }

    /// Whether the owner holds something that is known.
    #[inline(always)]
    pub(crate) fn holds_some(&self) -> bool {
        !self.held.is_empty() || !self.sole.is_free() && self.sole.is_held()
    }

    /// What the owner holds. Forgets guards that other threads have released.
    pub(crate) fn held(&self) -> impl Iterator<Item = Held<'_, Pending>> {
        self.sole.held().into_iter().chain(self.held.iter())
    }

    /// The owner holds the node's lock, or is about to, and nothing else that is known.
    #[inline(always)]
    pub(crate) fn hold_first(&self, node: &Pending, lock: usize) {
        self.held.push_first(node, lock);
    }

    /// The owner holds one more lock, or is about to. `false` if that is more than can be known.
    pub(crate) fn hold(&self, node: &Pending, lock: usize) -> bool {
        let others = usize::from(self.sole.held().is_some());
        self.held.len() + others < MOST_HELD && self.held.push(node, lock)
    }

    /// The owner does not hold the node's lock any more, though the node stays in use.
    pub(crate) fn leave(&self, node: &Pending) {
        if self.sole.is(node) {
            self.sole.leave();
        } else {
            self.held.remove(node);
        }
    }

    /// A new thread takes the shard over, and holds nothing.
    pub(crate) fn begin(&self) {
        self.held.clear();
        if !self.sole.is_free() {
            self.sole.leave();
        }
    }
}
