//! Rounds in which threads do the same work for a given time, and take turns at which side is
//! measured.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// Works until the flag is set, as the thread with this number; returns its operations.
pub type Side<'a> = &'a (dyn Fn(usize, &AtomicBool) -> u64 + Sync);

/// Runs `sides` in turns, each for `round` in each of `rounds` rounds, on the same `threads`
/// threads.
///
/// Returns operations per second of each side, one figure per round.
pub fn take_turns(
    threads: usize,
    rounds: usize,
    round: Duration,
    sides: &[Side<'_>],
) -> Vec<Vec<f64>> {
    let turn = AtomicUsize::new(0);
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let barrier = Barrier::new(threads + 1);
    let mut rates = vec![Vec::new(); sides.len()];
    thread::scope(|scope| {
        for number in 0..threads {
            let (turn, stop, done, barrier) = (&turn, &stop, &done, &barrier);
            scope.spawn(move || {
                loop {
                    barrier.wait();
                    let Some(side) = sides.get(turn.load(SeqCst)) else {
                        break;
                    };
                    done.fetch_add(side(number, stop), Relaxed);
                    barrier.wait();
                }
            });
        }
        // One extra round at the start, which is not counted.
        for number in 0..=rounds {
            for place in 0..sides.len() {
                // The order changes from round to round.
                let place = if number % 2 == 0 {
                    place
                } else {
                    sides.len() - 1 - place
                };
                let side = (place + number / 2) % sides.len();
                turn.store(side, SeqCst);
                stop.store(false, SeqCst);
                done.store(0, Relaxed);
                let start = Instant::now();
                barrier.wait();
                thread::sleep(round);
                stop.store(true, SeqCst);
                barrier.wait();
                let rate = done.load(Relaxed) as f64 / start.elapsed().as_secs_f64();
                if number != 0 {
                    rates[side].push(rate);
                }
            }
        }
        turn.store(sides.len(), SeqCst);
        barrier.wait();
    });
    rates
}

/// The median of the rounds' ratios.
#[must_use]
pub fn ratio(ours: &[f64], bare: &[f64]) -> f64 {
    crate::results::median(
        ours.iter()
            .zip(bare)
            .map(|(ours, bare)| ours / bare)
            .collect(),
    )
}

/// Waits for `turns` turns, whose length is calibrated.
#[inline(always)]
pub fn spin(turns: u64) {
    for turn in 0..turns {
        std::hint::black_box(turn);
    }
}

/// Nanoseconds of one turn of [`spin`].
#[must_use]
pub fn turn_ns() -> f64 {
    const TURNS: u64 = 100_000;
    crate::results::median(
        (0..101)
            .map(|_| {
                let start = Instant::now();
                spin(TURNS);
                start.elapsed().as_nanos() as f64 / TURNS as f64
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_has_its_rounds_and_its_own_count() {
        let until = |stop: &AtomicBool, operations| {
            while !stop.load(Relaxed) {
                thread::yield_now();
            }
            operations
        };
        let rates = take_turns(
            2,
            3,
            Duration::from_millis(1),
            &[&|_, stop| until(stop, 1_000_000), &|_, stop| until(stop, 0)],
        );
        assert_eq!(rates.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
        assert!(rates[0].iter().all(|&rate| rate > 0.0));
        assert_eq!(rates[1], [0.0; 3]);
    }
}
