//! The locks that a thread holds while it forks, so that the child finds none of them locked for
//! good.

#[cfg(unix)]
use crate::acquire::thread;
#[cfg(unix)]
use crate::collect::aggregate::Aggregator;
#[cfg(unix)]
use crate::control::Control;
use crate::core::Core;
#[cfg(unix)]
use crate::core::GLOBAL;
#[cfg(unix)]
use crate::identity;
#[cfg(unix)]
use crate::process::exclusive::SETTING;
use crate::process::exclusive::lock;
#[cfg(unix)]
use crate::record::task_slot::TASKS;
use std::sync::{Arc, Mutex, Weak};
#[cfg(unix)]
use std::sync::{MutexGuard, atomic::Ordering::Relaxed};

/// The engines besides the global one, for the fork handlers. Some may be gone.
static LOCALS: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

/// Adds an engine to those whose locks are held during a fork.
pub(crate) fn remember(core: &Arc<Core>) {
    let mut locals = lock(&LOCALS);
    if locals.len() == locals.capacity() {
        locals.retain(|core| core.strong_count() != 0);
    }
    locals.push(Arc::downgrade(core));
}

/// All locks of a core, held.
#[cfg(unix)]
struct CoreGuard<'a> {
    _changes: MutexGuard<'a, u64>,
    _aggregator: MutexGuard<'a, Option<Box<Aggregator>>>,
}

/// A local engine with all its locks held.
#[cfg(unix)]
struct LocalGuard {
    /// Stands before `core`, from which it borrows, because fields are dropped in this order.
    _still: CoreGuard<'static>,
    core: Arc<Core>,
}

/// All locks of all engines, held. No other thread changes anything until it is dropped.
// The fields are in the reverse of the order in which the locks are taken. A thread that has one of
// a core's locks takes at most `SETTING` besides.
#[cfg(unix)]
pub(crate) struct ForkGuard {
    _setting: MutexGuard<'static, ()>,
    locals: Vec<LocalGuard>,
    _global: CoreGuard<'static>,
    _locals: MutexGuard<'static, Vec<Weak<Core>>>,
}

#[cfg(unix)]
impl ForkGuard {
    /// Waits for changes in progress.
    pub(crate) fn hold() -> Self {
        let remembered = lock(&LOCALS);
        let global = GLOBAL.lock_for_fork();
        let locals = remembered.iter().filter_map(Weak::upgrade);
        let locals = locals.map(|core| {
            // SAFETY: it is dropped before `core`, which keeps alive what it borrows.
            let still = unsafe {
                std::mem::transmute::<CoreGuard<'_>, CoreGuard<'static>>(core.lock_for_fork())
            };
            LocalGuard {
                _still: still,
                core,
            }
        });
        ForkGuard {
            locals: locals.collect(),
            _global: global,
            _locals: remembered,
            _setting: lock(&SETTING),
        }
    }

    /// Starts again what threads of the parent had begun, in a forked child, which does not have
    /// those threads.
    pub(crate) fn after_fork(&self) {
        GLOBAL.after_fork();
        TASKS.after_fork();
        for local in &self.locals {
            local.core.after_fork();
        }
    }
}

#[cfg(unix)]
impl Core {
    /// Keeps other threads from changing anything while the process forks.
    fn lock_for_fork(&self) -> CoreGuard<'_> {
        // No other code takes both locks. This order completes a change before anything is
        // collected.
        let changes = lock(&self.changes);
        CoreGuard {
            _changes: changes,
            _aggregator: lock(&self.aggregator),
        }
    }

    /// Starts again what threads of the parent had begun, in a forked child, which does not have
    /// those threads.
    pub(crate) fn after_fork(&self) {
        if self.control() == Control::UNCONFIGURED {
            self.configuring.forget();
        }
        self.slow.forget(|record| identity::release(record.key));
        // The child has only this thread, so nobody writes these shards any more.
        let now_ns = self.clock.coarse_ns();
        let mut there = 0;
        for (place, shard) in self.shards.places() {
            there += 1;
            if !self.shards.is_free(place) && !thread::has_lease_of(shard) {
                shard.orphan(now_ns);
                self.shards.give_back(place);
                self.note_exit();
            }
        }
        // A shard that was being made is not in the list.
        self.shard_count.store(there, Relaxed);
    }
}
