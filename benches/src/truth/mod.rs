//! Locks that keep the truth: the program times each hold with a clock of its own, and compares later.
//!
//! [`locks`] wraps our locks. A wrapped guard reads the clock right after its lock was acquired and right before it is
//! released, and writes the hold into a list of its thread's after the release. [`finish`] collects the lists, and
//! [`compare`](compare::compare) holds a snapshot against them.

mod clock;
pub mod compare;
pub mod locks;
mod log;

pub use log::{Truth, finish, start};

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Runs `work` in this many threads. Each gets its number, and a flag that is set when the time is over.
///
/// Returns when the threads are gone, with their thread-locals: the end of a scope alone does not wait for those.
pub fn crew(threads: usize, length: Duration, work: impl Fn(usize, &AtomicBool) + Sync) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (stop, work) = (&stop, &work);
        let handles: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || work(number, stop)))
            .collect();
        thread::sleep(length);
        stop.store(true, Relaxed);
        for handle in handles {
            if let Err(panic) = handle.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// Something to do that takes a nanosecond or two a step.
pub fn compute(steps: u64) {
    let mut state = steps | 1;
    for _ in 0..steps {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    std::hint::black_box(state);
}
