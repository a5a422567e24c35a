//! Locks that record the truth: the program times each hold with its own clock, and compares it
//! with the snapshot later.
//!
//! [`locks`] wraps our locks. A wrapped guard reads the clock right after the acquisition and right
//! before the release. After the release it appends the hold to its thread's list. [`finish`]
//! collects the lists, and [`compare`](compare::compare) compares a snapshot with them.

mod clock;
pub mod compare;
pub mod locks;
mod log;

pub use clock::ticks;
pub use log::{Truth, finish, start};

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Runs `work` in this many threads. Each gets its number and a flag that is set when the time is
/// over.
///
/// Joins every thread: the end of a scope alone would not wait for the destructors of their
/// thread-locals.
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

/// Keeps the processor busy for a nanosecond or two per step.
pub fn compute(steps: u64) {
    let mut state = steps | 1;
    for _ in 0..steps {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    std::hint::black_box(state);
}
