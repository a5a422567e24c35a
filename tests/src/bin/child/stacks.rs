//! Two callers that wait for one lock, inside a wrapper.

use nexus_lockprof::{Mutex, snapshot};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

static SHARED: Mutex<u64> = Mutex::named("shared", 0);
/// Far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[inline(never)]
fn wrapper() {
    *SHARED.lock() += 1;
}

#[inline(never)]
fn first_caller() {
    wrapper();
    // Keeps identical functions from being merged.
    std::hint::black_box(1);
}

#[inline(never)]
fn second_caller() {
    wrapper();
    std::hint::black_box(2);
}

/// Runs until a stack of each was sampled. From outside, nobody can tell whether a thread that is
/// about to lock already waits.
pub(crate) fn main() {
    let end = Instant::now() + PATIENCE;
    while seen() < 2 && Instant::now() < end {
        for work in [first_caller, second_caller] {
            thread::scope(|scope| {
                let guard = SHARED.lock();
                let (ready, is_ready) = mpsc::channel();
                scope.spawn(move || {
                    let _ = ready.send(());
                    work();
                });
                let _ = is_ready.recv();
                thread::sleep(Duration::from_millis(2));
                drop(guard);
            });
        }
    }
    assert!(seen() >= 2, "{}", snapshot());
}

/// The number of distinct callers among the stacks.
fn seen() -> usize {
    let snapshot = snapshot();
    let stacks = snapshot.points_of("shared").map(|p| p.callers.len());
    stacks.sum()
}
