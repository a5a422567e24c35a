//! A thread and its shards: first use, exit, and what happens after it.
//!
//! Two thread-locals: one without a destructor, which the hot path reads and which is there until
//! the thread's very end, and one with it, which gives the leases back.

use crate::core::{Core, GLOBAL};
use crate::hot::HotCache;
use crate::shard::{Loss, Shard};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What threads without a shard of the global engine look things up in: nothing is found.
static EMPTY: HotCache = HotCache::new();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    /// Inside `register` or a first configuration.
    Inside,
    /// The leases are given back: the thread is running its last destructors.
    Exited,
}

struct Current {
    /// Cache of this thread's shard of the global engine, or `EMPTY`.
    hot: Cell<*const HotCache>,
    life: Cell<Life>,
    /// Whether this thread is the profiler's own: nothing that it does is recorded, and nothing of it is lost.
    own: Cell<bool>,
    /// This thread's number: never 0 once it has one, never used again.
    token: Cell<u64>,
}

thread_local! {
    static CURRENT: Current = const {
        Current {
            hot: Cell::new(&raw const EMPTY),
            life: Cell::new(Life::Running),
            own: Cell::new(false),
            token: Cell::new(0),
        }
    };
    static LEASES: Leases = const { Leases(RefCell::new(Vec::new())) };
}

/// The cache of this thread's shard of the global engine, or an empty one.
///
/// Valid for the rest of the process: the global engine's shards are never freed. Its owner is this
/// thread, for as long as the thread's exit has not begun, which only this thread can do.
#[inline(always)]
pub(crate) fn global_hot() -> *const HotCache {
    CURRENT.with(|current| current.hot.get())
}

/// A shard that this thread writes; `core` is `None` for the global engine's.
struct Held {
    core: Option<Weak<Core>>,
    shard: *const Shard,
}

struct Leases(RefCell<Vec<Held>>);

impl Drop for Leases {
    fn drop(&mut self) {
        CURRENT.with(|current| {
            current.hot.set(&raw const EMPTY);
            current.life.set(Life::Exited);
        });
        give_back(self.0.get_mut());
    }
}

fn give_back(leases: &mut Vec<Held>) {
    for held in leases.drain(..) {
        // A local engine's shards live as long as it does, and `alive` keeps it for the release.
        let alive = held.core.as_ref().map(Weak::upgrade);
        if !matches!(alive, Some(None)) {
            // SAFETY: the engine is the global one, or kept alive just above.
            let shard = unsafe { &*held.shard };
            let core = alive.flatten();
            let core = core.as_deref().unwrap_or(&GLOBAL);
            core.close_account(shard);
            shard.life.end(core.clock.coarse_ns());
            shard.lease.release();
            core.note_exit();
        }
    }
}

/// Makes this thread the profiler's own: what locks it takes, in whatever it calls, is the profiler's business and not the
/// program's. The leases that it has are given back.
pub(crate) fn make_own() {
    let may_have_leases = CURRENT.with(|current| {
        current.own.set(true);
        current.hot.set(&raw const EMPTY);
        current.token.get() != 0
    });
    // Not touched otherwise: its destructor must come after `thread_local`'s, should this thread get a shard later.
    if may_have_leases {
        // In a thread that is at its end they are given back.
        let _ = LEASES.try_with(|leases| give_back(&mut leases.0.borrow_mut()));
    }
}

/// Whether this thread is the profiler's own.
pub(crate) fn is_own() -> bool {
    CURRENT.with(|current| current.own.get())
}

/// Makes a thread of the profiler's own one of the program's until the value is dropped: to call what is the program's.
pub(crate) fn lend() -> Lent {
    Lent {
        own: CURRENT.with(|current| current.own.replace(false)),
    }
}

/// See [`lend`].
#[derive(Debug)]
pub(crate) struct Lent {
    own: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.own {
            make_own();
        }
    }
}

/// Whether this thread is inside `register` or a configuration already.
pub(crate) fn is_inside() -> bool {
    CURRENT.with(|current| current.life.get()) == Life::Inside
}

/// Makes this thread count as inside until the value is dropped.
pub(crate) fn inside() -> Inside {
    let before = CURRENT.with(|current| current.life.get());
    if before == Life::Running {
        CURRENT.with(|current| current.life.set(Life::Inside));
    }
    Inside { before }
}

/// See [`inside`].
#[derive(Debug)]
pub(crate) struct Inside {
    before: Life,
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.with(|current| current.life.set(self.before));
    }
}

/// This thread's shard of `core`, leased at first use. `None` when it can have none: with the loss counted, unless the thread is
/// the profiler's own.
#[inline]
pub(crate) fn shard(core: &Core) -> Option<&Shard> {
    let shard = if core.is_global() {
        // SAFETY: see `global_hot`.
        unsafe { &*global_hot() }.shard()
    } else {
        leased(core)
    };
    if shard.is_some() {
        return shard;
    }
    register(core)
}

