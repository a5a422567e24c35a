//! What happens to a process as a whole: its exit, and its fork.

use crate::control::Kind;
use crate::core::GLOBAL;
use crate::engine::Engine;
use crate::env;
#[cfg(unix)]
use crate::exclusive::Still;
#[cfg(unix)]
use std::cell::UnsafeCell;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Where the last snapshot goes, and which process was told so.
static OUT: OnceLock<(PathBuf, u32)> = OnceLock::new();

/// Prepares for both, at the global engine's first use. A child that was forked during that has its first use again,
/// with the handlers that it inherited: registered twice, they would lock the aggregator twice.
pub(crate) fn watch() {
    static WATCHING: AtomicBool = AtomicBool::new(false);
    if WATCHING.swap(true, Relaxed) {
        return;
    }
    if let Some(path) = std::env::var_os(env::OUT) {
        if path.is_empty() {
            crate::say(format_args!(
                "{} is empty: no snapshot is written at exit",
                env::OUT
            ));
        } else if OUT.set((path.into(), std::process::id())).is_ok() {
            at_exit();
        }
    }
    #[cfg(unix)]
    at_fork();
}

#[cfg(any(unix, windows))]
fn at_exit() {
    // SAFETY: `write_out` does not unwind, and is there until the process ends.
    if unsafe { libc::atexit(write_out) } != 0 {
        crate::say(format_args!("{}: exit handlers are full", env::OUT));
    }
}

#[cfg(not(any(unix, windows)))]
fn at_exit() {
    crate::say(format_args!("{}: not supported on this platform", env::OUT));
}

extern "C" fn write_out() {
    // The thread-locals of the exiting thread are gone by now, and other threads may still run: a
    // snapshot needs neither.
    let written = catch_unwind(|| {
        let (path, told) = OUT.get()?;
        let mut path = path.clone();
        let pid = std::process::id();
        if pid != *told {
            // A forked child: its profile goes beside its parent's, not over it.
            path.as_mut_os_string().push(format!(".{pid}"));
        }
        Some(Engine::global().snapshot().write_json_file(path))
    });
    match written {
        Ok(None | Some(Ok(()))) => {}
        Ok(Some(Err(error))) => crate::say(format_args!("{}: {error}", env::OUT)),
        Err(_) => crate::say(format_args!("{}: writing the snapshot panicked", env::OUT)),
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
