//! How long an acquisition that found the lock taken looks again before it parks.
//!
//! It does what `parking_lot` does: it pauses, looks, pauses twice as long, and looks again, and
//! then gives up the processor before each look ([decision
//! 9](../../../../docs/decisions/0009-short-waits.md)). A `pause` takes about 40 cycles on some
//! processors and 140 on others (Intel's since Skylake). So its time is measured once in a process.

use crate::clock::Clock;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread::yield_now;

/// Number of looks.
pub const LOOKS: u32 = 10;
/// Number of looks before the first one that gives up the processor.
const PAUSING: u32 = 3;
/// Fixed point: pauses are kept in 16ths.
const UNIT: u32 = 16;
/// Target for the total time of all pauses: that of six on an AMD EPYC.
const TARGET_NS: u64 = 150;
/// Largest number of pauses in half of the first wait, in case a pause takes no time at all.
const MOST: u32 = 16;

/// Half of the pauses before the second look, in 16ths. Relaxed: no other value depends on it.
static FIRST: AtomicU32 = AtomicU32::new(UNIT);

/// Waits before look number `look`, counted from 0.
///
/// Not before the first one: until then, an acquisition that fails reads the clock or does
/// something else that takes as long as a pause.
#[inline]
pub fn wait_before(look: u32) {
    if look >= PAUSING {
        yield_now();
    } else if look != 0 {
        (0..scaled(FIRST.load(Relaxed), look)).for_each(|_| spin_loop());
    }
}

/// Whether the thread has given up its processor before look number `look`, so that any time may
/// have passed.
#[inline]
#[must_use]
pub fn has_yielded(look: u32) -> bool {
    look >= PAUSING
}

fn scaled(first: u32, look: u32) -> u32 {
    ((first << look) / UNIT).max(1)
}

/// Measures how long a pause takes, unless that was done before or `clock` is manual. Takes some
/// microseconds.
pub(crate) fn measure(clock: &Clock) {
    const BATCHES: usize = 5;
    const EACH: u64 = 32;
    static DONE: AtomicBool = AtomicBool::new(false);
    if !clock.is_real() || DONE.swap(true, Relaxed) {
        return;
    }
    // Takes the shortest batch, because whatever else the machine does makes it longer. Uses std's
    // clock, because `clock` may not be calibrated, and in `Counts` mode need not be.
    let batches = [(); BATCHES].map(|()| {
        let start = std::time::Instant::now();
        (0..EACH).for_each(|_| spin_loop());
        start.elapsed().as_nanos() as u64
    });
    let ns = batches.into_iter().min().unwrap_or_default();
    FIRST.store(first_for(ns * 1_000 / EACH), Relaxed);
}

/// [`FIRST`] if one pause takes `pause_ps` picoseconds.
fn first_for(pause_ps: u64) -> u32 {
    let all = (1..PAUSING).map(|look| 1_u64 << look).sum::<u64>();
    let first = TARGET_NS * 1_000 * u64::from(UNIT) / (all * pause_ps).max(1);
    first.clamp(1, u64::from(MOST * UNIT)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pauses_take_about_150_ns() {
        for pause_ns in [2, 8, 10, 20, 25, 35, 47, 60] {
            let first = first_for(pause_ns * 1_000);
            let pauses: u32 = (1..PAUSING).map(|look| scaled(first, look)).sum();
            let all_ns = u64::from(pauses) * pause_ns;
            assert!((90..200).contains(&all_ns), "{pause_ns} ns: {all_ns} ns");
        }
    }

    #[test]
    fn a_pause_of_no_time_or_much_has_bounds() {
        assert_eq!(first_for(0), MOST * UNIT);
        assert_eq!(scaled(first_for(1_000_000), 1), 1);
    }

    #[test]
    fn unmeasured_it_is_what_parking_lot_does() {
        let pauses: Vec<_> = (1..PAUSING).map(|look| scaled(UNIT, look)).collect();
        assert_eq!(pauses, [2, 4]);
    }
}
