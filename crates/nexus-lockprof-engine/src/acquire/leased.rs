//! A thread's shards: leased at its first lock, given back at its end.
//!
//! [`exit`] signals the end. The list is in a thread-local without a destructor, which exists until
//! then.

use crate::acquire::signal::Attempt;
use crate::acquire::thread::{self, Stage};
use crate::core::{Core, GLOBAL};
use crate::process::due;
use crate::process::exit::{self, Round};
use crate::record::loss::Loss;
use crate::record::memory::try_box;
use crate::record::owner::Owner;
use crate::record::shard::Shard;
use crate::record::thread_info::ThreadId;
use std::cell::Cell;
use std::ptr;
use std::sync::Weak;

/// Both rounds of a thread's end. See [`exit::notice`].
static FIRST_ROUND: Round = Round {
    end,
    next: Some(&LAST_ROUND),
};
static LAST_ROUND: Round = Round { end, next: None };

/// The shards whose leases this thread has.
struct Leased {
    /// The latest shard first, or null.
    first: Cell<*const LeasedShard>,
    /// The shard that was last asked for, or null.
    asked: Cell<*const LeasedShard>,
}

thread_local! {
    static LEASED: Leased = const {
        Leased {
            first: Cell::new(ptr::null()),
            asked: Cell::new(ptr::null()),
        }
    };
}

/// A shard whose lease this thread has, as an item of a list.
///
/// A signal handler may look through the list at any time. So each change is one store of a
/// pointer, and an item is freed only after it was taken out.
struct LeasedShard {
    /// The number of its engine.
    engine: u64,
    /// `None` for the global engine.
    core: Option<Weak<Core>>,
    shard: *const Shard,
    /// The shard's place in the engine's registry.
    place: usize,
    next: Cell<*const LeasedShard>,
}

impl LeasedShard {
    fn is_of_a_gone_engine(&self) -> bool {
        self.core
            .as_ref()
            .is_some_and(|core| core.strong_count() == 0)
    }

    /// Gives the lease back, if the engine still exists.
    fn give_back(&self) {
        // A local engine's shards live as long as the engine, which `alive` keeps for the release.
        let alive = self.core.as_ref().map(Weak::upgrade);
        if matches!(alive, Some(None)) {
            return;
        }
        // SAFETY: the engine is the global one, or `alive` keeps it.
        let shard = unsafe { &*self.shard };
        let core = alive.flatten();
        let core = core.as_deref().unwrap_or(&GLOBAL);
        core.close_account(shard);
        shard.time_in_use.end(core.clock.coarse_ns());
        // A thread that ends inside a wait, without unwinding, leaves one.
        shard.waiting.abandon();
        shard.thread.clear();
        shard.lease.release();
        core.shards.give_back(self.place);
        core.note_exit();
    }
}

impl Leased {
    /// The shards that this thread has.
    fn all(&self) -> impl Iterator<Item = &LeasedShard> {
        // SAFETY: null, or made by `Box::into_raw`. Only this thread frees an item, after it took
        // it out, and it is here now.
        let deref = |leased: *const LeasedShard| unsafe { leased.as_ref() };
        std::iter::successors(deref(self.first.get()), move |leased| {
            deref(leased.next.get())
        })
    }

    /// The shard of the engine with this number.
    fn of_engine(&self, engine: u64) -> Option<&LeasedShard> {
        // SAFETY: null, or an item in the list. Only this thread frees items, after it has set this
        // to null.
        if let Some(asked) = unsafe { self.asked.get().as_ref() }
            && asked.engine == engine
        {
            return Some(asked);
        }
        let leased = self.all().find(|leased| leased.engine == engine)?;
        self.asked.set(leased);
        Some(leased)
    }

    fn hold(&self, leased: Box<LeasedShard>) {
        leased.next.set(self.first.get());
        self.first.set(Box::into_raw(leased));
    }

    /// Takes out the items that `gone` selects, and calls `then` with each before it is freed.
    fn drop_those(&self, gone: impl Fn(&LeasedShard) -> bool, then: impl Fn(&LeasedShard)) {
        let mut link = &self.first;
        // SAFETY: null, or made by `Box::into_raw`. The loop does not look again at an item that it
        // took out.
        while let Some(leased) = unsafe { link.get().as_ref() } {
            if !gone(leased) {
                link = &leased.next;
                continue;
            }
            let out = link.get().cast_mut();
            self.asked.set(ptr::null());
            link.set(leased.next.get());
            then(leased);
            // SAFETY: made by `Box::into_raw`, and in no list any more.
            drop(unsafe { Box::from_raw(out) });
        }
    }

    fn give_back(&self) {
        thread::set_global_hot(None);
        self.drop_those(|_| true, LeasedShard::give_back);
    }
}

/// Gives the leases back at this thread's end.
fn end() {
    thread::set_exited();
    LEASED.with(Leased::give_back);
}

/// Makes this thread internal to the profiler. The locks that it takes, in whatever it calls, then
/// concern the profiler and not the program. Gives back the leases that it has.
pub(crate) fn mark_internal() {
    thread::replace_internal(true);
    LEASED.with(Leased::give_back);
}

/// Notes anew who this thread is, in a forked process: it has another number of the system's.
#[cfg(unix)]
pub(crate) fn note_thread_again() {
    let thread = ThreadId::current(thread::token());
    LEASED.with(|leased| {
        for leased in leased.all().filter(|leased| !leased.is_of_a_gone_engine()) {
            // SAFETY: the shard of an engine that exists. Nothing else runs in this process.
            unsafe { &*leased.shard }.thread.set(&thread);
        }
    });
}

