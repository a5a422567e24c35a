//! Blocks signals that a write may cause and that would end the program: a pipe without a reader, a
//! file above its size limit.

#[cfg(unix)]
pub(super) use unix::Quiet;

/// Other systems have no such signals.
#[cfg(not(unix))]
pub(super) struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    pub(super) fn begin() -> Self {
        Quiet
    }
}

#[cfg(unix)]
mod unix {
    use libc::sigset_t;
    use std::mem::MaybeUninit;

    const SIGNALS: [libc::c_int; 2] = [libc::SIGPIPE, libc::SIGXFSZ];

    /// Keeps these signals from this thread until it is dropped. The write still fails, and says
    /// why.
    pub(in super::super) struct Quiet {
        before: sigset_t,
        /// Signals that came earlier, which belong to the program.
        pending: [bool; 2],
    }

    fn empty() -> sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: the first call fills in the set.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            set.assume_init()
        }
    }

    fn pending() -> [bool; 2] {
        let mut set = empty();
        SIGNALS.map(|signal| {
            // SAFETY: the set is valid.
            unsafe {
                libc::sigpending(&raw mut set) == 0
                    && libc::sigismember(&raw const set, signal) == 1
            }
        })
    }

    impl Quiet {
        pub(in super::super) fn begin() -> Self {
            let (mut ours, mut before) = (empty(), empty());
            let pending = pending();
            // SAFETY: the sets are valid.
            unsafe {
                for signal in SIGNALS {
                    libc::sigaddset(&raw mut ours, signal);
                }
                libc::pthread_sigmask(libc::SIG_BLOCK, &raw const ours, &raw mut before);
            }
            Quiet { before, pending }
        }
    }

    impl Drop for Quiet {
        fn drop(&mut self) {
            for ((signal, now), before) in SIGNALS.iter().zip(pending()).zip(self.pending) {
                if now && !before {
                    let mut one = empty();
                    let mut taken = 0;
                    // SAFETY: the set is valid. The signal is pending, so this does not wait.
                    unsafe {
                        libc::sigaddset(&raw mut one, *signal);
                        libc::sigwait(&raw const one, &raw mut taken);
                    }
                }
            }
            // SAFETY: the set is the one that was there before.
            unsafe {
                libc::pthread_sigmask(
                    libc::SIG_SETMASK,
                    &raw const self.before,
                    std::ptr::null_mut(),
                );
            }
        }
    }
}
