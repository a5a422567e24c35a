//! Uncontended locks in two threads, for a tool that sees every address: lackey in
//! `ci/gate-lines.sh`.
//!
//! For each mode and operation, one thread does the operation on a lock of its own, and then the
//! other does the same on another lock. Both locks have one class, and both are acquired at one
//! place. So whatever both threads touch is the profiler's. Before and after its part, each thread
//! stores to [`MARK`]. Each has several parts: the other thread may still be on its way to sleep
//! when one begins, but not each time. Prints one line for each case: `MODE OPERATION PARTS`.
//!
//! With `--shared`, both use the same lock, which the tool must find. With `--mark` it only prints
//! where the mark is.

use std::hint::black_box;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use nexus_lockprof::{Mutex, RwLock};
use nexus_lockprof_benches::modes::{self, MODES};

/// Operations of each thread that are looked at.
const OPERATIONS: u64 = 200;
/// Operations before them: past the first use of each place, and past what sampling treats as rare.
const WARM_UP: u64 = 1_500;
/// Parts of each thread.
const PARTS: usize = 3;
/// Enough for the other thread to fall asleep.
const PAUSE: Duration = Duration::from_millis(20);

const THREADS: usize = 2;

/// Alone on its lines, so that a store to it is nothing else.
#[repr(align(128))]
struct Alone<T>(T);

static MARK: Alone<AtomicU64> = Alone(AtomicU64::new(0));

/// The locks of one thread.
struct Locks {
    mutex: Alone<Mutex<u64>>,
    rwlock: Alone<RwLock<u64>>,
}

impl Locks {
    fn new() -> Self {
        Locks {
            mutex: Alone(Mutex::named("a mutex", 0)),
            rwlock: Alone(RwLock::named("a reader-writer lock", 0)),
        }
    }
}

/// A number of operations on a thread's lock.
type Operation = fn(&Locks, u64);

const OPERATIONS_BY_NAME: [(&str, Operation); 3] =
    [("mutex", mutex), ("read", read), ("write", write)];

#[inline(never)]
fn mutex(locks: &Locks, n: u64) {
    for _ in 0..n {
        *black_box(&locks.mutex.0).lock() += 1;
    }
}

#[inline(never)]
fn read(locks: &Locks, n: u64) {
    for _ in 0..n {
        black_box(*black_box(&locks.rwlock.0).read());
    }
}

#[inline(never)]
fn write(locks: &Locks, n: u64) {
    for _ in 0..n {
        *black_box(&locks.rwlock.0).write() += 1;
    }
}

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        None => run(false),
        Some("--shared") => run(true),
        Some("--mark") => print(&[format!("{:p}", &raw const MARK)]),
        Some(_) => Err("usage: gate-lines [--shared | --mark]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gate-lines: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(shared: bool) -> Result<(), String> {
    let mut cases = Vec::new();
    let first = Arc::new(Locks::new());
    let second = match shared {
        true => Arc::clone(&first),
        false => Arc::new(Locks::new()),
    };
    for mode in MODES {
        modes::switch_to(mode)?;
        for (name, operation) in OPERATIONS_BY_NAME {
            both(operation, [&first, &second]);
            cases.push(format!("{mode} {name} {PARTS}"));
        }
    }
    print(&cases)
}

fn print(lines: &[String]) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", lines.join("\n")).map_err(|error| error.to_string())
}

/// Each thread has its turn while the other waits. Both live all the time, with their shards.
fn both(operation: Operation, locks: [&Locks; THREADS]) {
    let turn = Barrier::new(THREADS);
    thread::scope(|scope| {
        for (number, locks) in locks.into_iter().enumerate() {
            let turn = &turn;
            scope.spawn(move || {
                let work = |part: &dyn Fn()| {
                    for now in 0..THREADS {
                        turn.wait();
                        if now == number {
                            part();
                        }
                        turn.wait();
                    }
                };
                work(&|| operation(locks, WARM_UP));
                for _ in 0..PARTS {
                    work(&|| {
                        thread::sleep(PAUSE);
                        MARK.0.store(1, Ordering::Relaxed);
                        operation(locks, OPERATIONS);
                        MARK.0.store(2, Ordering::Relaxed);
                    });
                }
            });
        }
    });
}
