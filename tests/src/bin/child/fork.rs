//! A forked child locks, collects and exits, whatever the other threads were doing at the time.
//!
//! The child uses only locks that no other thread uses, and none that is contended. Another thread
//! may hold parking_lot's table of parked threads during the fork, and then it stays locked in the
//! child. Nobody can help that. The test shows that the profiler does not touch that table by
//! itself.

use lock_api::RawMutex;
use nexus_lockprof::engine::Engine;
use nexus_lockprof::{Config, Mode, Mutex, Profiled, Snapshot, snapshot};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const FORKS: u64 = 400;
/// A child that lives longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(20);

static OURS: Mutex<u64> = Mutex::named("forking thread's", 0);
static THEIRS: Mutex<u64> = Mutex::named("other threads'", 0);
static DONE: AtomicBool = AtomicBool::new(false);

pub(crate) fn main() {
    assert_eq!(
        nexus_lockprof::configure(nexus_lockprof::config().mode(Mode::Exact)),
        Ok(())
    );
    thread::scope(|scope| {
        for work in [collect, collect, collect, lock] {
            scope.spawn(move || {
                while !DONE.load(Relaxed) {
                    work();
                    // A fork waits for a running collection, so give it a chance to run.
                    thread::sleep(Duration::from_micros(20));
                }
            });
        }
        let failed = (1..=FORKS).find_map(|number| {
            *OURS.lock() += 1;
            fork(number).err()
        });
        DONE.store(true, Relaxed);
        if let Some(error) = failed {
            panic!("{error}");
        }
    });
    let point = snapshot().point("forking thread's").cloned();
    assert_eq!(point.map(|point| point.acquisitions), Some(FORKS));
}

/// Forks while another thread makes the first timed acquisition of the process, which calibrates
/// the clock.
pub(crate) fn while_calibrating() {
    // The engine's first use, which installs the fork handlers.
    assert_eq!(
        nexus_lockprof::configure(Config::default().mode(Mode::Counts)),
        Ok(())
    );
    *OURS.lock() += 1;
    assert_eq!(
        nexus_lockprof::configure(Config::default().mode(Mode::Exact)),
        Ok(())
    );
    let (about_to, is_about_to) = mpsc::channel();
    let timed = thread::spawn(move || {
        let _ = about_to.send(());
        lock();
    });
    assert_eq!(is_about_to.recv(), Ok(()));
    // This thread does not lock meanwhile, because it would wait for the clock itself.
    while !timed.is_finished() {
        assert_eq!(fork(1), Ok(()));
    }
    assert!(timed.join().is_ok());
}

fn collect() {
    let _ = snapshot();
}

fn lock() {
    *THEIRS.lock() += 1;
}

/// The threads of its parent pass no time in a child, but their counts are there.
pub(crate) fn time_of_threads() {
    const THREADS: usize = 8;
    let local = Engine::new();
    let engines = [Engine::global(), local.clone()];
    let raw = Profiled::named_in(local, RawMutex::INIT, "other threads'");
    let local_lock: lock_api::Mutex<Profiled<parking_lot::RawMutex, Engine>, u64> =
        lock_api::Mutex::from_raw(raw, 0);
    let work = || {
        *THEIRS.lock() += 1;
        *local_lock.lock() += 1;
    };
    work();
    let [here, over] = [Barrier::new(THREADS + 1), Barrier::new(THREADS + 1)];
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                work();
                here.wait();
                over.wait();
            });
        }
        here.wait();
        let forked = fork_for(|| {
            engines.iter().all(|engine| {
                let before = engine.snapshot();
                thread::sleep(Duration::from_millis(50));
                let after = engine.snapshot();
                let grown = after.overhead().threads_ns - before.overhead().threads_ns;
                // One of the nine threads is here.
                let elapsed = after.elapsed_ns() - before.elapsed_ns();
                let acquired = acquisitions(&after, "other threads'");
                grown <= elapsed * 3 / 2 && acquired == 1 + THREADS as u64
            })
        });
        over.wait();
        assert_eq!(forked, Ok(()));
    });
}

