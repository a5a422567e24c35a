//! Waiting for cargo, and what a signal does meanwhile.

use anyhow::{Context, Result};
use std::process::{Child, ExitStatus};

/// Waits for cargo. What would end this process meanwhile is sent on to cargo, and this goes on to the report. What cargo has
/// started gets it from cargo, or not, as without us: of `cargo run` it is one process with the program's, of `cargo test` it is not.
#[cfg(unix)]
pub(crate) fn wait(mut child: Child) -> Result<ExitStatus> {
    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals cannot be handled")?;
    let handle = signals.handle();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let forwarding = std::thread::spawn(move || {
        for signal in signals.forever() {
            let forwarded = match signal {
                SIGTERM => Signal::TERM,
                SIGHUP => Signal::HUP,
                // From the terminal it goes to all processes there by itself, and twice might be once too often.
                _ if is_in_the_foreground() => continue,
                _ => Signal::INT,
            };
            if let Some(pid) = pid {
                // It may be gone already.
                let _ = kill_process(pid, forwarded);
            }
        }
    });
    let status = child.wait().context("cargo cannot be waited for");
    handle.close();
    // It has nothing to return.
    let _ = forwarding.join();
    status
}

/// Whether an interrupt from a terminal would come to us.
#[cfg(unix)]
fn is_in_the_foreground() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    terminal
        .ok()
        .and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok())
        .is_some_and(|group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
pub(crate) fn wait(mut child: Child) -> Result<ExitStatus> {
    child.wait().context("cargo cannot be waited for")
}
