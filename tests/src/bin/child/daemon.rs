//! Programs that fork and live on as the child.

use nexus_lockprof::Mutex;
use std::io::Write;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::Duration;

static PARENTS: Mutex<u64> = Mutex::named("parent's", 0);
static CHILDS: Mutex<u64> = Mutex::named("child's", 0);
static TOLD: AtomicBool = AtomicBool::new(false);

/// A classic daemon: prints its number, and locks until a signal tells it to end. By then it has
/// taken its lock 1000 times.
pub(crate) fn main() {
    *PARENTS.lock() += 1;
    leave_to_child();
    // SAFETY: the child has only this thread.
    unsafe { libc::setsid() };
    leave_to_child();
    extern "C" fn told(_: libc::c_int) {
        TOLD.store(true, Relaxed);
    }
    let handler = told as extern "C" fn(libc::c_int);
    // SAFETY: the handler stores a flag.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    say(&std::process::id().to_string());
    let mut rounds = 0;
    while !TOLD.load(Relaxed) {
        rounds += 1;
        if rounds <= 500 {
            *CHILDS.lock() += 1;
        }
        sleep(Duration::from_millis(1));
    }
    for _ in rounds.min(500)..1000 {
        *CHILDS.lock() += 1;
    }
    exit(0);
}

/// The child continues; the parent exits.
fn leave_to_child() {
    // SAFETY: the parent ends at once.
    match unsafe { libc::fork() } {
        0 => {}
        -1 => panic!("{}", std::io::Error::last_os_error()),
        // SAFETY: ends the process.
        _ => unsafe { libc::_exit(0) },
    }
}

/// What a child does, step by step, and how many threads it has then.
#[cfg(target_os = "linux")]
pub(crate) fn threads() {
    *PARENTS.lock() += 1;
    fork_and_wait(|| {
        assert_eq!(threads_now(), 1, "a child that has just been forked off");
        drop(PARENTS.try_lock());
        drop(CHILDS.try_lock());
        assert_eq!(threads_now(), 1, "what a signal handler may do starts none");
        *PARENTS.lock() += 1;
        assert_ne!(threads_now(), 1, "a child that locks");
    });
}

/// A program with one thread keeps a single thread, and so does its child. A program with two gets
/// the thread that writes the file.
#[cfg(target_os = "linux")]
pub(crate) fn one_thread() {
    let lock_all = || {
        for lock in [&PARENTS, &CHILDS] {
            *lock.lock() += 1;
            drop(lock.try_lock());
        }
    };
    let lock_in_threads = || {
        for _ in 0..2 {
            let _ = std::thread::spawn(move || *PARENTS.lock() += 1).join();
        }
        assert_eq!(threads_now(), 2, "a program of which two threads lock");
    };
    lock_all();
    assert_eq!(threads_now(), 1, "a program with one thread");
    fork_and_wait(|| {
        lock_all();
        assert_eq!(threads_now(), 1, "a child with one thread");
        lock_in_threads();
    });
    assert_eq!(threads_now(), 1, "a program with one thread and a child");
    lock_in_threads();
    fork_and_wait(|| {
        lock_all();
        assert_eq!(
            threads_now(),
            1,
            "a child with one thread, and its parent with two"
        );
    });
}

/// A child that cannot start a thread.
#[cfg(target_os = "linux")]
pub(crate) fn no_threads() {
    *PARENTS.lock() += 1;
    fork_and_wait(|| {
        let limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: drops this process's rights, because the limit does not apply to root, and sets
        // the limit.
        unsafe {
            libc::setuid(65_534);
            assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit), 0);
        }
        for _ in 0..3 {
            *PARENTS.lock() += 1;
        }
        assert_eq!(threads_now(), 1);
    });
}

#[cfg(target_os = "linux")]
fn fork_and_wait(child: impl FnOnce()) {
    // SAFETY: the child uses locks that nobody holds, and exits.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        child();
        // SAFETY: ends the process. The child must not flush the parent's standard output.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for the new child.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0, "the child failed");
}

#[cfg(target_os = "linux")]
fn threads_now() -> usize {
    // By the system's own count, without an allocation of ours that could fail.
    let mut stat = [0; 1024];
    let read = std::fs::File::open("/proc/self/stat")
        .and_then(|mut file| std::io::Read::read(&mut file, &mut stat));
    let text = String::from_utf8_lossy(&stat[..read.unwrap_or(0)]);
    // After the name in parentheses: the 18th of the following fields.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let count = rest.split_whitespace().nth(17);
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn say(word: &str) {
    let said = writeln!(std::io::stdout(), "{word}");
    assert!(said.is_ok(), "{said:?}");
}
