//! Programs that hold locks for long. `LOCKPROF_SLOW` says how long that is, and they are told of
//! it on stderr.

use nexus_lockprof::{Config, Event, Mutex};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

static FIRST: Mutex<u64> = Mutex::named("first", 0);
static SECOND: Mutex<u64> = Mutex::named("second", 0);
/// On a busy machine it may be held for long, too.
static OTHER: Mutex<u64> = Mutex::named("other", 0);

const LONG: Duration = Duration::from_millis(20);
/// A program that waits longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn main(part: &str) {
    match part {
        "holds" => hold(&FIRST),
        "one thread" => one_thread(),
        "two threads" => two_threads(),
        "end" => end(),
        "handler" => handler(),
        "handler at the end" => handler_at_the_end(),
        "handler at a locked end" => handler_at_a_locked_end(),
        "drops" => drops(),
        #[cfg(unix)]
        "fork" => fork(),
        "settings" => settings(),
        "ignored" => {
            assert_eq!(nexus_lockprof::configure(Config::default()), Ok(()));
            hold(&FIRST);
        }
        _ => panic!("no such part: {part:?}"),
    }
}

fn hold(lock: &Mutex<u64>) {
    let mut guard = lock.lock();
    let since = Instant::now();
    while since.elapsed() < LONG {
        std::thread::sleep(LONG);
    }
    *guard += 1;
}

fn use_locks_in_two_threads() {
    *OTHER.lock() += 1;
    let used = std::thread::spawn(|| *OTHER.lock() += 1).join();
    assert!(used.is_ok());
}

/// Ends without running exit handlers. What is on stderr by then was written before.
fn end_at_once() -> ! {
    #[cfg(unix)]
    // SAFETY: ends the process.
    unsafe {
        libc::_exit(0)
    }
    #[cfg(not(unix))]
    std::process::exit(0)
}

/// The line is there after the release, and no thread was started for it.
fn one_thread() {
    hold(&FIRST);
    #[cfg(target_os = "linux")]
    assert!(!has_thread());
    end_at_once();
}

/// A thread writes the line while the program does something else.
fn two_threads() {
    use_locks_in_two_threads();
    #[cfg(target_os = "linux")]
    await_thread();
    hold(&FIRST);
    std::thread::sleep(PATIENCE);
    panic!("nobody has ended this program");
}

/// The last event is delivered at the exit.
fn end() {
    use_locks_in_two_threads();
    hold(&FIRST);
}

/// A handler is called by a thread of the profiler. It may take a lock that was held when the event
/// occurred.
fn handler() {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let _ = nexus_lockprof::on_event(|event| {
        if let Event::Slow(slow) = event
            && slow.lock.name() == "first"
        {
            *OTHER.lock() += 1;
            SEEN.fetch_add(1, Relaxed);
        }
    });
    let outer = OTHER.lock();
    hold(&FIRST);
    drop(outer);
    let since = Instant::now();
    while SEEN.load(Relaxed) == 0 {
        assert!(since.elapsed() < PATIENCE, "no event");
        std::thread::yield_now();
    }
}

fn say_what_is_handled() {
    let _ = nexus_lockprof::on_event(|event| {
        if let Event::Slow(slow) = event {
            eprintln!("handled {slow}");
        }
    });
}

/// The handler gets the last event before the process ends.
fn handler_at_the_end() {
    assert_eq!(
        nexus_lockprof::configure(Config::default().slow(LONG)),
        Ok(())
    );
    say_what_is_handled();
    hold(&FIRST);
}

/// The process ends although a handler waits for a lock that its exiting thread holds.
fn handler_at_a_locked_end() {
    let _ = nexus_lockprof::on_event(|_| *OTHER.lock() += 1);
    let _outer = OTHER.lock();
    hold(&FIRST);
    std::process::exit(0)
}

/// One event, or two on a busy machine, and the rest are dropped.
fn drops() {
    let config = Config::default().slow(LONG).slow_rate(1);
    assert_eq!(nexus_lockprof::configure(config), Ok(()));
    (0..3).for_each(|_| hold(&FIRST));
}

/// A program that asks for events itself. Without a handler it gets lines.
fn settings() {
    assert_eq!(
        nexus_lockprof::configure(Config::default().slow(LONG)),
        Ok(())
    );
    hold(&FIRST);
    handler();
    // With a handler there is no line.
    hold(&SECOND);
}

/// A child forgets what its parent has not told yet, and tells its own.
#[cfg(unix)]
fn fork() {
    use_locks_in_two_threads();
    hold(&FIRST);
    // SAFETY: the child only uses a lock that nobody holds, and exits.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        hold(&SECOND);
        end_at_once();
    }
    let mut status = 0;
    // SAFETY: waits for the new child.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0);
}

#[cfg(target_os = "linux")]
fn await_thread() {
    let since = Instant::now();
    while !has_thread() {
        assert!(since.elapsed() < PATIENCE, "no thread");
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
fn has_thread() -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let mut names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.any(|name| name.trim() == "lockprof-slow")
}
