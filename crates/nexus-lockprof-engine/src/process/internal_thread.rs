//! The profiler's own threads.

use crate::acquire::leased;

/// Makes this thread internal to the profiler: it takes no signals, and nothing that it does is
/// recorded.
pub fn make_thread_internal() {
    no_signals();
    leased::mark_internal();
}

/// Keeps the program's signal handlers out of this thread. A handler that exits would wait for the
/// file that it interrupted.
fn no_signals() {
    #[cfg(unix)]
    {
        let mut all = std::mem::MaybeUninit::uninit();
        // SAFETY: the first call fills in the set that the second one reads.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut());
        }
    }
}
