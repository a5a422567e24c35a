//! A thread and its shards: first use, exit, and what happens after it.
//!
//! All that is a thread's own is in one thread-local without a destructor, which the hot path reads and which is there until the
//! thread's very end. `exit` tells when that comes, and the leases are given back.

use crate::acquire::signal::{Attempt, Patience};
use crate::core::{Core, GLOBAL};
use crate::process::exit;
use crate::process::fork;
use crate::record::hot::HotCache;
use crate::record::shard::{Loss, Shard};
use crate::record::table::try_box;
use std::cell::Cell;
use std::ptr;
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
    /// The shards that this thread has, the latest first; or null.
    held: Cell<*const Held>,
    /// The one of them that was last asked for; or null.
    asked: Cell<*const Held>,
    patience: Patience,
}

thread_local! {
    static CURRENT: Current = const {
        Current {
            hot: Cell::new(&raw const EMPTY),
            life: Cell::new(Life::Running),
            own: Cell::new(false),
            token: Cell::new(0),
            held: Cell::new(ptr::null()),
            asked: Cell::new(ptr::null()),
            patience: Patience::new(),
        }
    };
}

/// The cache of this thread's shard of the global engine, or an empty one.
///
/// Valid for the rest of the process: the global engine's shards are never freed. Its owner is this
/// thread, for as long as the thread's exit has not begun, which only this thread can do.
#[inline(always)]
pub(crate) fn global_hot() -> *const HotCache {
    CURRENT.with(|current| current.hot.get())
}

/// Empties this thread's cache: its next acquisition is looked up.
#[cfg(unix)]
pub(crate) fn forget_hot() {
    // SAFETY: see `global_hot`.
    unsafe { &*global_hot() }.forget();
}

/// A shard that this thread has the lease of: one of a list.
///
/// A signal handler may look through the list at any time. So it changes by one store of a pointer, and what is freed was taken out
/// before.
struct Held {
    /// Number of its engine.
    engine: u64,
    /// `None` for the global one.
    core: Option<Weak<Core>>,
    shard: *const Shard,
    /// In the engine's registry.
    place: usize,
    next: Cell<*const Held>,
}

impl Held {
    fn is_of_a_gone_engine(&self) -> bool {
        self.core
            .as_ref()
            .is_some_and(|core| core.strong_count() == 0)
    }

    /// Gives the lease back, if the engine is still there.
    fn give_back(&self) {
        // A local engine's shards live as long as it does, and `alive` keeps it for the release.
        let alive = self.core.as_ref().map(Weak::upgrade);
        if matches!(alive, Some(None)) {
            return;
        }
        // SAFETY: the engine is the global one, or kept alive just above.
        let shard = unsafe { &*self.shard };
        let core = alive.flatten();
        let core = core.as_deref().unwrap_or(&GLOBAL);
        core.close_account(shard);
        shard.life.end(core.clock.coarse_ns());
        shard.lease.release();
        core.shards.give_back(self.place);
        core.note_exit();
    }
}

impl Current {
    /// The shards that this thread has.
    fn all_held(&self) -> impl Iterator<Item = &Held> {
        // SAFETY: null, or made by `Box::into_raw`; freed by this thread alone, which is here, after it was taken out.
        let deref = |held: *const Held| unsafe { held.as_ref() };
        std::iter::successors(deref(self.held.get()), move |held| deref(held.next.get()))
    }

    /// The one of the engine with this number.
    fn held_of(&self, engine: u64) -> Option<&Held> {
        // SAFETY: as above: null, or in the list.
        if let Some(asked) = unsafe { self.asked.get().as_ref() }
            && asked.engine == engine
        {
            return Some(asked);
        }
        let held = self.all_held().find(|held| held.engine == engine)?;
        self.asked.set(held);
        Some(held)
    }

    fn hold(&self, held: Box<Held>) {
        held.next.set(self.held.get());
        self.held.set(Box::into_raw(held));
    }

