//! Compares loops on a noisy machine: many short rounds in which they take turns, each at several
//! [placements], and medians.
//!
//! [placements]: crate::placements

use crate::placements::{PLACEMENTS, Placed};
use crate::results::{self, median};
use std::time::{Duration, Instant};

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Number of rounds. Each copy of each loop runs once in each.
    pub rounds: usize,
    /// Operations of one copy in a round.
    pub operations: u64,
}

impl Effort {
    /// For real figures. A copy runs for a small part of a millisecond, so disturbances hit few of
    /// them.
    pub const FULL: Effort = Effort {
        rounds: 301,
        operations: 10_000,
    };
    /// To show that it runs.
    pub const SMOKE: Effort = Effort {
        rounds: 3,
        operations: 500,
    };
}

/// Nanoseconds of one operation: the medians over the rounds, one for each placement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// At the fastest placement.
    pub smallest: f64,
    /// At the middle one.
    pub median: f64,
    /// At the slowest one.
    pub largest: f64,
}

impl Spread {
    fn of(placements: &[Vec<f64>; PLACEMENTS]) -> Self {
        let mut ns = placements.each_ref().map(|rounds| median(rounds.clone()));
        ns.sort_by(f64::total_cmp);
        Spread {
            smallest: ns[0],
            median: median(ns.to_vec()),
            largest: ns[PLACEMENTS - 1],
        }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.2} ({:.2} to {:.2})",
            self.median, self.smallest, self.largest
        )
    }
}

/// The result of [`compare`].
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// The bare operation.
    pub bare: Spread,
    /// Ours.
    pub ours: Spread,
    /// Ours over the bare one: in each round the median over the placements, and of the rounds'
    /// ratios the median. It is steadier than the ratio of the medians, because a disturbance
    /// usually slows both sides of a round.
    pub ratio: f64,
    /// A second bare one over the bare one, in the same rounds: as far from 1 as a ratio is by
    /// chance.
    pub noise: f64,
}

impl Comparison {
    /// `PASS` or `missed`, or [`not resolved`](results::verdict_within).
    #[must_use]
    pub fn verdict(&self, limit: f64) -> &'static str {
        results::verdict_within(self.noise, self.ratio <= limit)
    }
}

/// Runs the given number of operations.
pub type Loop<'a> = &'a dyn Fn(u64);

/// Figures of `SIDES` loops that took turns.
#[derive(Clone, Debug)]
pub struct Turns<const SIDES: usize> {
    /// The times of each side, over all rounds.
    pub spreads: [Spread; SIDES],
    /// The median over the placements, by side and round.
    medians: [Vec<f64>; SIDES],
}

impl<const SIDES: usize> Turns<SIDES> {
    /// The median of the rounds' ratios of one side to another.
    #[must_use]
    pub fn ratio(&self, side: usize, other: usize) -> f64 {
        let rounds = self.medians[side].iter().zip(&self.medians[other]);
        median(rounds.map(|(side, other)| side / other).collect())
    }
}