/// Makes an internal thread count as one of the program's until the value is dropped, to call the
/// program's code.
pub(crate) fn as_program_thread() -> ProgramThread {
    ProgramThread {
        was_internal: thread::replace_internal(false),
    }
}

/// See [`as_program_thread`].
#[derive(Debug)]
pub(crate) struct ProgramThread {
    was_internal: bool,
}

impl Drop for ProgramThread {
    fn drop(&mut self) {
        if self.was_internal {
            mark_internal();
        }
    }
}

/// This thread's shard of `core`, leased at first use. `None` when it can have none. That counts as
/// a loss, unless the thread is internal to the profiler.
#[inline]
pub(crate) fn shard(core: &Core) -> Option<&Shard> {
    shard_for(core, Attempt::Waits)
}

/// The same for an acquisition that may be a signal handler's, which may get no shard.
#[inline]
pub(crate) fn shard_for(core: &Core, attempt: Attempt) -> Option<&Shard> {
    let shard = if core.is_global() {
        // SAFETY: `global_hot` is valid for the rest of the process.
        unsafe { &*thread::global_hot() }.shard()
    } else {
        leased(core)
    };
    if shard.is_some() {
        return shard;
    }
    register(core, attempt)
}

/// This thread's shard of a local engine, if it has the lease.
#[inline]
pub(crate) fn leased(core: &Core) -> Option<&Shard> {
    LEASED.with(|leased| {
        let shard = leased.of_engine(core.number)?.shard;
        // SAFETY: the shard belongs to `core`, since no other engine has its number, and lives as
        // long as `core`.
        Some(unsafe { &*shard })
    })
}

#[cold]
#[inline(never)]
fn register(core: &Core, attempt: Attempt) -> Option<&Shard> {
    if thread::is_internal() {
        return None;
    }
    let found = match thread::stage() {
        // An allocator or a signal handler takes a profiled lock while this thread registers.
        Stage::Inside => Err(Loss::Reentrant),
        Stage::Exited => Err(Loss::ThreadExit),
        Stage::Running if !attempt.may_allocate() => Err(Loss::Reentrant),
        Stage::Running => {
            let _inside = thread::inside();
            LEASED.with(|leased| lease(core, leased))
        }
    };
    found.map_err(|cause| core.losses.count(cause)).ok()
}

fn lease<'a>(core: &'a Core, all: &Leased) -> Result<&'a Shard, Loss> {
    let token = thread::token();
    if !exit::notice(&FIRST_ROUND) {
        return Err(Loss::ThreadExit);
    }
    // A thread that outlives many engines keeps nothing of those that are gone.
    all.drop_those(LeasedShard::is_of_a_gone_engine, |_| ());
    let leased = try_box(LeasedShard {
        engine: core.number,
        core: core.weak(),
        shard: ptr::null(),
        place: 0,
        next: Cell::new(ptr::null()),
    });
    let mut leased = leased.ok_or(Loss::Memory)?;
    let (place, shard) = core.lease_shard(token)?;
    shard.hot.belongs_to(shard);
    // What the last thread's points publish names that thread.
    shard.hot.forget();
    core.open_account(shard);
    // SAFETY: this thread has just taken the lease.
    let owner = unsafe { Owner::assume() };
    shard
        .thread_start
        .begin(token, || shard.table.totals(&owner));
    shard.thread.set(&ThreadId::current(token));
    shard.time_in_use.begin(core.clock.coarse_ns());
    (leased.shard, leased.place) = (shard, place);
    all.hold(leased);
    if core.is_global() {
        due::note_thread(thread::identity());
        thread::set_global_hot(Some(shard));
    }
    Ok(shard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Inner};

    /// Runs `test` on a thread of its own, which has its own thread-locals.
    fn in_a_thread(test: impl FnOnce(&Engine, &Core) + Send) {
        let engine = Engine::new();
        let Inner::Local(core) = &engine.0 else {
            panic!("a new engine is a local one")
        };
        std::thread::scope(|scope| {
            scope.spawn(|| test(&engine, core));
        });
        // This includes what the thread's exit may have counted.
        assert!(engine.snapshot().losses().is_empty());
    }

    #[test]
    fn a_thread_of_the_profilers_own_has_no_shard_and_loses_nothing() {
        in_a_thread(|engine, core| {
            mark_internal();
            assert!(shard(core).is_none());
            assert_eq!(engine.snapshot().table().shards, 0);
        });
    }

    #[test]
    fn one_that_had_a_shard_gives_it_back() {
        in_a_thread(|engine, core| {
            assert!(shard(core).is_some());
            mark_internal();
            assert!(shard(core).is_none());
            assert_eq!(engine.snapshot().table().shards, 1);
        });
    }

    #[test]
    fn what_it_calls_of_the_program_is_the_programs() {
        in_a_thread(|engine, core| {
            mark_internal();
            for _ in 0..2 {
                let _as_program = as_program_thread();
                assert!(shard(core).is_some());
                drop(_as_program);
                assert!(shard(core).is_none());
            }
            // Each time it is the same shard.
            assert_eq!(engine.snapshot().table().shards, 1);
        });
    }

    #[test]
    fn what_is_called_in_a_thread_of_the_programs_changes_nothing() {
        in_a_thread(|_, core| {
            drop(as_program_thread());
            assert!(shard(core).is_some());
        });
    }
}
