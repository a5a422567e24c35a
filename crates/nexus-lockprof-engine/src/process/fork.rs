//! What happens to a process as a whole: its first use of the engine, and its fork.

use crate::acquire::signal::Attempt;
use crate::acquire::thread;
use crate::control::Kind;
use crate::core::GLOBAL;
use crate::process::endpoint;
#[cfg(unix)]
use crate::process::exclusive::AllStill;
#[cfg(unix)]
use crate::process::leftovers;
use crate::process::once::Once;
use crate::process::out;
use crate::process::start;
#[cfg(unix)]
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

/// [`watch`].
static WATCH: Once = Once::new();

/// What the next lock has to do: [`FORKED`], [`THREADED`], [`COPIED`], [`FIRST_FILE`], or several.
static DUE: AtomicU8 = AtomicU8::new(0);
/// Threads of the profiler's own are to be started: this process was forked off, and its parent had some, which it has not.
const FORKED: u8 = 1;
/// Others are to be started: a second thread of the program's uses locks.
const THREADED: u8 = 2;
/// The counts are those of the process that this one was forked off from.
const COPIED: u8 = 4;
/// The file that is written every so often is to be there: whoever finds it knows that there is a process.
const FIRST_FILE: u8 = 8;

/// The first thread of the program's that uses locks, by its identity; [`UNASKED`]: nobody wants to know of the second one.
static FIRST_THREAD: AtomicUsize = AtomicUsize::new(UNASKED);
const UNASKED: usize = usize::MAX;
/// None has yet.
const NOBODY: usize = 0;

/// Prepares for both, at the global engine's first use; `environment` is whether what that asks for is done.
///
/// Once: a child that was forked off later has what it inherited. One that was forked off meanwhile has its own first use.
pub(crate) fn watch(environment: bool) {
    if !WATCH.begin() {
        return;
    }
    start::note_time_once();
    if environment {
        out::watch();
        endpoint::start();
    }
    WATCH.end();
}

/// Has [`out::write_first`] called at the next lock that waits.
pub(crate) fn await_first_lock() {
    DUE.fetch_or(FIRST_FILE, Relaxed);
}

/// Whether the next lock has more to do than to be counted.
#[inline]
pub(crate) fn is_due() -> bool {
    DUE.load(Relaxed) != 0
}

/// Writes the first file, and starts the threads that are due: those that the parent had, in a process that was forked off, which uses locks, so it lives on and does
/// not just execute another program; and the one that a program with one thread is not to have. Once.
#[cold]
#[inline(never)]
pub(crate) fn do_due() {
    // Relaxed: one thread is to do it.
    let due = DUE.swap(0, Relaxed);
    GLOBAL.call_no_more();
    if due & FORKED != 0 {
        out::start_again();
        endpoint::start_again();
    }
    if due & FIRST_FILE != 0 {
        out::write_first();
    }
    if due & THREADED != 0 {
        out::start_threaded();
    }
}

/// Forgets the counts of the process that this one was forked off from, once. Whether that is done when it returns: not by a
/// thread that is in the profiler already, nor where it may not allocate.
#[cold]
#[inline(never)]
pub(crate) fn forget_parent(attempt: Attempt) -> bool {
    if thread::is_inside() || !attempt.may_allocate() {
        return false;
    }
    let _inside = thread::inside();
    // Other threads wait until it is done: what they count then is the child's own.
    GLOBAL.begin_anew(has_parents_counts, || {
        DUE.fetch_and(!COPIED, Relaxed);
    });
    GLOBAL.call_no_more();
    true
}

/// Whether this process was forked off and has used no lock since.
pub(crate) fn has_parents_counts() -> bool {
    DUE.load(Relaxed) & COPIED != 0
}

/// Has [`out::start_threaded`] called when a second thread of the program's uses a lock.
pub(crate) fn await_second_thread() {
    FIRST_THREAD.store(NOBODY, Relaxed);
}

/// A thread of the program's uses its first lock.
pub(crate) fn note_thread() {
    if FIRST_THREAD.load(Relaxed) == UNASKED {
        return;
    }
    let this = thread::identity();
    // Relaxed: values of their own.
    if let Err(first) = FIRST_THREAD.compare_exchange(NOBODY, this, Relaxed, Relaxed)
        && first != this
        && first != UNASKED
        && FIRST_THREAD
            .compare_exchange(first, UNASKED, Relaxed, Relaxed)
            .is_ok()
    {
        DUE.fetch_or(THREADED, Relaxed);
    }
}

/// Sets the fork handlers. When it returns they are set, unless another thread takes very long to do it.
///
/// A child may have been forked off by another thread in the midst of that, and does not know whether they are set: it sets them again.
#[cfg(unix)]
pub(crate) fn watch_forks() {
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

/// Makes this thread the profiler's own: it takes no signals, and nothing that it does is recorded.
pub fn own_this_thread() {
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
    struct Held(UnsafeCell<Option<(AllStill, leftovers::ForkGuard)>>);
    // SAFETY: only the thread that has all locks reads or writes it.
    unsafe impl Sync for Held {}
    static HELD: Held = Held(UnsafeCell::new(None));
    /// The thread that has all locks, or 0. Handlers that are set twice are called twice, and do their work once.
    static HOLDER: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn prepare() {
        // Relaxed: a thread only looks for its own store.
        if HOLDER.load(Relaxed) == thread::identity() {
            return;
        }
        // Once for all children, instead of in each.
        if !matches!(GLOBAL.control().kind(), Kind::Off | Kind::Counts) {
            GLOBAL.prepare();
        }
        // It is set up by whoever is the first to use it, and the child could not wait for that.
        crossbeam_epoch::default_collector();
        let still = (AllStill::hold(), leftovers::hold());
        // SAFETY: this thread has the locks.
        unsafe { *HELD.0.get() = Some(still) };
        HOLDER.store(thread::identity(), Relaxed);
    }
    fn release() -> Option<(AllStill, leftovers::ForkGuard)> {
        if HOLDER.load(Relaxed) != thread::identity() {
            return None;
        }
        HOLDER.store(0, Relaxed);
        // SAFETY: this thread has the locks since `prepare`, until what is returned is dropped.
        unsafe { (*HELD.0.get()).take() }
    }
    extern "C" fn in_parent() {
        drop(release());
    }
    extern "C" fn in_child() {
        let Some(still) = release() else { return };
        still.0.after_fork();
        leftovers::after_fork();
        start::note_time();
        out::after_fork();
        drop(still);
        if !WATCH.is_done() {
            return;
        }
        if out::awaits_second_thread() {
            FIRST_THREAD.store(thread::identity(), Relaxed);
        }
        let copied = if out::is_asked_for() { COPIED } else { 0 };
        let has_threads = out::has_thread() || endpoint::has_thread();
        let forked = if has_threads { FORKED } else { 0 };
        let first_file = if out::is_periodic() { FIRST_FILE } else { 0 };
        DUE.store(copied | forked | first_file, Relaxed);
        if copied | forked != 0 {
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
