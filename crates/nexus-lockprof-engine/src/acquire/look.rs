//! How long an acquisition that found the lock taken looks again before it parks: about a
//! microsecond.
//!
//! It pauses, looks, pauses twice as long, and looks again ([decision
//! 9](../../../../docs/decisions/0009-short-waits.md)). A `pause` takes about 40 cycles on some
//! processors and 140 on others (Intel's since Skylake). So its time is measured once in a process.

use crate::clock::Clock;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Number of looks.
pub const LOOKS: u32 = 6;
/// Pauses before the first look if nothing is measured. Each later look has twice as many before
/// it.
const PAUSES: u32 = 2;
/// Fixed point: pauses are kept in 16ths.
const UNIT: u32 = 16;
/// Target for the total time of all pauses of a long wait.
const TARGET_NS: u64 = 1_000;
/// Largest number of pauses before the first look, in case a pause takes no time at all.
const MOST: u32 = 8 * PAUSES;

/// Pauses before the first look, in 16ths. Relaxed: no other value depends on it.
static FIRST: AtomicU32 = AtomicU32::new(PAUSES * UNIT);

/// Pauses before look number `look`, counted from 0.
#[inline]
#[must_use]
pub fn pauses(look: u32) -> u32 {
    scaled(FIRST.load(Relaxed), look)
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

/// Pauses before the first look, in 16ths, if one pause takes `pause_ps` picoseconds.
fn first_for(pause_ps: u64) -> u32 {
    let all = (1_u64 << LOOKS) - 1;
    let first = TARGET_NS * 1_000 * u64::from(UNIT) / (all * pause_ps).max(1);
    (first as u32).clamp(1, MOST * UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_looks_take_about_a_microsecond() {
        for pause_ns in [2, 8, 10, 20, 35, 47, 60] {
            let first = first_for(pause_ns * 1_000);
            let pauses: u32 = (0..LOOKS).map(|look| scaled(first, look)).sum();
            let all_ns = u64::from(pauses) * pause_ns;
            assert!((800..1_300).contains(&all_ns), "{pause_ns} ns: {all_ns} ns");
        }
    }

    #[test]
    fn a_pause_of_no_time_or_much_has_bounds() {
        assert_eq!(first_for(0), MOST * UNIT);
        assert_eq!(scaled(first_for(1_000_000), 0), 1);
    }

    #[test]
    fn unmeasured_it_is_what_was_tried_out() {
        let pauses: Vec<_> = (0..LOOKS).map(|look| scaled(PAUSES * UNIT, look)).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64]);
    }
}
