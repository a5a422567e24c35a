//! The engine's own locks, all on the cold path: std's, without poisoning.
//!
//! Not parking_lot's, which a program may have replaced by the locks that this engine profiles. And a child that was
//! forked off while other threads waited for one can unlock it: there is no table of waiting threads.

use crate::collect::aggregate::Aggregator;
use crate::core::{Core, GLOBAL};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};

/// Locks. A panic while it was locked is no reason to stop: what it guards is whole after each statement, or replaced.
#[cfg(not(lockprof_sanitize_thread))]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The same for ThreadSanitizer: where `Mutex::lock` waits it is inside std, which is not instrumented, and the sanitizer does
/// not see that the lock was taken.
#[cfg(lockprof_sanitize_thread)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    loop {
        match try_lock(mutex) {
            Some(guard) => return guard,
            None => std::thread::yield_now(),
        }
    }
}

/// Locks, if nobody has it locked: for the cold path, which must not wait.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Locked by who sets something that others wait for until it is set, such as a `OnceLock`. Nothing else is locked meanwhile.
pub(crate) static SETTING: Mutex<()> = Mutex::new(());

/// The engines besides the global one, for fork handlers; some may be gone.
static LOCALS: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

/// Adds an engine to those that are held still when the process forks.
pub(crate) fn remember(core: &Arc<Core>) {
    let mut locals = lock(&LOCALS);
    if locals.len() == locals.capacity() {
        locals.retain(|core| core.strong_count() != 0);
    }
    locals.push(Arc::downgrade(core));
}

/// All locks of a core, held.
#[cfg(unix)]
pub(crate) struct Still<'a> {
    pub(crate) _changes: MutexGuard<'a, u64>,
    pub(crate) _aggregator: MutexGuard<'a, Option<Box<Aggregator>>>,
}

/// A local engine, and all its locks, held.
#[cfg(unix)]
struct StillLocal {
    /// Before `core`, which it borrows: fields are dropped in this order.
    _still: Still<'static>,
    core: Arc<Core>,
}

/// All locks of the engines that there are, held: no other thread changes anything until it is dropped.
// In the reverse of the order in which they are taken. Whoever has one of a core's takes at most `SETTING` besides.
#[cfg(unix)]
pub(crate) struct AllStill {
    _setting: MutexGuard<'static, ()>,
    locals: Vec<StillLocal>,
    _global: Still<'static>,
    _locals: MutexGuard<'static, Vec<Weak<Core>>>,
}

#[cfg(unix)]
impl AllStill {
    /// Waits for what is under way.
    pub(crate) fn hold() -> Self {
        let remembered = lock(&LOCALS);
        let global = GLOBAL.hold_still();
        let locals = remembered.iter().filter_map(Weak::upgrade);
        let locals = locals.map(|core| {
            // SAFETY: dropped before `core`, which keeps what it borrows.
            let still =
                unsafe { std::mem::transmute::<Still<'_>, Still<'static>>(core.hold_still()) };
            StillLocal {
                _still: still,
                core,
            }
        });
        AllStill {
            locals: locals.collect(),
            _global: global,
            _locals: remembered,
            _setting: lock(&SETTING),
        }
    }

    /// In a child that was forked off: what threads that are not there had begun is begun anew.
    pub(crate) fn after_fork(&self) {
        GLOBAL.after_fork();
        for local in &self.locals {
            local.core.after_fork();
        }
    }
}
