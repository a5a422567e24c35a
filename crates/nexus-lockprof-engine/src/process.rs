//! What happens to a process as a whole: its first use of the engine, and its fork.

use crate::control::Kind;
use crate::core::GLOBAL;
#[cfg(unix)]
use crate::exclusive::Still;
use crate::out;
use crate::serve;
use crate::start;
use crate::thread;
#[cfg(unix)]
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// How far `watch` has come.
static WATCH: AtomicU8 = AtomicU8::new(NEW);
const NEW: u8 = 0;
const UNDER_WAY: u8 = 1;
const DONE: u8 = 2;

/// Whether this process was forked off, and its parent had threads of the profiler's own, which it has not.
static NEEDS_THREADS: AtomicBool = AtomicBool::new(false);

/// Prepares for both, at the global engine's first use; `environment` is whether what that asks for is done.
///
/// Once: a child that was forked off later has what it inherited. One that was forked off meanwhile has its own first use.
pub(crate) fn watch(environment: bool) {
    if WATCH
        .compare_exchange(NEW, UNDER_WAY, Relaxed, Relaxed)
        .is_err()
    {
        return;
    }
    start::note_time_once();
    #[cfg(unix)]
    watch_forks();
    if environment {
        out::watch();
        serve::watch();
    }
    WATCH.store(DONE, Relaxed);
}

/// Whether the next lock is the first one of a process that was forked off and has to start threads of its own.
#[inline]
pub(crate) fn needs_threads() -> bool {
    NEEDS_THREADS.load(Relaxed)
}

/// Starts in a process that was forked off the threads that its parent had: it uses locks, so it lives on and does not just execute
/// another program. Once.
#[cold]
#[inline(never)]
pub(crate) fn start_threads() {
    // Relaxed: one thread is to do it.
    if NEEDS_THREADS.swap(false, Relaxed) {
        GLOBAL.call_no_more();
        out::start_again();
        serve::start_again();
    }
}

/// Sets the fork handlers. Registered twice, they would lock the aggregator twice.
#[cfg(unix)]
pub(crate) fn watch_forks() {
    static WATCHING: AtomicBool = AtomicBool::new(false);
    if !WATCHING.swap(true, Relaxed) {
        at_fork();
    }
}

/// Makes this thread the profiler's own: it takes no signals, and nothing that it does is recorded.
pub(crate) fn own_this_thread() {
    no_signals();
    thread::make_own();
}

/// Keeps the program's signal handlers out of this thread: one that exits would wait for the file that it interrupted.
fn no_signals() {
    #[cfg(unix)]
    {
        let mut all = std::mem::MaybeUninit::uninit();
        // SAFETY: the first call makes the set that the second one reads.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut());
        }
    }
}

/// A child has only the thread that forked: had another been collecting, the child would find the
/// aggregator locked for good. So the forking thread takes it over the fork. The same goes for the clock.
#[cfg(unix)]
fn at_fork() {
    /// What the forking thread holds: nobody else looks.
    struct Held(UnsafeCell<Option<(Still<'static>, serve::Still)>>);
    // SAFETY: only the thread that has the locks of both reads or writes it.
    unsafe impl Sync for Held {}
    static HELD: Held = Held(UnsafeCell::new(None));

    extern "C" fn prepare() {
        // A clock that another thread is about to calibrate would never be ready in the child.
        if !matches!(GLOBAL.control().kind(), Kind::Off | Kind::Counts) {
            GLOBAL.clock.prepare();
        }
        let still = (GLOBAL.hold_still(), serve::hold_still());
        // SAFETY: this thread has the locks.
        unsafe { *HELD.0.get() = Some(still) };
    }
    extern "C" fn in_parent() {
        // SAFETY: this thread has the locks since `prepare`, until `still` is dropped.
        let still = unsafe { (*HELD.0.get()).take() };
        drop(still);
    }
    extern "C" fn in_child() {
        GLOBAL.after_fork();
        serve::after_fork();
        start::note_time();
        out::after_fork();
        in_parent();
        if WATCH.load(Relaxed) == UNDER_WAY {
            WATCH.store(NEW, Relaxed);
        } else if out::has_thread() || serve::has_thread() {
            NEEDS_THREADS.store(true, Relaxed);
            GLOBAL.call_at_next_lock();
        }
    }
    // SAFETY: the handlers do not unwind, and are there until the process ends.
    let failed = unsafe { libc::pthread_atfork(Some(prepare), Some(in_parent), Some(in_child)) };
    if failed != 0 {
        crate::say(format_args!(
            "no fork handlers: a forked child may hang in its first snapshot"
        ));
    }
}
