//! One edge, the caps of edges, and edges that have left their shard.

use crate::identity;
use crate::identity::PointKey;
use crate::sync::{
    AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, Ordering::Relaxed, OwnLoad, bump,
};

/// Who uses an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum State {
    /// The owner may use it for any two points.
    Free,
    /// It is counted at. The aggregator reads it.
    Live,
    /// The owner has taken it out of the hash table. The aggregator is to take it over.
    Leaving,
    /// The aggregator has its counts.
    TakenOver,
}

/// Waits at one point for another.
pub(crate) struct Edge {
    /// Keys of the two points' records.
    pub(super) waiting: AtomicU64,
    pub(super) holding: AtomicU64,
    /// Only the owner counts, with plain stores.
    pub(crate) waits: AtomicU64,
    pub(super) waited_ns: AtomicU64,
    pub(super) state: AtomicU32,
    /// The aggregator's: where it keeps what it last read of this edge, plus 1, or 0.
    pub(crate) seen: AtomicU32,
    /// The next edge in its bucket or in the list of free ones. Only the owner uses it.
    pub(super) next: AtomicPtr<Edge>,
    /// The next edge of all.
    pub(super) after: AtomicPtr<Edge>,
    /// The sum of both counters at the last sweep. Only the owner uses it.
    pub(super) swept: AtomicU64,
}

/// The caps that limit new edges.
pub(crate) struct EdgeLimits<'a> {
    /// Of this thread.
    pub(crate) most: usize,
    /// Of all threads.
    pub(crate) most_in_all: usize,
    /// Number of edges in all shards.
    pub(crate) in_all: &'a AtomicUsize,
}

/// Edges that are in no shard any more.
pub(crate) struct EdgeChain(pub(super) *mut Edge);

impl Edge {
    pub(super) fn new() -> Self {
        Edge {
            waiting: AtomicU64::new(0),
            holding: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            waited_ns: AtomicU64::new(0),
            state: AtomicU32::new(State::Free as u32),
            seen: AtomicU32::new(0),
            next: AtomicPtr::new(std::ptr::null_mut()),
            after: AtomicPtr::new(std::ptr::null_mut()),
            swept: AtomicU64::new(u64::MAX),
        }
    }

    /// The point that waited.
    pub(crate) fn waiting(&self) -> PointKey {
        PointKey(self.waiting.load(Relaxed))
    }

    /// The point that held the lock.
    pub(crate) fn holding(&self) -> PointKey {
        PointKey(self.holding.load(Relaxed))
    }

    pub(super) fn is(&self, waiting: PointKey, holding: PointKey) -> bool {
        self.waiting.load(Relaxed) == waiting.0 && self.holding.load(Relaxed) == holding.0
    }

    pub(super) fn has_state(&self, state: State, order: Ordering) -> bool {
        self.state.load(order) == state as u32
    }

    /// Adds the time of a wait. Only the owner calls this.
    pub(crate) fn add_ns(&self, ns: u64) {
        bump(&self.waited_ns, ns);
    }

    /// Waits, and their time in nanoseconds. Any thread may call this.
    pub(crate) fn sums(&self) -> [u64; 2] {
        [self.waits.load(Relaxed), self.waited_ns.load(Relaxed)]
    }

    /// Whether nothing was counted since this was last asked. Only the owner calls this.
    pub(super) fn is_idle(&self) -> bool {
        let sum = self
            .waits
            .own_load()
            .wrapping_add(self.waited_ns.own_load());
        let idle = self.swept.own_load() == sum;
        self.swept.store(sum, Relaxed);
        idle
    }
}

impl EdgeLimits<'_> {
    pub(super) fn reserve(&self, held: u64) -> bool {
        if held >= self.most as u64 {
            return false;
        }
        if self.in_all.fetch_add(1, Relaxed) < self.most_in_all {
            return true;
        }
        self.give_back(1);
        false
    }

    /// Gives back the places of this many edges.
    pub(crate) fn give_back(&self, edges: u64) {
        self.in_all.fetch_sub(edges as usize, Relaxed);
    }
}

impl EdgeChain {
    /// Calls `f` with the edges that were not taken over yet.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&Edge)) {
        let mut edge = self.0;
        // SAFETY: null, or an edge of this chain.
        while let Some(this) = unsafe { edge.as_ref() } {
            if this.has_state(State::Live, Relaxed) || this.has_state(State::Leaving, Relaxed) {
                f(this);
                this.state.store(State::TakenOver as u32, Relaxed);
            }
            edge = this.after.load(Relaxed);
        }
    }
}

impl Drop for EdgeChain {
    fn drop(&mut self) {
        self.for_each(|edge| {
            identity::release(edge.waiting());
            identity::release(edge.holding());
        });
        let mut edge = self.0;
        while !edge.is_null() {
            // SAFETY: made by `Box::into_raw`, in this chain only, which nobody else has.
            let this = unsafe { Box::from_raw(edge) };
            edge = this.after.load(Relaxed);
        }
    }
}
