//! The edges of one shard: the owner's hash table, and the list that collections walk.

use super::edge::{Edge, EdgeChain, EdgeLimits, State};
use crate::identity;
use crate::identity::PointKey;
use crate::record::memory::try_box;
use crate::record::owner::Owner;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering, OwnLoad, bump, sized};
use Ordering::{Acquire, Relaxed, Release};

const FIRST_BUCKETS: usize = sized(1, 16);
/// While there is no room, one in this many requests looks for idle edges.
const PATIENCE: u64 = sized(1, 64);

struct Buckets(Box<[AtomicPtr<Edge>]>);

/// The edges of one shard.
pub(crate) struct EdgeTable {
    /// The hash table, or null before the first edge. Only the owner uses it.
    buckets: AtomicPtr<Buckets>,
    /// All edges.
    all: AtomicPtr<Edge>,
    /// Free edges. Only the owner uses them.
    free: AtomicPtr<Edge>,
    /// Number of edges in the hash table, and of all. Only the owner uses them.
    len: AtomicU64,
    held: AtomicU64,
    /// Whether the last request found no room, and the number of such requests since the last
    /// sweep. Only the owner uses them.
    is_full: AtomicBool,
    refused: AtomicU64,
    /// The edge of the wait that is under way. Only the owner uses it.
    in_use: AtomicPtr<Edge>,
}

impl Buckets {
    fn try_new(len: usize) -> Option<*mut Self> {
        let mut buckets = Vec::new();
        buckets.try_reserve_exact(len).ok()?;
        buckets.resize_with(len, || AtomicPtr::new(std::ptr::null_mut()));
        try_box(Buckets(buckets.into_boxed_slice())).map(Box::into_raw)
    }

    fn bucket(&self, waiting: PointKey, holding: PointKey) -> &AtomicPtr<Edge> {
        let hash = waiting.hash() ^ holding.hash().rotate_left(21);
        &self.0[(hash >> 40) as usize & (self.0.len() - 1)]
    }
}

