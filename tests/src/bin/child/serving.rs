//! A program that LOCKPROF_SERVE serves, without knowing it.

use nexus_lockprof::Mutex;
use nexus_lockprof_tests::http::At;
use std::io::{BufRead, Write};
use std::process::exit;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::Duration;
#[cfg(target_os = "linux")]
use std::time::Instant;

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

/// Processes end that have forked children while a thread of theirs began to serve. Then their
/// place is free, though the children live on.
#[cfg(target_os = "linux")]
pub(crate) fn fork_meanwhile(path: &str) {
    const ROUNDS: usize = 50;
    const PATIENCE: Duration = Duration::from_secs(30);
    // An address of its own: a port of the usual one might be another test's meanwhile.
    let [.., high, low] = std::process::id().to_be_bytes();
    let places = [
        format!("unix:{path}"),
        format!("127.77.{high}.{}:17977", low.clamp(1, 254)),
    ];
    for place in places {
        let Ok(listen) = place.parse() else {
            panic!("{place}")
        };
        for round in 0..ROUNDS {
            // SAFETY: this process has one thread: a server that was dropped has none.
            let pid = unsafe { libc::fork() };
            assert!(pid >= 0, "{}", std::io::Error::last_os_error());
            if pid == 0 {
                serve_and_fork(&listen);
            }
            let mut status = -1;
            // SAFETY: nobody else waits for it.
            unsafe { libc::waitpid(pid, &raw mut status, 0) };
            // A child may still be at its fork handlers, which close its copies.
            let end = Instant::now() + PATIENCE;
            let served = loop {
                let served = nexus_lockprof::serve(&listen).map(drop);
                if served.is_ok() || Instant::now() > end {
                    break served;
                }
                sleep(Duration::from_millis(1));
            };
            // SAFETY: the group has only the children that `serve_and_fork` left.
            unsafe { libc::kill(-pid, libc::SIGKILL) };
            assert_eq!(status, 0, "{place}, round {round}");
            assert!(served.is_ok(), "{place}, round {round}: {served:?}");
        }
    }
    say("free");
}

/// Leaves children in its process group.
#[cfg(target_os = "linux")]
fn serve_and_fork(place: &nexus_lockprof::Listen) -> ! {
    const MOST: usize = 20;
    // SAFETY: makes a group of this process.
    unsafe { libc::setpgid(0, 0) };
    let is_served = AtomicBool::new(false);
    // The first lock sets the fork handlers, in this thread, before it forks.
    JOBS.lock().push(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            match nexus_lockprof::serve(place) {
                Ok(server) => server.detach(),
                Err(error) => panic!("{error}"),
            }
            is_served.store(true, Relaxed);
        });
        for _ in 0..MOST {
            if is_served.load(Relaxed) {
                break;
            }
            // SAFETY: the child only waits to be killed, for a minute at most.
            unsafe {
                if libc::fork() == 0 {
                    libc::sleep(60);
                    libc::_exit(0);
                }
            }
        }
    });
    // SAFETY: ends the process, with the server, as a daemon's parent does.
    unsafe { libc::_exit(0) }
}

fn say(word: &str) {
    let said = writeln!(std::io::stdout(), "{word}");
    assert!(said.is_ok(), "{said:?}");
}

fn wait() {
    let read = std::io::stdin().lock().read_line(&mut String::new());
    assert!(read.is_ok(), "{read:?}");
}
