//! What measuring costs, and the clock that says so.

use crate::sync::{AtomicU64, Ordering::Relaxed, const_fn};

/// Unit costs in nanoseconds. Written once, after they were measured.
#[derive(Debug)]
pub(crate) struct Costs {
    /// Reading the clock twice.
    pub(crate) clock_ns: AtomicU64,
    /// Reading the thread's processor time.
    pub(crate) processor_ns: AtomicU64,
    /// A timed acquisition: two clock reads and their bookkeeping.
    pub(crate) timed_ns: AtomicU64,
    /// Finding or making a record that the cache does not know.
    pub(crate) looked_up_ns: AtomicU64,
    /// Counting an acquisition, in picoseconds; where no lock hides it.
    pub(crate) counted_ps: AtomicU64,
}

impl Costs {
    const_fn! {
        /// Before anything was measured, and with a manual clock, on which nothing takes time.
        pub(crate) fn assumed() -> Self {
            Costs {
                clock_ns: AtomicU64::new(20),
                processor_ns: AtomicU64::new(200),
                timed_ns: AtomicU64::new(40),
                looked_up_ns: AtomicU64::new(80),
                // 0, so that what is told of it never shrinks.
                counted_ps: AtomicU64::new(0),
            }
        }
    }

    /// Takes over the other costs.
    pub(crate) fn copy_from(&self, other: &Costs) {
        for (to, from) in self.all().into_iter().zip(other.all()) {
            to.store(from.load(Relaxed), Relaxed);
        }
    }

    fn all(&self) -> [&AtomicU64; 5] {
        let Costs {
            clock_ns,
            processor_ns,
            timed_ns,
            looked_up_ns,
            counted_ps,
        } = self;
        [clock_ns, processor_ns, timed_ns, looked_up_ns, counted_ps]
    }
}

/// Where the governor gets its time from.
pub(crate) trait Time {
    /// Nanoseconds between two readings of the clock, in ticks.
    fn nanos(&self, start: u64, end: u64) -> u64;

    /// Nanoseconds that the calling thread has had a processor, from some fixed moment on.
    fn processor_ns(&self) -> u64;

    /// A reading of the clock, in ticks.
    fn ticks(&self) -> u64;
}