/// This thread's shard of a local engine, if it has its lease.
#[inline]
pub(crate) fn leased(core: &Core) -> Option<&Shard> {
    let token = CURRENT.with(|current| current.token.get());
    core.shards.get().filter(|shard| shard.lease.is_of(token))
}

/// Whether this thread has the lease of `shard`.
pub(crate) fn is_mine(shard: &Shard) -> bool {
    shard
        .lease
        .is_of(CURRENT.with(|current| current.token.get()))
}

#[cold]
#[inline(never)]
fn register(core: &Core) -> Option<&Shard> {
    if is_own() {
        return None;
    }
    let life = CURRENT.with(|current| current.life.get());
    let found = match life {
        // An allocator or a signal handler that takes a profiled lock while this thread registers.
        Life::Inside => Err(Loss::Reentrant),
        Life::Exited => Err(Loss::ThreadExit),
        Life::Running => {
            // `thread_local` panics when its own destructor has run in this thread and we are
            // called for the first time after that: not ours to pass on. It also never takes back the
            // slot that it gave out by then, so this thread gets nothing more.
            let found = catch_unwind(AssertUnwindSafe(|| {
                let _inside = inside();
                lease(core)
            }));
            found.unwrap_or_else(|_| {
                CURRENT.with(|current| current.life.set(Life::Exited));
                Err(Loss::ThreadExit)
            })
        }
    };
    found.map_err(|cause| core.losses.count(cause)).ok()
}

fn lease(core: &Core) -> Result<&Shard, Loss> {
    let token = CURRENT.with(|current| {
        if current.token.get() == 0 {
            static NEXT: AtomicU64 = AtomicU64::new(1);
            current.token.set(NEXT.fetch_add(1, Relaxed));
        }
        current.token.get()
    });
    let shard = match core.shards.get() {
        Some(left_by_another) => left_by_another,
        None => core.new_shard()?,
    };
    take(shard, token)?;
    shard.hot.belongs_to(shard);
    core.open_account(shard);
    shard.life.begin(core.clock.coarse_ns());
    // Registers `LEASES`' destructor after `thread_local`'s own, which `core.shards` registered: destructors
    // run in reverse, so the lease is free before the slot is given to another thread.
    let held = LEASES.try_with(|leases| {
        let mut leases = leases.0.borrow_mut();
        if leases.len() == leases.capacity() {
            // A thread that outlives engine after engine keeps nothing of those that are gone.
            leases.retain(|held| {
                held.core
                    .as_ref()
                    .is_none_or(|core| core.strong_count() != 0)
            });
        }
        leases.push(Held {
            core: core.weak(),
            shard,
        });
    });
    if held.is_err() {
        shard.life.end(core.clock.coarse_ns());
        shard.lease.release();
        return Err(Loss::ThreadExit);
    }
    if core.is_global() {
        CURRENT.with(|current| current.hot.set(&raw const shard.hot));
    }
    Ok(shard)
}

/// Takes the lease of a shard that another thread has left. The aggregator may have it: it is quick, and a fork waits for it.
fn take(shard: &Shard, token: u64) -> Result<(), Loss> {
    const TURNS: usize = 10_000;
    for _ in 0..TURNS {
        if shard.lease.try_take(token) {
            return Ok(());
        }
        if !shard.lease.is_taken_over() {
            break;
        }
        std::thread::yield_now();
    }
    Err(Loss::ThreadExit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Inner};

    /// On a thread of its own, which has its thread-locals to itself.
    fn in_a_thread(test: impl FnOnce(&Engine, &Core) + Send) {
        let engine = Engine::new();
        let Inner::Local(core) = &engine.0 else {
            panic!("a new engine is a local one")
        };
        std::thread::scope(|scope| {
            scope.spawn(|| test(&engine, core));
        });
        // What the thread's exit may have counted included.
        assert!(engine.snapshot().losses().is_empty());
    }

    #[test]
    fn a_thread_of_the_profilers_own_has_no_shard_and_loses_nothing() {
        in_a_thread(|engine, core| {
            make_own();
            assert!(shard(core).is_none());
            assert_eq!(engine.snapshot().table().shards, 0);
        });
    }

    #[test]
    fn one_that_had_a_shard_gives_it_back() {
        in_a_thread(|engine, core| {
            assert!(shard(core).is_some());
            make_own();
            assert!(shard(core).is_none());
            assert_eq!(engine.snapshot().table().shards, 1);
        });
    }

    #[test]
    fn what_it_calls_of_the_program_is_the_programs() {
        in_a_thread(|engine, core| {
            make_own();
            for _ in 0..2 {
                let lent = lend();
                assert!(shard(core).is_some());
                drop(lent);
                assert!(shard(core).is_none());
            }
            // The same one each time.
            assert_eq!(engine.snapshot().table().shards, 1);
        });
    }

    #[test]
    fn what_is_called_in_a_thread_of_the_programs_changes_nothing() {
        in_a_thread(|_, core| {
            drop(lend());
            assert!(shard(core).is_some());
        });
    }
}
