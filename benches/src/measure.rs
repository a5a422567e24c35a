//! Compares two loops on a noisy machine: many short rounds in which they take turns, and medians.

use crate::results::median;
use std::time::Instant;

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Number of rounds. Each side runs once in each.
    pub rounds: usize,
    /// Operations of one side in a round.
    pub operations: u64,
}

impl Effort {
    /// For real figures. A round takes a fraction of a millisecond, so disturbances hit few of
    /// them.
    pub const FULL: Effort = Effort {
        rounds: 1001,
        operations: 20_000,
    };
    /// To show that it runs.
    pub const SMOKE: Effort = Effort {
        rounds: 11,
        operations: 2_000,
    };
}

/// The result of [`compare`].
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// Nanoseconds of one bare operation: the median over the rounds.
    pub bare_ns: f64,
    /// Nanoseconds of one of our operations.
    pub ours_ns: f64,
    /// The median of the rounds' ratios. It is steadier than the ratio of the medians, because a
    /// disturbance usually slows both sides of a round.
    pub ratio: f64,
}

/// Runs `bare` and `ours` in turns. Which goes first alternates.
pub fn compare(effort: Effort, bare: fn(u64), ours: fn(u64)) -> Comparison {
    // Unmeasured: the first acquisition at each place, and cold caches.
    bare(effort.operations);
    ours(effort.operations);
    let (mut bare_ns, mut ours_ns, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        let (b, o);
        if round % 2 == 0 {
            b = time(effort.operations, bare);
            o = time(effort.operations, ours);
        } else {
            o = time(effort.operations, ours);
            b = time(effort.operations, bare);
        }
        bare_ns.push(b);
        ours_ns.push(o);
        ratios.push(o / b);
    }
    Comparison {
        bare_ns: median(bare_ns),
        ours_ns: median(ours_ns),
        ratio: median(ratios),
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

    #[test]
    fn both_sides_run_equally_often() {
        use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
        static BARE: AtomicU64 = AtomicU64::new(0);
        static OURS: AtomicU64 = AtomicU64::new(0);
        let effort = Effort {
            rounds: 5,
            operations: 7,
        };
        compare(
            effort,
            |n| _ = BARE.fetch_add(n, Relaxed),
            |n| _ = OURS.fetch_add(n, Relaxed),
        );
        assert_eq!(BARE.load(Relaxed), 6 * 7);
        assert_eq!(OURS.load(Relaxed), 6 * 7);
    }
}