/// Local engines are also held still during the fork, and their locks work in the child.
pub(crate) fn local_engines() {
    let engines: Vec<_> = (0..3).map(|_| Engine::new()).collect();
    let locks: Vec<_> = engines
        .iter()
        .map(|engine| {
            let raw = Profiled::named_in(engine.clone(), RawMutex::INIT, "forking thread's");
            Arc::new(lock_api::Mutex::<
                Profiled<parking_lot::RawMutex, Engine>,
                u64,
            >::from_raw(raw, 0))
        })
        .collect();
    thread::scope(|scope| {
        for engine in &engines {
            scope.spawn(move || {
                while !DONE.load(Relaxed) {
                    let _ = engine.snapshot();
                    let passing = Engine::new();
                    drop(passing.snapshot());
                    thread::sleep(Duration::from_micros(20));
                }
            });
        }
        let failed = (0..FORKS).find_map(|_| {
            let forked = fork_for(|| {
                engines.iter().zip(&locks).all(|(engine, lock)| {
                    *lock.lock() += 1;
                    acquisitions(&engine.snapshot(), "forking thread's") == 1
                })
            });
            forked.err()
        });
        DONE.store(true, Relaxed);
        assert_eq!(failed, None);
    });
}

/// A series of intervals goes on in a forked child, and in its parent as if there were no child.
pub(crate) fn intervals() {
    let mut intervals = nexus_lockprof::intervals();
    let mut pulled = |locks| {
        (0..locks).for_each(|_| *OURS.lock() += 1);
        let interval = intervals.pull();
        let own = interval.pid() == std::process::id() && interval.is_complete();
        own.then(|| acquisitions(&interval, "forking thread's"))
    };
    assert_eq!(pulled(2), Some(2));
    *OURS.lock() += 1;
    let forked = fork_for(|| pulled(3) == Some(4) && pulled(1) == Some(1));
    assert_eq!(forked, Ok(()));
    assert_eq!(pulled(1), Some(2));
}

fn acquisitions(snapshot: &Snapshot, lock: &str) -> u64 {
    snapshot.points_of(lock).map(|p| p.acquisitions).sum()
}

/// Forks a child that exits with 0 if `check` returns true there, and waits for it.
pub(crate) fn fork_for(check: impl FnOnce() -> bool) -> Result<(), String> {
    // SAFETY: the child does nothing but lock, collect and exit.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error().to_string()),
        0 => {
            let right = check();
            // SAFETY: ends the process, without running destructors of the parent it is a copy of.
            unsafe { libc::_exit(i32::from(!right)) }
        }
        child => wait(child),
    }
}

/// Forks after this thread's lock was acquired that many times.
fn fork(acquired: u64) -> Result<(), String> {
    fork_for(|| child(acquired))
}

/// Whether the child's profiler continues where the parent's was.
fn child(acquired: u64) -> bool {
    for _ in 0..3 {
        *OURS.lock() += 1;
    }
    let first = snapshot();
    let acquisitions = acquisitions(&first, "forking thread's");
    let own_pid = first.pid() == std::process::id();
    // A second snapshot, and an empty interval: no other thread is here any more.
    let idle = snapshot()
        .since(&first)
        .is_ok_and(|interval| interval.points().is_empty());
    acquisitions == acquired + 3 && own_pid && idle
}

fn wait(child: libc::pid_t) -> Result<(), String> {
    let mut status = 0;
    let started = Instant::now();
    loop {
        // SAFETY: `status` may be written.
        match unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } {
            0 if started.elapsed() < PATIENCE => thread::sleep(Duration::from_micros(100)),
            0 => {
                // SAFETY: a child of this process that nobody has waited for yet.
                unsafe { libc::kill(child, libc::SIGKILL) };
                return Err("a forked child hangs".to_owned());
            }
            -1 => return Err(std::io::Error::last_os_error().to_string()),
            _ => break,
        }
    }
    if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
        return Ok(());
    }
    Err(if libc::WIFSIGNALED(status) {
        format!("a child was ended by signal {}", libc::WTERMSIG(status))
    } else {
        format!("a child exited with {}", libc::WEXITSTATUS(status))
    })
}
