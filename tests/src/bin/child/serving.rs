//! A program that LOCKPROF_SERVE serves. It knows nothing of that.

use nexus_lockprof::Mutex;
use std::io::{BufRead, Write};
use std::process::exit;
use std::thread::sleep;
use std::time::Duration;

static JOBS: Mutex<Vec<u64>> = Mutex::named("jobs", Vec::new());

/// 300 acquisitions; says `ready`; returns when it is told to, by a line or the end of its input.
pub(crate) fn main() {
    (0..300).for_each(|job| JOBS.lock().push(job));
    say("ready");
    wait();
}

/// The same, with a child that was forked off: says its number and `ready`. The child ends normally when it gets a line; the
/// parent waits on, to be killed.
pub(crate) fn fork() {
    (0..300).for_each(|job| JOBS.lock().push(job));
    say("before");
    wait();
    // SAFETY: the child uses a lock that nobody holds, reads and exits.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        JOBS.lock().push(1);
        wait();
        exit(0);
    }
    say(&pid.to_string());
    loop {
        sleep(Duration::from_secs(60));
    }
}

fn say(word: &str) {
    let said = writeln!(std::io::stdout(), "{word}");
    assert!(said.is_ok(), "{said:?}");
}

fn wait() {
    let read = std::io::stdin().lock().read_line(&mut String::new());
    assert!(read.is_ok(), "{read:?}");
}
