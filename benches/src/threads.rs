//! Rounds in which threads do the same work for a given time, and take turns at which side is
//! measured.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// Works until the flag is set, as the thread with this number; returns its operations.
pub type Side<'a> = &'a (dyn Fn(usize, &AtomicBool) -> u64 + Sync);

/// Threads and rounds of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Number of threads that do the same work.
    pub threads: usize,
    /// The most rounds. Each side is measured once in each.
    pub rounds: usize,
    /// How long a side is measured in a round.
    pub round: Duration,
    /// Number of consecutive sides that share their threads.
    ///
    /// A thread may spend a share of its processor time on measuring. Where the profiled lock and
    /// the bare one have the same threads, the profiled lock spends the bare one's share too.
    pub together: usize,
}

/// Runs `sides` in turns, each for `round` in each of `rounds` rounds, each on `threads` threads of
/// its own.
///
/// Returns operations per second of each side, one figure per round.
pub fn take_turns(
    threads: usize,
    rounds: usize,
    round: Duration,
    sides: &[Side<'_>],
) -> Vec<Vec<f64>> {
    let plan = Plan {
        threads,
        rounds,
        round,
        together: 1,
    };
    take_turns_until(plan, sides, |_| false)
}

/// The same by a plan, until `is_enough` says so of the figures after a round.
pub fn take_turns_until(
    plan: Plan,
    sides: &[Side<'_>],
    is_enough: impl Fn(&[Vec<f64>]) -> bool,
) -> Vec<Vec<f64>> {
    let turn = AtomicUsize::new(0);
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let groups = sides.chunks(plan.together);
    let barriers: Vec<Barrier> = groups.map(|_| Barrier::new(plan.threads + 1)).collect();
    let mut rates = vec![Vec::new(); sides.len()];
    thread::scope(|scope| {
        for barrier in &barriers {
            for number in 0..plan.threads {
                let (turn, stop, done) = (&turn, &stop, &done);
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
        }
        // One extra round at the start, which is not counted.
        for number in 0..=plan.rounds {
            for place in 0..sides.len() {
                // The order changes from round to round.
                let place = if number % 2 == 0 {
                    place
                } else {
                    sides.len() - 1 - place
                };
                let side = (place + number / 2) % sides.len();
                let barrier = &barriers[side / plan.together];
                turn.store(side, SeqCst);
                stop.store(false, SeqCst);
                done.store(0, Relaxed);
                let start = Instant::now();
                barrier.wait();
                thread::sleep(plan.round);
                stop.store(true, SeqCst);
                barrier.wait();
                let rate = done.load(Relaxed) as f64 / start.elapsed().as_secs_f64();
                if number != 0 {
                    rates[side].push(rate);
                }
            }
            if number != 0 && is_enough(&rates) {
                break;
            }
        }
        turn.store(sides.len(), SeqCst);
        for barrier in &barriers {
            barrier.wait();
        }
    });
    rates
}

/// Operations per second by round: the median over the copies of one side, which stand at
/// different [placements](crate::placements).
#[must_use]
pub fn by_round(copies: &[Vec<f64>]) -> Vec<f64> {
    let rounds = copies.first().map_or(0, Vec::len);
    (0..rounds)
        .map(|round| crate::results::median(copies.iter().map(|copy| copy[round]).collect()))
        .collect()
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
    use std::sync::Mutex;

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

    #[test]
    fn it_ends_after_the_round_that_is_enough() {
        let plan = Plan {
            threads: 1,
            rounds: 9,
            round: Duration::from_millis(1),
            together: 2,
        };
        let rates = take_turns_until(plan, &[&|_, _| 1, &|_, _| 1], |rates| rates[0].len() == 2);
        assert_eq!(rates.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn sides_that_are_together_share_their_threads() {
        let threads = [const { Mutex::new(None) }; 4];
        let note = |side: usize| {
            let thread = Some(thread::current().id());
            let before = std::mem::replace(&mut *threads[side].lock().unwrap(), thread);
            assert!(before.is_none() || before == thread);
            1
        };
        let plan = Plan {
            threads: 1,
            rounds: 2,
            round: Duration::from_millis(1),
            together: 2,
        };
        let sides: [Side<'_>; 4] = [
            &|_, _| note(0),
            &|_, _| note(1),
            &|_, _| note(2),
            &|_, _| note(3),
        ];
        take_turns_until(plan, &sides, |_| false);
        let [a, b, c, d] = threads.map(|thread| thread.into_inner().unwrap());
        assert!(a == b && c == d && a != c);
    }

    #[test]
    fn a_round_has_the_median_of_its_copies() {
        let copies = [vec![1.0, 20.0], vec![5.0, 10.0], vec![3.0, 30.0]];
        assert_eq!(by_round(&copies), [3.0, 20.0]);
    }
}