/// Runs each side in turns, at each placement, and waits for `pause` after each turn. Which goes
/// first changes.
pub fn take_turns<const SIDES: usize>(
    effort: Effort,
    pause: Duration,
    sides: &[[Loop<'_>; PLACEMENTS]; SIDES],
) -> Turns<SIDES> {
    // By side, by placement, by round.
    let mut ns: [[Vec<f64>; PLACEMENTS]; SIDES] = std::array::from_fn(|_| Default::default());
    let mut medians: [Vec<f64>; SIDES] = std::array::from_fn(|_| Vec::new());
    // One extra round at the start, which is not counted: the first acquisition at each place, and
    // cold caches.
    for round in 0..=effort.rounds {
        let mut of_round = [[0.0; PLACEMENTS]; SIDES];
        for place in 0..PLACEMENTS {
            let place = if round % 2 == 0 {
                place
            } else {
                PLACEMENTS - 1 - place
            };
            for turn in 0..SIDES {
                let side = (turn + round + place) % SIDES;
                of_round[side][place] = time(effort.operations, sides[side][place]);
                if !pause.is_zero() {
                    std::thread::sleep(pause);
                }
            }
        }
        if round != 0 {
            for (side, of_side) in of_round.iter().enumerate() {
                for (place, &figure) in of_side.iter().enumerate() {
                    ns[side][place].push(figure);
                }
                medians[side].push(median(of_side.to_vec()));
            }
        }
    }
    Turns {
        spreads: ns.each_ref().map(Spread::of),
        medians,
    }
}

/// Runs `bare`, `again` (the bare one a second time) and `ours` in turns.
pub fn compare(effort: Effort, sides: &[Placed; 3]) -> Comparison {
    let loops = sides.each_ref();
    let loops = loops.map(|placed| placed.each_ref().map(|copy| copy as Loop<'_>));
    let turns = take_turns(effort, Duration::ZERO, &loops);
    let [bare, _, ours] = turns.spreads;
    Comparison {
        bare,
        ours,
        ratio: turns.ratio(2, 0),
        noise: turns.ratio(1, 0),
    }
}

/// Nanoseconds of one `operation`: the median over the rounds.
pub fn alone(effort: Effort, operation: impl Fn(u64)) -> f64 {
    operation(effort.operations);
    median(
        (0..effort.rounds)
            .map(|_| time(effort.operations, &operation))
            .collect(),
    )
}

fn time(operations: u64, run: impl Fn(u64)) -> f64 {
    let start = Instant::now();
    run(operations);
    start.elapsed().as_nanos() as f64 / operations as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placed;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    #[test]
    fn each_copy_of_each_side_runs_equally_often() {
        static RUNS: [[AtomicU64; PLACEMENTS]; 3] =
            [const { [const { AtomicU64::new(0) }; PLACEMENTS] }; 3];
        fn bare<const OFFSET: usize>(n: u64) {
            RUNS[0][OFFSET / 16].fetch_add(n, Relaxed);
        }
        fn again<const OFFSET: usize>(n: u64) {
            RUNS[1][OFFSET / 16].fetch_add(n, Relaxed);
        }
        fn ours<const OFFSET: usize>(n: u64) {
            RUNS[2][OFFSET / 16].fetch_add(n, Relaxed);
        }
        let effort = Effort {
            rounds: 5,
            operations: 7,
        };
        compare(effort, &[placed!(bare), placed!(again), placed!(ours)]);
        for runs in RUNS.iter().flatten() {
            assert_eq!(runs.load(Relaxed), 6 * 7);
        }
    }

    #[test]
    fn the_placements_are_summed_up_by_their_medians() {
        let mut placements: [Vec<f64>; PLACEMENTS] = Default::default();
        for (place, rounds) in placements.iter_mut().enumerate() {
            // One round of each is disturbed.
            *rounds = vec![place as f64, place as f64, 1_000.0];
        }
        let spread = Spread::of(&placements);
        assert_eq!(spread.to_string(), "4.00 (0.00 to 7.00)");
    }

    #[test]
    fn a_row_whose_noise_is_above_two_percent_passes_and_misses_nothing() {
        let spread = Spread {
            smallest: 5.0,
            median: 5.0,
            largest: 5.0,
        };
        let of = |ratio, noise| {
            let comparison = Comparison {
                bare: spread,
                ours: spread,
                ratio,
                noise,
            };
            comparison.verdict(1.05)
        };
        assert_eq!(of(1.04, 1.019), "PASS");
        assert_eq!(of(1.06, 0.981), "missed");
        assert_eq!(of(1.04, 1.021), "not resolved");
        assert_eq!(of(1.06, 0.979), "not resolved");
        assert_eq!(of(1.04, f64::NAN), "not resolved");
    }
}
