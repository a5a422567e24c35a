//! A program that knows what it did, and leaves the rest to the environment.

use nexus_lockprof::Mutex;
use std::process::exit;
use std::thread;

static JOBS: Mutex<Vec<u64>> = Mutex::named("jobs", Vec::new());

/// 3 threads with 100 acquisitions each, then `exit(code)`. `expected` is the mode that must be on.
pub(crate) fn main(expected: &str, code: &str) {
    // Before any lock was used: a program that changes one setting and keeps the others reads them here.
    let configured = nexus_lockprof::snapshot().mode();
    assert_eq!(configured.to_string(), expected);
    thread::scope(|scope| {
        for id in 0..3 {
            scope.spawn(move || (0..100).for_each(|_| JOBS.lock().push(id)));
        }
    });
    assert_eq!(nexus_lockprof::snapshot().mode().to_string(), expected);
    exit(code.parse().unwrap_or(99));
}
