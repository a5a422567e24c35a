//! What the process does at the engine's first use, around a fork, and at the next lock after a
//! fork.

#[cfg(unix)]
use crate::acquire::leased;
use crate::acquire::thread;
use crate::control::ModeKind;
use crate::core::Core;
#[cfg(unix)]
use crate::core::GLOBAL;
use crate::process::due;
use crate::process::endpoint;
#[cfg(unix)]
use crate::process::fork_guard::ForkGuard;
#[cfg(unix)]
use crate::process::leftovers;
use crate::process::once::Once;
use crate::process::out;
use crate::process::slow_events;
use crate::process::start;
#[cfg(unix)]
use std::cell::UnsafeCell;
#[cfg(unix)]
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// For [`install`].
static INSTALL: Once = Once::new();

/// Prepares for exit and fork at the global engine's first use. `environment` says whether to do
/// what the environment asks for.
///
/// Runs once. A child that is forked later inherits the result. A child that is forked meanwhile
/// has its own first use.
pub(crate) fn install(environment: bool) {
    if !INSTALL.begin() {
        return;
    }
    start::note_time_once();
    if environment {
        out::install();
        endpoint::start();
    }
    INSTALL.end();
}

impl Core {
    /// Writes the first file and starts the threads that are due. In a forked process, these are
    /// the threads that its parent had. The process uses locks, so it lives on and does not just
    /// execute another program. A program with one thread gets the other thread only when its
    /// second one uses locks. Each is done once.
    #[cold]
    #[inline(never)]
    pub(crate) fn do_due(&self) {
        let what = due::take();
        self.call_no_more();
        if what & due::FORKED != 0 {
            out::start_again();
            endpoint::start_again();
            slow_events::start_again();
        }
        if what & due::FIRST_FILE != 0 {
            out::write_first();
        }
        if what & due::THREADED != 0 {
            out::start_threaded();
            slow_events::start_thread();
        }
    }
}

/// Sets the fork handlers. They are set when it returns, unless another thread takes very long to
/// do it.
///
/// Another thread may have forked this child in the middle of that. Then the child does not know
/// whether they are set, and sets them again.
#[cfg(unix)]
pub(crate) fn install_fork_handlers() {
    const TURNS: usize = 100_000;
    static HANDLERS: Once = Once::new();
    if HANDLERS.is_done() {
        return;
    }
    // `pthread_atfork` allocates.
    let _inside = thread::inside();
    if HANDLERS.begin() {
        at_fork();
        HANDLERS.end();
        return;
    }
    for _ in 0..TURNS {
        if HANDLERS.is_done() {
            return;
        }
        std::thread::yield_now();
    }
}

/// A child has only the thread that forked. If another thread had been collecting, the child would
/// find the aggregator locked for good. So the forking thread holds that lock during the fork. The
/// same holds for the clock.
#[cfg(unix)]
fn at_fork() {
    /// What the forking thread holds. No other thread looks at it.
    struct Guards(UnsafeCell<Option<(ForkGuard, leftovers::ForkGuard)>>);
    // SAFETY: only the thread that has all locks reads or writes it.
    unsafe impl Sync for Guards {}
    static HELD: Guards = Guards(UnsafeCell::new(None));
    /// The thread that has all locks, or 0. Handlers that are set twice are called twice and do
    /// their work once.
    static HOLDER: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn prepare() {
        // Relaxed: a thread only looks for its own store.
        if HOLDER.load(Relaxed) == thread::identity() {
            return;
        }
        // Does it once for all children, instead of in each.
        if !matches!(GLOBAL.control().kind(), ModeKind::Off | ModeKind::Counts) {
            GLOBAL.prepare();
        }
        // The first user sets it up, and the child could not wait for another thread to finish
        // that.
        crossbeam_epoch::default_collector();
        let still = (ForkGuard::hold(), leftovers::hold());
        // SAFETY: this thread has the locks.
        unsafe { *HELD.0.get() = Some(still) };
        HOLDER.store(thread::identity(), Relaxed);
    }
    fn release() -> Option<(ForkGuard, leftovers::ForkGuard)> {
        if HOLDER.load(Relaxed) != thread::identity() {
            return None;
        }
        HOLDER.store(0, Relaxed);
        // SAFETY: this thread has the locks from `prepare` until the returned value is dropped.
        unsafe { (*HELD.0.get()).take() }
    }
    extern "C" fn in_parent() {
        drop(release());
    }
    extern "C" fn in_child() {
        let Some(still) = release() else { return };
        still.0.after_fork();
        leased::note_thread_again();
        leftovers::after_fork();
        start::note_time();
        out::after_fork();
        drop(still);
        if !INSTALL.is_done() {
            return;
        }
        if out::awaits_second_thread() || slow_events::awaits_second_thread() {
            due::note_first_thread(thread::identity());
        }
        let copied = if out::is_asked_for() { due::COPIED } else { 0 };
        let has_threads = out::has_thread() || endpoint::has_thread() || slow_events::has_thread();
        let forked = if has_threads { due::FORKED } else { 0 };
        let first_file = if out::is_periodic() {
            due::FIRST_FILE
        } else {
            0
        };
        due::replace(copied | forked | first_file);
        if copied | forked != 0 {
            GLOBAL.call_at_next_lock();
        }
    }
    // SAFETY: the handlers do not unwind, and exist until the process ends.
    let failed = unsafe { libc::pthread_atfork(Some(prepare), Some(in_parent), Some(in_child)) };
    if failed != 0 {
        crate::process::stderr::say(format_args!(
            "no fork handlers: a forked child may hang in its first snapshot"
        ));
    }
}
