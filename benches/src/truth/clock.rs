//! The program's own clock. It shares no calibration with the profiler's clock.

use rustix::time::{ClockId, clock_gettime};
use std::time::Instant;

/// The counter in ticks of unknown length, read after all earlier instructions are complete. A lock
/// is held until the loads before its release are done, and the processor would otherwise read the
/// counter ahead of them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[must_use]
pub fn ticks() -> u64 {
    // SAFETY: every x86_64 processor has both instructions. Their only effects are the wait and the
    // result.
    unsafe {
        std::arch::x86_64::_mm_lfence();
        std::arch::x86_64::_rdtsc()
    }
}

/// The time in nanoseconds: there is no portable cycle counter.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
#[must_use]
pub fn ticks() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The same instant on the counter and on std's clock. Two instants, seconds apart, give the length
/// of a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockPair {
    at: Instant,
    ticks: u64,
}

impl ClockPair {
    pub(super) fn now() -> Self {
        ClockPair {
            at: Instant::now(),
            ticks: ticks(),
        }
    }

    /// The length of a tick in nanoseconds, measured from that instant until now.
    pub(super) fn tick_ns(self) -> f64 {
        let now = ClockPair::now();
        let ns = (now.at - self.at).as_nanos() as f64;
        ns / now.ticks.saturating_sub(self.ticks).max(1) as f64
    }
}

/// Ticks that one reading of the clock takes: in the shortest of some batches, since all else that
/// the machine does only adds time. A single gap does not tell: some counters go in steps of 10 ns.
pub(super) fn read_ticks() -> f64 {
    const READINGS: u32 = 1_000;
    let batch = |_| {
        let start = ticks();
        for _ in 1..READINGS {
            std::hint::black_box(ticks());
        }
        ticks().saturating_sub(start)
    };
    let shortest = (0..10).map(batch).min().unwrap_or(0);
    shortest as f64 / f64::from(READINGS)
}

/// Nanoseconds of processor time that this thread has used.
pub(super) fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