impl EdgeTable {
    pub(crate) fn new() -> Self {
        EdgeTable {
            buckets: AtomicPtr::new(std::ptr::null_mut()),
            all: AtomicPtr::new(std::ptr::null_mut()),
            free: AtomicPtr::new(std::ptr::null_mut()),
            len: AtomicU64::new(0),
            held: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            in_use: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    fn buckets(&self) -> Option<&Buckets> {
        // SAFETY: null, or the buckets. Only the owner replaces them, and no reference to the old
        // ones outlives that.
        unsafe { self.buckets.own_load().as_ref() }
    }

    /// The edge between these points, if there is one. Only the owner calls this.
    pub(crate) fn find(&self, waiting: PointKey, holding: PointKey) -> Option<&Edge> {
        let mut edge = self.buckets()?.bucket(waiting, holding).own_load();
        // SAFETY: null, or an edge of this shard, which lives as long as the thread has the shard.
        while let Some(this) = unsafe { edge.as_ref() } {
            if this.is(waiting, holding) {
                return Some(this);
            }
            edge = this.next.own_load();
        }
        None
    }

    /// Makes the edge between these points, which is not there. `None`: there is no room. Only the
    /// owner calls this.
    pub(crate) fn insert(
        &self,
        _owner: &Owner,
        waiting: PointKey,
        holding: PointKey,
        limits: &EdgeLimits<'_>,
    ) -> Option<&Edge> {
        let made = self.try_insert(waiting, holding, limits);
        self.is_full.store(made.is_none(), Relaxed);
        made
    }

    fn try_insert(
        &self,
        waiting: PointKey,
        holding: PointKey,
        limits: &EdgeLimits<'_>,
    ) -> Option<&Edge> {
        self.make_buckets()?;
        let edge = self.take_free().or_else(|| self.allocate(limits))?;
        identity::retain(waiting);
        identity::retain(holding);
        edge.waiting.store(waiting.0, Relaxed);
        edge.holding.store(holding.0, Relaxed);
        let bucket = self.buckets()?.bucket(waiting, holding);
        edge.next.store(bucket.own_load(), Relaxed);
        bucket.store(std::ptr::from_ref(edge).cast_mut(), Relaxed);
        bump(&self.len, 1);
        // Release: whoever sees that it is live sees its points, and counters from 0. Pairs with
        // `for_each`.
        edge.state.store(State::Live as u32, Release);
        Some(edge)
    }

    fn allocate(&self, limits: &EdgeLimits<'_>) -> Option<&Edge> {
        if !limits.reserve(self.held.own_load()) {
            return None;
        }
        let Some(edge) = try_box(Edge::new()) else {
            limits.give_back(1);
            return None;
        };
        bump(&self.held, 1);
        let edge = Box::into_raw(edge);
        // SAFETY: just made; it lives as long as the thread has the shard.
        let made = unsafe { &*edge };
        made.after.store(self.all.own_load(), Relaxed);
        // Release: whoever sees the edge sees that it is free, and the next one. Pairs with
        // `for_each`.
        self.all.store(edge, Release);
        Some(made)
    }

    fn take_free(&self) -> Option<&Edge> {
        // SAFETY: null, or an edge of this shard, which lives as long as the thread has the shard.
        let edge = unsafe { self.free.own_load().as_ref() }?;
        self.free.store(edge.next.own_load(), Relaxed);
        Some(edge)
    }

    /// Makes the hash table, or one of twice the size if it is full.
    ///
    /// Allocating may come back here, if a profiled lock guards the allocator. So it allocates and
    /// frees only while the table is as it should be.
    fn make_buckets(&self) -> Option<()> {
        let old = self.buckets.own_load();
        let size = match self.buckets() {
            None => FIRST_BUCKETS,
            Some(buckets) if self.len.own_load() >= buckets.0.len() as u64 => 2 * buckets.0.len(),
            Some(_) => return Some(()),
        };
        let Some(new) = Buckets::try_new(size) else {
            // The old one does.
            return (!old.is_null()).then_some(());
        };
        // SAFETY: just made, and nobody else has it.
        let buckets = unsafe { &*new };
        for edge in self
            .iter_as_owner()
            .filter(|edge| edge.has_state(State::Live, Relaxed))
        {
            let bucket = buckets.bucket(edge.waiting(), edge.holding());
            edge.next.store(bucket.own_load(), Relaxed);
            bucket.store(std::ptr::from_ref(edge).cast_mut(), Relaxed);
        }
        self.buckets.store(new, Relaxed);
        if !old.is_null() {
            // SAFETY: made by `Box::into_raw`, and nobody has it any more.
            drop(unsafe { Box::from_raw(old) });
        }
        Some(())
    }

    /// All edges, as their owner sees them.
    fn iter_as_owner(&self) -> impl Iterator<Item = &Edge> {
        // SAFETY: null, or an edge of this shard, which lives as long as the thread has the shard.
        let deref = |edge: *mut Edge| unsafe { edge.as_ref() };
        std::iter::successors(deref(self.all.own_load()), move |edge| {
            deref(edge.after.own_load())
        })
    }

    /// Whether it is in vain to ask for an edge that is not there. `false` now and then, so that
    /// idle edges make room. Only the owner calls this.
    pub(crate) fn has_no_room(&self) -> bool {
        let is_full = self.is_full.load(Relaxed) && !self.is_time_to_sweep();
        if is_full {
            bump(&self.refused, 1);
        }
        is_full
    }

    fn is_time_to_sweep(&self) -> bool {
        self.refused.own_load() >= PATIENCE
    }

    /// Notes a request for which there was no room. `true`: now is the time to look for idle edges.
    /// Only the owner calls this.
    pub(crate) fn refuse(&self) -> bool {
        let sweeps = self.is_time_to_sweep();
        let refused = if sweeps { 0 } else { self.refused.own_load() };
        self.refused.store(refused + 1, Relaxed);
        sweeps
    }

    /// The wait that is under way counts at this edge, so it stays. Only the owner calls this.
    pub(crate) fn uses(&self, edge: Option<&Edge>) {
        let edge = edge.map_or(std::ptr::null(), std::ptr::from_ref);
        self.in_use.store(edge.cast_mut(), Relaxed);
    }

    /// Takes out the edges that `choose` accepts, to be taken over. Returns whether there were any.
    /// Only the owner calls this.
    pub(crate) fn evict(&self, _owner: &Owner, mut choose: impl FnMut(&Edge) -> bool) -> bool {
        let in_use = self.in_use.own_load().cast_const();
        let mut evicted = false;
        for edge in self.iter_as_owner() {
            if edge.has_state(State::Live, Relaxed) && !std::ptr::eq(edge, in_use) && choose(edge) {
                self.unlink(edge);
                // Release: whoever takes it over sees all its counts. Pairs with `for_each`.
                edge.state.store(State::Leaving as u32, Release);
                evicted = true;
            }
        }
        evicted
    }

    fn unlink(&self, edge: &Edge) {
        let Some(buckets) = self.buckets() else {
            return;
        };
        let mut link = buckets.bucket(edge.waiting(), edge.holding());
        // SAFETY: null, or an edge of this shard, which lives as long as the thread has the shard.
        while let Some(this) = unsafe { link.own_load().as_ref() } {
            if std::ptr::eq(this, edge) {
                link.store(edge.next.own_load(), Relaxed);
                bump(&self.len, u64::MAX);
                return;
            }
            link = &this.next;
        }
    }

    /// Takes out the edges that had no wait since the last call. Only the owner calls this.
    pub(crate) fn evict_idle(&self, owner: &Owner) -> bool {
        self.evict(owner, Edge::is_idle)
    }

    /// Calls `f` with the edges that had a wait since the last sweep. Only the owner calls this.
    pub(crate) fn for_each_busy(&self, _owner: &Owner, mut f: impl FnMut(&Edge)) {
        let live = |edge: &&Edge| edge.has_state(State::Live, Relaxed);
        for edge in self.iter_as_owner().filter(live) {
            if !edge.is_idle() {
                f(edge);
            }
        }
    }

    /// Makes the edges free that were taken over. Only the owner calls this.
    pub(crate) fn reclaim(&self, _owner: &Owner) {
        for edge in self.iter_as_owner() {
            // Acquire: the aggregator has read it for the last time. Pairs with `for_each`.
            if edge.has_state(State::TakenOver, Acquire) {
                edge.waits.store(0, Relaxed);
                edge.waited_ns.store(0, Relaxed);
                edge.swept.store(u64::MAX, Relaxed);
                edge.state.store(State::Free as u32, Relaxed);
                edge.next.store(self.free.own_load(), Relaxed);
                self.free
                    .store(std::ptr::from_ref(edge).cast_mut(), Relaxed);
            }
        }
    }

    /// Calls `f` with every edge that is counted at, or was, and with whether it is leaving. Then
    /// `f` takes it over. The caller holds the aggregator's lock.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&Edge, bool)) {
        // Acquire: this thread sees the edges' contents. Pairs with the Release in `allocate`.
        let mut edge = self.all.load(Acquire);
        // SAFETY: null, or an edge of this shard. Only the holder of the aggregator's lock frees
        // edges.
        while let Some(this) = unsafe { edge.as_ref() } {
            // Acquire: this thread sees the points, and if it is leaving, all counts. Pairs with
            // the Release in `try_insert` and in `evict`.
            let state = this.state.load(Acquire);
            if state == State::Live as u32 {
                f(this, false);
            } else if state == State::Leaving as u32 {
                f(this, true);
                // Release: the owner changes the edge only after it was read. Pairs with
                // `reclaim`.
                this.state.store(State::TakenOver as u32, Release);
            }
            // Relaxed: it was stored before the edge was published.
            edge = this.after.load(Relaxed);
        }
    }

    /// Takes all edges out. This thread has the shard's lease and holds the aggregator's lock.
    pub(crate) fn empty(&self, _owner: &Owner, limits: &EdgeLimits<'_>) -> EdgeChain {
        let chain = EdgeChain(self.all.own_load());
        let buckets = self.buckets.own_load();
        for list in [&self.all, &self.free, &self.in_use] {
            list.store(std::ptr::null_mut(), Relaxed);
        }
        self.buckets.store(std::ptr::null_mut(), Relaxed);
        limits.give_back(self.held.own_load());
        self.held.store(0, Relaxed);
        self.len.store(0, Relaxed);
        self.is_full.store(false, Relaxed);
        if !buckets.is_null() {
            // SAFETY: made by `Box::into_raw`, and nobody has it any more.
            drop(unsafe { Box::from_raw(buckets) });
        }
        chain
    }
}

impl Drop for EdgeTable {
    fn drop(&mut self) {
        drop(EdgeChain(self.all.load(Relaxed)));
        let buckets = self.buckets.load(Relaxed);
        if !buckets.is_null() {
            // SAFETY: made by `Box::into_raw`, and nobody has it any more.
            drop(unsafe { Box::from_raw(buckets) });
        }
    }
}
