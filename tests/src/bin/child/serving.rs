//! A program that LOCKPROF_SERVE serves, without knowing it.

use nexus_lockprof::Mutex;
use nexus_lockprof_tests::http::At;
use std::io::{BufRead, Write};
use std::process::exit;
use std::thread::sleep;
use std::time::Duration;

static JOBS: Mutex<Vec<u64>> = Mutex::named("jobs", Vec::new());

/// Locks before `main` if the environment says so: when the loader runs the program's constructors.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = lock_before_main;

#[cfg(target_os = "linux")]
extern "C" fn lock_before_main() {
    if std::env::var_os("CHILD_LOCKS_BEFORE_MAIN").is_some() {
        JOBS.lock().push(0);
    }
}

/// Makes 300 acquisitions, prints `ready`, and returns at a line or the end of its input.
pub(crate) fn main() {
    (0..300).for_each(|job| JOBS.lock().push(job));
    say("ready");
    wait();
}

/// The same, with a forked child. Prints the child's number and `ready`. The child ends normally
/// when it gets a line. The parent waits on, to be killed.
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

/// Serves, and forks a child, which has copies of all files. The server still ends when the parent
/// ends it, and not when the child drops its copy of the handle.
pub(crate) fn end_after_fork() {
    let Ok(place) = "127.0.0.1:0".parse() else {
        panic!("an address")
    };
    let server = match nexus_lockprof::serve(&place) {
        Ok(server) => server,
        Err(error) => panic!("{error}"),
    };
    let at = server.local_addr().map(At::Tcp);
    let connects = || at.as_ref().is_some_and(|at| at.connect().is_ok());
    let answers = || at.as_ref().is_some_and(|at| at.get("/config").is_ok());
    // SAFETY: the child drops its copies, sleeps and exits.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        drop(server);
        say("child");
        // It does not read: both share one input, so it might take the parent's line.
        sleep(Duration::from_secs(60));
        exit(0);
    }
    wait();
    let answered = answers();
    drop(server);
    let connected = connects();
    // SAFETY: nobody else has the child's number until it is waited for.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, std::ptr::null_mut(), 0);
    }
    assert!(answered, "the child has ended its parent's server");
    assert!(!connected);
    say("ended");
}

fn say(word: &str) {
    let said = writeln!(std::io::stdout(), "{word}");
    assert!(said.is_ok(), "{said:?}");
}

fn wait() {
    let read = std::io::stdin().lock().read_line(&mut String::new());
    assert!(read.is_ok(), "{read:?}");
}