    /// Takes those out for which `gone` says so, and calls `then` with each before it is freed.
    fn drop_held(&self, gone: impl Fn(&Held) -> bool, then: impl Fn(&Held)) {
        let mut link = &self.held;
        // SAFETY: as in `all_held`; what was taken out below is not looked at again.
        while let Some(held) = unsafe { link.get().as_ref() } {
            if !gone(held) {
                link = &held.next;
                continue;
            }
            let out = link.get().cast_mut();
            self.asked.set(ptr::null());
            link.set(held.next.get());
            then(held);
            // SAFETY: made by `Box::into_raw`, and in no list any more.
            drop(unsafe { Box::from_raw(out) });
        }
    }

    fn give_back(&self) {
        self.hot.set(&raw const EMPTY);
        self.drop_held(|_| true, Held::give_back);
    }
}

/// This thread is at its end: gives the leases back.
pub(crate) fn ends() {
    CURRENT.with(|current| {
        current.life.set(Life::Exited);
        current.give_back();
    });
}

/// Makes this thread the profiler's own: what locks it takes, in whatever it calls, is the profiler's business and not the
/// program's. The leases that it has are given back.
pub(crate) fn make_own() {
    CURRENT.with(|current| {
        current.own.set(true);
        current.give_back();
    });
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

/// Not null, and no other thread's that is there.
pub(crate) fn identity() -> usize {
    CURRENT.with(|current| ptr::from_ref(current).addr())
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
    shard_for(core, Attempt::Waits)
}

/// The same for an acquisition that may be a signal handler's: it may have to do without.
#[inline]
pub(crate) fn shard_for(core: &Core, attempt: Attempt) -> Option<&Shard> {
    let shard = if core.is_global() {
        // SAFETY: see `global_hot`.
        unsafe { &*global_hot() }.shard()
    } else {
        leased(core)
    };
    if shard.is_some() {
        return shard;
    }
    register(core, attempt)
}

/// This thread's shard of a local engine, if it has its lease.
#[inline]
pub(crate) fn leased(core: &Core) -> Option<&Shard> {
    CURRENT.with(|current| {
        let shard = current.held_of(core.number)?.shard;
        // SAFETY: of this very engine, since no other has its number; its shards live as long as it does.
        Some(unsafe { &*shard })
    })
}

/// How often this thread does without asking whether it may allocate.
pub(crate) fn with_patience<T>(f: impl FnOnce(&Patience) -> T) -> T {
    CURRENT.with(|current| f(&current.patience))
}

/// Whether this thread has the lease of `shard`.
pub(crate) fn is_mine(shard: &Shard) -> bool {
    shard
        .lease
        .is_of(CURRENT.with(|current| current.token.get()))
}

#[cold]
#[inline(never)]
fn register(core: &Core, attempt: Attempt) -> Option<&Shard> {
    if is_own() {
        return None;
    }
    let life = CURRENT.with(|current| current.life.get());
    let found = match life {
        // An allocator or a signal handler that takes a profiled lock while this thread registers.
        Life::Inside => Err(Loss::Reentrant),
        Life::Exited => Err(Loss::ThreadExit),
        Life::Running if !attempt.may_allocate() => Err(Loss::Reentrant),
        Life::Running => {
            let _inside = inside();
            CURRENT.with(|current| lease(core, current))
        }
    };
    found.map_err(|cause| core.losses.count(cause)).ok()
}

fn lease<'a>(core: &'a Core, current: &Current) -> Result<&'a Shard, Loss> {
    if current.token.get() == 0 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        current.token.set(NEXT.fetch_add(1, Relaxed));
    }
    if !exit::notice() {
        return Err(Loss::ThreadExit);
    }
    // A thread that outlives engine after engine keeps nothing of those that are gone.
    current.drop_held(Held::is_of_a_gone_engine, |_| ());
    let held = try_box(Held {
        engine: core.number,
        core: core.weak(),
        shard: ptr::null(),
        place: 0,
        next: Cell::new(ptr::null()),
    });
    let mut held = held.ok_or(Loss::Memory)?;
    let (place, shard) = core.lease_shard(current.token.get())?;
    shard.hot.belongs_to(shard);
    core.open_account(shard);
    shard.life.begin(core.clock.coarse_ns());
    (held.shard, held.place) = (shard, place);
    current.hold(held);
    if core.is_global() {
        fork::note_thread();
        current.hot.set(&raw const shard.hot);
    }
    Ok(shard)
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
