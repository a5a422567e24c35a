//! A program that knows what it did, and leaves the settings to the environment.

use nexus_lockprof::{Config, Mode, Mutex};
use std::io::Write;
use std::process::exit;
use std::thread;
use std::time::Duration;

static JOBS: Mutex<Vec<u64>> = Mutex::named("jobs", Vec::new());

/// 300 acquisitions in 3 threads and one before, then `exit(code)`. `expected` is the mode that
/// must be on.
pub(crate) fn main(expected: &str, code: &str) {
    // Before any lock was used: a program that changes one setting and keeps the others reads them
    // here.
    assert_eq!(
        nexus_lockprof::config(),
        Config::default().mode(mode(expected))
    );
    // The first use reads the environment. What other threads do meanwhile would count as lost.
    JOBS.lock().push(0);
    thread::scope(|scope| {
        for id in 0..3 {
            scope.spawn(move || (0..100).for_each(|_| JOBS.lock().push(id)));
        }
    });
    assert_eq!(
        nexus_lockprof::snapshot().profiler_mode().to_string(),
        expected
    );
    exit(code.parse().unwrap_or(99));
}

/// Uses a lock, and waits to be killed.
pub(crate) fn serve() {
    loop {
        JOBS.lock().push(0);
        thread::sleep(Duration::from_millis(1));
    }
}

/// Uses a lock; then so does a forked child. Prints the child's number.
#[cfg(unix)]
pub(crate) fn fork() {
    JOBS.lock().push(0);
    // SAFETY: the child only uses a lock that nobody holds, and exits.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        JOBS.lock().push(1);
        exit(0);
    }
    let mut status = 0;
    // SAFETY: waits for the new child.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0);
    let said = writeln!(std::io::stdout(), "{pid}");
    assert!(said.is_ok(), "{said:?}");
}

fn mode(name: &str) -> Mode {
    match name {
        "off" => Mode::Off,
        "counts" => Mode::Counts,
        "exact" => Mode::Exact,
        "sampled (budget 1%)" => Mode::DEFAULT,
        "sampled (budget 3%)" => Mode::Sampled { budget: 0.03 },
        _ => panic!("no such mode: {name:?}"),
    }
}
