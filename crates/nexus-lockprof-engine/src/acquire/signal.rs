//! Tells whether this thread may be in a signal handler. A handler must not allocate, because it
//! may have interrupted the allocator.
//!
//! A thread that waits for a lock counts as being in no handler. A handler must not wait, since it
//! could wait for the very thread that it interrupted. So only acquisitions that do not wait ask,
//! and only where they would allocate.
//!
//! While a handler runs, its signal is blocked in its thread, unless it was installed with
//! `SA_NODEFER`. So a thread that blocks no signal is in no handler if the process has no such
//! handler. Nothing is certain about any other thread: it may block signals for a reason of its
//! own. A handler that unblocks its own signal looks like the program itself. So does one that was
//! installed by System V's rules (`SA_NODEFER` and `SA_RESETHAND`).

use std::cell::Cell;

/// How an acquisition is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It waits if necessary.
    Waits,
    /// It does not wait, or not here. A signal handler may do that.
    Tries,
}

impl Attempt {
    /// Whether it may allocate. Ask only where it would.
    pub(crate) fn may_allocate(self) -> bool {
        match self {
            Attempt::Waits => true,
            Attempt::Tries => PATIENCE.with(|patience| patience.ask(is_in_no_handler)),
        }
    }
}

/// How many requests a thread skips without asking the system, after refusals.
///
/// Each question costs a system call for each signal. Otherwise a thread that blocks signals and
/// only tries locks would ask at each acquisition.
#[derive(Debug)]
struct Patience {
    refusals: Cell<u32>,
    left: Cell<u32>,
}

thread_local! {
    /// Has no destructor, so it exists until the thread's very end.
    static PATIENCE: Patience = const { Patience::new() };
}

/// What this thread was refused now exists, so it asks again from the next time on.
pub(crate) fn forget_refusals() {
    PATIENCE.with(Patience::forget);
}

/// The number of requests to skip doubles this often, up to 1,024.
const MOST_REFUSALS: u32 = 10;

impl Patience {
    const fn new() -> Self {
        Patience {
            refusals: Cell::new(0),
            left: Cell::new(0),
        }
    }

    fn ask(&self, may: impl FnOnce() -> bool) -> bool {
        if let Some(left) = self.left.get().checked_sub(1) {
            self.left.set(left);
            return false;
        }
        if may() {
            self.refusals.set(0);
            return true;
        }
        let refusals = self.refusals.get();
        self.left.set((1 << refusals) - 1);
        self.refusals.set((refusals + 1).min(MOST_REFUSALS));
        false
    }

    /// Asks again from the next time on.
    fn forget(&self) {
        self.refusals.set(0);
        self.left.set(0);
    }
}

/// Signals are numbered from 1. Linux has 64, other systems have 31.
#[cfg(unix)]
const LAST_SIGNAL: libc::c_int = if cfg!(target_os = "linux") { 64 } else { 31 };

/// Whether the calling thread is certainly in no handler. A handler may call this.
#[cfg(unix)]
fn is_in_no_handler() -> bool {
    !blocks_a_signal() && !(1..=LAST_SIGNAL).any(is_handled_again_meanwhile)
}

#[cfg(not(unix))]
fn is_in_no_handler() -> bool {
    true
}

#[cfg(unix)]
fn blocks_a_signal() -> bool {
    let mut blocked = std::mem::MaybeUninit::uninit();
    // SAFETY: without a new set, the call only fills in the old one.
    let failed =
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), blocked.as_mut_ptr()) };
    if failed != 0 {
        return true;
    }
    // SAFETY: the call above filled it in.
    let blocked: libc::sigset_t = unsafe { blocked.assume_init() };
    // SAFETY: the set is filled in. A number that is no signal's is an error, not undefined
    // behaviour.
    (1..=LAST_SIGNAL).any(|signal| unsafe { libc::sigismember(&raw const blocked, signal) } == 1)
}

/// Whether the signal has a handler that does not block it.
#[cfg(unix)]
fn is_handled_again_meanwhile(signal: libc::c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action, the call only fills in the old one. A number that is no
    // signal's is an error.
    let action = unsafe {
        if libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) != 0 {
            return false;
        }
        action.assume_init()
    };
    let has_handler = ![libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction);
    has_handler && action.sa_flags & libc::SA_NODEFER != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_more_rarely_while_the_answer_is_no() {
        let patience = Patience::new();
        let mut asked = 0;
        for _ in 0..10_000 {
            assert!(!patience.ask(|| {
                asked += 1;
                false
            }));
        }
        // It skips 1, 2, 4 and so on up to 1,024 requests, and then 1,024 each time.
        assert_eq!(asked, 10 + (10_000_usize - 1_023).div_ceil(1_024));
        patience.forget();
        assert!(patience.ask(|| true));
        assert!(!patience.ask(|| false));
        assert!(patience.ask(|| true));
    }

    #[cfg(unix)]
    #[test]
    fn a_thread_that_blocks_a_signal_may_be_in_its_handler() {
        // Uses a thread of its own, so that it changes nobody else's signal mask.
        let tried = std::thread::spawn(|| {
            // SAFETY: all zeros is a valid set, which the next call makes an empty one.
            let mut set = unsafe { std::mem::zeroed() };
            let mut answers = Vec::new();
            for how in [libc::SIG_UNBLOCK, libc::SIG_BLOCK, libc::SIG_UNBLOCK] {
                // SAFETY: the set is valid memory to write to, and is filled in before it is read.
                unsafe {
                    libc::sigemptyset(&raw mut set);
                    libc::sigaddset(&raw mut set, libc::SIGURG);
                    libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut());
                }
                answers.push(is_in_no_handler());
            }
            answers
        });
        assert_eq!(tried.join().ok(), Some(vec![true, false, true]));
    }
}
