//! What happens to a process as a whole: its first use of the engine, and its fork.

use crate::control::Kind;
use crate::core::GLOBAL;
#[cfg(unix)]
use crate::exclusive::Still;
use crate::out;
use crate::serve;
#[cfg(unix)]
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Prepares for both, at the global engine's first use; `environment` is whether what that asks for is done.
///
/// Once: a child that was forked during that has its first use again, with what it inherited.
pub(crate) fn watch(environment: bool) {
    static WATCHING: AtomicBool = AtomicBool::new(false);
    if WATCHING.swap(true, Relaxed) {
        return;
    }
    if environment {
        out::watch();
        serve::watch();
    }
    #[cfg(unix)]
    watch_forks();
}

/// Sets the fork handlers. Registered twice, they would lock the aggregator twice.
#[cfg(unix)]
pub(crate) fn watch_forks() {
    static WATCHING: AtomicBool = AtomicBool::new(false);
    if !WATCHING.swap(true, Relaxed) {
        at_fork();
    }
}

/// Keeps the program's signal handlers out of this thread: one that exits would wait for the file that it interrupted.
pub(crate) fn no_signals() {
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
    struct Held(UnsafeCell<Option<Still<'static>>>);
    // SAFETY: only the thread that has the locks of `Still` reads or writes it.
    unsafe impl Sync for Held {}
    static HELD: Held = Held(UnsafeCell::new(None));

    extern "C" fn prepare() {
        // A clock that another thread is about to calibrate would never be ready in the child.
        if !matches!(GLOBAL.control().kind(), Kind::Off | Kind::Counts) {
            GLOBAL.clock.prepare();
        }
        let still = GLOBAL.hold_still();
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
        in_parent();
    }
    // SAFETY: the handlers do not unwind, and are there until the process ends.
    let failed = unsafe { libc::pthread_atfork(Some(prepare), Some(in_parent), Some(in_child)) };
    if failed != 0 {
        crate::say(format_args!(
            "no fork handlers: a forked child may hang in its first snapshot"
        ));
    }
}
