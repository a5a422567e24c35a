//! Rates of the bare lock, ours and the bare lock again, in loops that stand at several places.

use std::sync::atomic::AtomicBool;

use crate::interval::Interval;
use crate::placements::PLACEMENTS;
use crate::results::median;
use crate::threads::{Plan, Side, by_round, take_turns_until};

/// The copies of a loop on the bare lock, on ours, and on the bare lock again.
pub type Copies<F> = [[F; PLACEMENTS]; 3];

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub enum Ratio {
    /// Operations a second, ours over the bare lock's.
    Throughput,
    /// Time of an operation, ours over the bare lock's.
    Time,
}

/// When rounds may end before the plan does.
#[derive(Clone, Copy, Debug)]
pub struct Enough {
    /// The least number of rounds.
    pub rounds: usize,
    /// Half of an interval of 95 % that is small enough, for ours and for the bare lock against
    /// itself.
    pub half: f64,
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// Ours over the bare lock.
    pub ours: Interval,
    /// The bare lock over itself.
    pub noise: Interval,
    /// Operations of the bare lock a second.
    pub bare: f64,
    /// Number of rounds.
    pub rounds: usize,
}

impl Comparison {
    fn of(rates: &[Vec<f64>], ratio: Ratio) -> Self {
        let rates: Vec<Vec<f64>> = rates.chunks(PLACEMENTS).map(by_round).collect();
        let over_bare = |side: usize| match ratio {
            Ratio::Throughput => Interval::of_median(&rates[side], &rates[0]),
            Ratio::Time => Interval::of_median(&rates[0], &rates[side]),
        };
        Comparison {
            ours: over_bare(1),
            noise: over_bare(2),
            bare: median(rates[0].clone()),
            rounds: rates[0].len(),
        }
    }

    fn is_enough(&self, enough: Enough) -> bool {
        let is_sure = |interval: Interval| interval.half() <= enough.half;
        self.rounds >= enough.rounds && is_sure(self.ours) && is_sure(self.noise)
    }
}

/// Runs all copies in turns. `run` runs one until the flag is set, and returns its operations.
pub fn compare<F: Sync>(
    copies: &Copies<F>,
    run: impl Fn(&F, &AtomicBool) -> u64 + Sync,
    plan: Plan,
    ratio: Ratio,
    enough: Enough,
) -> Comparison {
    let run = &run;
    let sides: Vec<_> = copies
        .iter()
        .flatten()
        .map(|copy| move |_: usize, stop: &AtomicBool| run(copy, stop))
        .collect();
    let sides: Vec<Side<'_>> = sides.iter().map(|side| side as Side<'_>).collect();
    let is_enough = |rates: &[Vec<f64>]| Comparison::of(rates, ratio).is_enough(enough);
    Comparison::of(&take_turns_until(plan, &sides, is_enough), ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_inverse_of_rates() {
        // The bare lock makes 4 operations a second, ours 2, the bare lock again 8, in 9 rounds.
        let rates: Vec<Vec<f64>> = [4.0, 2.0, 8.0]
            .iter()
            .flat_map(|&rate| vec![vec![rate; 9]; PLACEMENTS])
            .collect();
        let figures = |ratio| {
            let Comparison {
                ours,
                noise,
                bare,
                rounds,
            } = Comparison::of(&rates, ratio);
            (ours.middle, noise.middle, bare, rounds)
        };
        assert_eq!(figures(Ratio::Throughput), (0.5, 2.0, 4.0, 9));
        assert_eq!(figures(Ratio::Time), (2.0, 0.5, 4.0, 9));
    }
}
