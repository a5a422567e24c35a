//! Asks the system about the other threads of this process.

#[cfg(target_os = "linux")]
use std::io::ErrorKind;

/// Whether the system tells what the functions below ask. It may not, without `/proc` or if no file
/// can be opened.
#[cfg(target_os = "linux")]
pub(crate) fn system_tells() -> bool {
    run_ns(this_thread()).is_some() && !is_asleep(this_thread())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn system_tells() -> bool {
    false
}

/// Whether the thread with this number of the system sleeps. Not if it runs, waits for a processor,
/// or is stopped. `true` for a thread that has ended, whose wait has ended, too.
///
/// A thread that was woken no longer sleeps, even if it has not run since.
#[cfg(target_os = "linux")]
pub(crate) fn is_asleep(thread: u64) -> bool {
    let stat = match std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")) {
        Ok(stat) => stat,
        Err(error) => return error.kind() == ErrorKind::NotFound,
    };
    // The name of the thread, in parentheses, may contain anything.
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_none_or(|state| state.starts_with('S'))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_asleep(_: u64) -> bool {
    true
}

/// For how many nanoseconds the thread has had a processor. The system may update it as rarely as
/// it interrupts the thread. `None` if it does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn run_ns(thread: u64) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    stat.split(' ').next()?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn run_ns(_: u64) -> Option<u64> {
    None
}

/// The system's number of the calling thread.
#[cfg(target_os = "linux")]
pub(crate) fn this_thread() -> u64 {
    // SAFETY: only returns a number.
    u64::try_from(unsafe { libc::gettid() }).unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn this_thread() -> u64 {
    0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_thread_sleeps_until_it_is_woken() {
        assert!(!is_asleep(this_thread()), "it runs");
        let (say, hear) = mpsc::channel();
        let (wake, woken) = mpsc::channel::<()>();
        let sleeper = std::thread::spawn(move || {
            say.send(this_thread()).unwrap();
            let _ = woken.recv();
        });
        let thread = hear.recv().unwrap();
        while !is_asleep(thread) {
            std::thread::yield_now();
        }
        drop(wake);
        sleeper.join().unwrap();
        assert!(is_asleep(u64::MAX), "there is no such thread");
        assert!(system_tells());
    }
}
