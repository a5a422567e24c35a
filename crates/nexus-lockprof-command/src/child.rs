//! A program that another one runs.

use anyhow::{Context, Result};
use std::process::{Child, ExitStatus};

/// Which signals are passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signals {
    /// Those that ask a program to end: SIGINT, SIGTERM and SIGHUP.
    End,
    /// Also SIGQUIT, SIGUSR1 and SIGUSR2.
    All,
}

/// Waits for a child. Passes signals that would end this process on to the child, so that this
/// process goes on to its report.
///
/// # Errors
///
/// If signals cannot be handled, or the child cannot be waited for.
#[cfg(unix)]
pub fn wait(mut child: Child, signals: Signals) -> Result<ExitStatus> {
    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

    let all = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];
    let heard = match signals {
        Signals::End => &all[..3],
        Signals::All => &all,
    };
    let mut signals =
        signal_hook::iterator::Signals::new(heard).context("signals cannot be handled")?;
    let handle = signals.handle();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let forwarding = std::thread::spawn(move || {
        for signal in signals.forever() {
            let forwarded = match signal {
                SIGTERM => Signal::TERM,
                SIGHUP => Signal::HUP,
                SIGUSR1 => Signal::USR1,
                SIGUSR2 => Signal::USR2,
                // The terminal sends these to all its processes, and the child must not get them
                // twice.
                _ if is_in_the_foreground() => continue,
                SIGQUIT => Signal::QUIT,
                _ => Signal::INT,
            };
            if let Some(pid) = pid {
                // It may be gone already.
                let _ = kill_process(pid, forwarded);
            }
        }
    });
    let status = child.wait().context("the program cannot be waited for");
    handle.close();
    // It has nothing to return.
    let _ = forwarding.join();
    status
}

/// The same where there are no signals.
///
/// # Errors
///
/// If the child cannot be waited for.
#[cfg(not(unix))]
pub fn wait(mut child: Child, _: Signals) -> Result<ExitStatus> {
    child.wait().context("the program cannot be waited for")
}

/// Whether an interrupt from a terminal would come to this process.
#[cfg(unix)]
fn is_in_the_foreground() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    terminal
        .ok()
        .and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok())
        .is_some_and(|group| group == rustix::process::getpgrp())
}

/// The child's own exit code; for a signal, the one that shells use.
#[must_use]
pub fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128_u8.saturating_add(u8::try_from(signal).unwrap_or(127));
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or(1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn codes_are_those_of_a_shell() {
        assert_eq!(exit_code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(exit_code(ExitStatus::from_raw(15)), 143);
    }
}
