//! What a thread knows of itself: its stage of life, whether it is internal to the profiler, its
//! number, and its cache.
//!
//! All of it is in one thread-local without a destructor. The hot path reads it, and it exists
//! until the thread's very end.

use crate::identity::ThreadBits;
use crate::record::hot::HotCache;
use crate::record::shard::Shard;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// An empty cache for threads that have no shard of the global engine.
static EMPTY: HotCache<Shard> = HotCache::new();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Running,
    /// Inside a registration or a first configuration.
    Inside,
    /// The leases are given back, and the thread is running its last destructors.
    Exited,
}

struct Current {
    /// Cache of this thread's shard in the global engine, or `EMPTY`.
    hot: Cell<*const HotCache<Shard>>,
    stage: Cell<Stage>,
    /// Whether the thread is internal to the profiler. Its locks are not recorded and count as no
    /// loss.
    internal: Cell<bool>,
    /// This thread's number: 0 until it gets one, and never used again.
    token: Cell<u64>,
    /// The number in the form in which locks publish it.
    bits: Cell<ThreadBits>,
}

thread_local! {
    static CURRENT: Current = const {
        Current {
            hot: Cell::new(&raw const EMPTY),
            stage: Cell::new(Stage::Running),
            internal: Cell::new(false),
            token: Cell::new(0),
            bits: Cell::new(ThreadBits::UNKNOWN),
        }
    };
}

/// The cache of this thread's shard in the global engine, or an empty one.
///
/// Valid for the rest of the process, because the global engine's shards are never freed. This
/// thread owns the cache until its exit begins, and only the thread itself can begin that.
#[inline(always)]
pub(crate) fn global_hot() -> *const HotCache<Shard> {
    CURRENT.with(|current| current.hot.get())
}

/// Empties this thread's cache, so its next acquisition takes the slow path.
#[cfg(unix)]
pub(crate) fn forget_hot() {
    // SAFETY: `global_hot` is valid for the rest of the process.
    unsafe { &*global_hot() }.forget();
}

/// From now on this thread uses `shard`'s cache. With `None` it finds nothing.
pub(crate) fn set_global_hot(shard: Option<&Shard>) {
    let hot = shard.map_or(&raw const EMPTY, |shard| &raw const shard.hot);
    CURRENT.with(|current| current.hot.set(hot));
}

/// This thread's stage of life.
pub(crate) fn stage() -> Stage {
    CURRENT.with(|current| current.stage.get())
}

/// Notes that this thread is running its last destructors.
pub(crate) fn set_exited() {
    CURRENT.with(|current| current.stage.set(Stage::Exited));
}

/// The number that the next thread gets.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// How many threads have a number, or had one.
pub(crate) fn tokens() -> u64 {
    NEXT.load(Relaxed).saturating_sub(1)
}

/// This thread's number. The first call assigns it.
pub(crate) fn token() -> u64 {
    CURRENT.with(|current| {
        if current.token.get() == 0 {
            current.token.set(NEXT.fetch_add(1, Relaxed));
            current.bits.set(ThreadBits::of(current.token.get()));
        }
        current.token.get()
    })
}

/// This thread's number in the form in which locks publish it. A thread has one from its first
/// recorded acquisition on.
#[inline(always)]
#[must_use]
pub fn bits() -> ThreadBits {
    CURRENT.with(|current| current.bits.get())
}

/// Whether this thread is internal to the profiler.
pub(crate) fn is_internal() -> bool {
    CURRENT.with(|current| current.internal.get())
}

/// Sets whether this thread is internal to the profiler, and returns the earlier value.
pub(crate) fn replace_internal(internal: bool) -> bool {
    CURRENT.with(|current| current.internal.replace(internal))
}

/// A non-null address that no other living thread has.
pub(crate) fn identity() -> usize {
    CURRENT.with(|current| ptr::from_ref(current).addr())
}

/// Whether this thread is already inside a registration or a configuration.
pub(crate) fn is_inside() -> bool {
    CURRENT.with(|current| current.stage.get()) == Stage::Inside
}

/// Marks this thread as inside until the value is dropped.
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
