//! What a thread knows of itself: where it is in its life, whether it is the profiler's own, its number, and its cache.
//!
//! All of it is in one thread-local without a destructor, which the hot path reads and which is there until the thread's very end.

use crate::record::hot::HotCache;
use crate::record::shard::Shard;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What threads without a shard of the global engine look things up in: nothing is found.
static EMPTY: HotCache<Shard> = HotCache::new();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Running,
    /// Inside a registration or a first configuration.
    Inside,
    /// The leases are given back: the thread is running its last destructors.
    Exited,
}

struct Current {
    /// Cache of this thread's shard of the global engine, or `EMPTY`.
    hot: Cell<*const HotCache<Shard>>,
    stage: Cell<Stage>,
    /// Whether this thread is the profiler's own: nothing that it does is recorded, and nothing of it is lost.
    internal: Cell<bool>,
    /// This thread's number: never 0 once it has one, never used again.
    token: Cell<u64>,
}

thread_local! {
    static CURRENT: Current = const {
        Current {
            hot: Cell::new(&raw const EMPTY),
            stage: Cell::new(Stage::Running),
            internal: Cell::new(false),
            token: Cell::new(0),
        }
    };
}

/// The cache of this thread's shard of the global engine, or an empty one.
///
/// Valid for the rest of the process: the global engine's shards are never freed. Its owner is this
/// thread, for as long as the thread's exit has not begun, which only this thread can do.
#[inline(always)]
pub(crate) fn global_hot() -> *const HotCache<Shard> {
    CURRENT.with(|current| current.hot.get())
}

/// Empties this thread's cache: its next acquisition is looked up.
#[cfg(unix)]
pub(crate) fn forget_hot() {
    // SAFETY: see `global_hot`.
    unsafe { &*global_hot() }.forget();
}

/// From now on this thread looks things up in `shard`'s cache; without one it finds nothing.
pub(crate) fn set_global_hot(shard: Option<&Shard>) {
    let hot = shard.map_or(&raw const EMPTY, |shard| &raw const shard.hot);
    CURRENT.with(|current| current.hot.set(hot));
}

/// Where this thread is in its life.
pub(crate) fn stage() -> Stage {
    CURRENT.with(|current| current.stage.get())
}

/// This thread is running its last destructors.
pub(crate) fn set_exited() {
    CURRENT.with(|current| current.stage.set(Stage::Exited));
}

/// This thread's number, which it gets now if it has none.
pub(crate) fn token() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    CURRENT.with(|current| {
        if current.token.get() == 0 {
            current.token.set(NEXT.fetch_add(1, Relaxed));
        }
        current.token.get()
    })
}

/// Whether this thread is the profiler's own.
pub(crate) fn is_internal() -> bool {
    CURRENT.with(|current| current.internal.get())
}

/// Says whether this thread is the profiler's own, and returns what was said before.
pub(crate) fn replace_internal(internal: bool) -> bool {
    CURRENT.with(|current| current.internal.replace(internal))
}

/// Not null, and no other thread's that is there.
pub(crate) fn identity() -> usize {
    CURRENT.with(|current| ptr::from_ref(current).addr())
}

/// Whether this thread is inside a registration or a configuration already.
pub(crate) fn is_inside() -> bool {
    CURRENT.with(|current| current.stage.get()) == Stage::Inside
}

/// Makes this thread count as inside until the value is dropped.
pub(crate) fn inside() -> Inside {
    let before = CURRENT.with(|current| current.stage.get());
    if before == Stage::Running {
        CURRENT.with(|current| current.stage.set(Stage::Inside));
    }
    Inside { before }
}

/// See [`inside`].
#[derive(Debug)]
pub(crate) struct Inside {
    before: Stage,
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.with(|current| current.stage.set(self.before));
    }
}

/// Whether this thread has the lease of `shard`.
pub(crate) fn has_lease_of(shard: &Shard) -> bool {
    shard
        .lease
        .is_of(CURRENT.with(|current| current.token.get()))
}
