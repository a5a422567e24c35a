//! Which acquisitions are timed.
//!
//! In `Sampled` mode each acquisition is timed with a probability that is known exactly. It starts at 1,
//! so that a rare point is known exactly, and falls with the number of the point's acquisitions in this
//! thread, by `STEP` for one, to 1/interval. After each timed one the gap to the next is drawn from the
//! geometric distribution of the probability reached: independent draws for each acquisition, at one draw for
//! each timed one, with no period that a periodic program could alias with. Given all that went before,
//! an acquisition is timed with probability 1/weight, so that the sum of weight times duration
//! is an unbiased estimate of the total, and the sum of w(w-1)x² one of its variance.

use crate::control::{Control, Kind};
use crate::record::Record;
use crate::reservoir::open_unit;
use crate::sync::Ordering::Relaxed;

/// Acquisitions by which the mean gap grows by one. Twice as many are all timed.
pub(crate) const STEP: u64 = 32;

/// What timing one acquisition may cost (two clock reads and their bookkeeping), as a multiple of a bare
/// lock and unlock: what was measured in a loop, 1.9, and room for colder caches. See `docs/decisions/0004-sampling.md`.
///
/// At the interval that follows from it, the budget holds even in a thread that does nothing but lock. A
/// program that does more stays well below; spending what is left over is a governor's work.
const TIMED_COST: f64 = 3.2;

/// When a point is timed next, and what that sample will stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) next_timed: u64,
    pub(crate) next_weight: u64,
}

impl Schedule {
    /// The schedule after `done` acquisitions.
    pub(crate) fn after(done: u64, control: Control, rng: &mut fastrand::Rng) -> Self {
        match control.kind() {
            Kind::Off | Kind::Counts => Schedule {
                next_timed: u64::MAX,
                next_weight: 0,
            },
            Kind::Exact => Schedule {
                next_timed: 0,
                next_weight: 1,
            },
            Kind::Sampled => {
                let mean = (done / STEP).clamp(1, control.interval());
                Schedule {
                    next_timed: done.saturating_add(geometric(mean, rng)),
                    next_weight: mean,
                }
            }
        }
    }

    /// Two plain stores.
    #[inline(always)]
    pub(crate) fn store(self, record: &Record) {
        record.next_timed.store(self.next_timed, Relaxed);
        record.next_weight.store(self.next_weight, Relaxed);
    }
}

/// Mean number of acquisitions from one timed to the next.
pub(crate) fn interval(budget: f64) -> u64 {
    ((TIMED_COST / budget).ceil() as u64).clamp(1, crate::reservoir::MAX_WEIGHT)
}

/// Number of trials up to and with the first success, at probability 1/`mean` each.
fn geometric(mean: u64, rng: &mut fastrand::Rng) -> u64 {
    if mean <= 1 {
        return 1;
    }
    let miss = (-1.0 / mean as f64).ln_1p();
    // `as` saturates.
    1_u64.saturating_add((open_unit(rng).ln() / miss).floor() as u64)
}

#[cfg(test)]
#[cfg(not(lockprof_loom))]
mod tests {
    use super::*;
    use crate::config::Mode;

    #[test]
    fn a_budget_gives_an_interval() {
        assert_eq!(interval(0.01), 320);
        assert_eq!(interval(0.05), 64);
        assert_eq!(interval(0.005), 640);
        assert_eq!(interval(1.0), 4);
        assert_eq!(interval(f64::MIN_POSITIVE), crate::reservoir::MAX_WEIGHT);
    }

    #[test]
    fn gaps_have_the_mean_and_the_spread_of_a_geometric_distribution() {
        let mut rng = fastrand::Rng::with_seed(1);
        const N: usize = 200_000;
        let gaps: Vec<f64> = (0..N).map(|_| geometric(64, &mut rng) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / N as f64;
        let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / N as f64;
        // Standard error of the mean: 64/sqrt(N) = 0.14.
        assert!((mean - 64.0).abs() < 0.6, "mean {mean}");
        // Variance of the geometric distribution: 64 * 63.
        assert!(
            (variance / (64.0 * 63.0) - 1.0).abs() < 0.03,
            "variance {variance}"
        );
        assert!(gaps.iter().all(|&g| g >= 1.0));
    }

    #[test]
    fn the_modes_time_all_none_or_the_first() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut after = |done, mode| Schedule::after(done, Control::new(1, mode), &mut rng);
        let exact = after(7, Mode::Exact);
        assert_eq!((exact.next_timed, exact.next_weight), (0, 1));
        assert_eq!(after(7, Mode::Counts).next_timed, u64::MAX);
        let sampled = Mode::Sampled { budget: 0.01 };
        for done in [0, 1, 2 * STEP - 1] {
            let all = after(done, sampled);
            assert_eq!((all.next_timed, all.next_weight), (done + 1, 1));
        }
        assert_eq!(after(10 * STEP, sampled).next_weight, 10);
        assert_eq!(after(1_000_000, sampled).next_weight, 320);
    }

    #[test]
    fn estimated_totals_are_unbiased_and_their_variance_is_known() {
        // Durations that drift, so that a wrong weight anywhere shows: x(i) = i, of 3,000 acquisitions.
        const N: u64 = 3000;
        const TRIALS: usize = 4000;
        let truth = (N * (N + 1) / 2) as f64;
        let control = Control::new(1, Mode::Sampled { budget: 0.2 });
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut totals, mut variances) = (Vec::new(), 0.0);
        for _ in 0..TRIALS {
            let (mut total, mut variance) = (0.0, 0.0);
            let mut schedule = Schedule::after(0, control, &mut rng);
            while schedule.next_timed <= N {
                let (i, w) = (schedule.next_timed, schedule.next_weight as f64);
                total += w * i as f64;
                variance += w * (w - 1.0) * (i as f64).powi(2);
                schedule = Schedule::after(i, control, &mut rng);
            }
            totals.push(total);
            variances += variance;
        }
        let mean = totals.iter().sum::<f64>() / TRIALS as f64;
        let spread = totals.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / TRIALS as f64;
        // The mean of 4,000 trials is known to a 63rd of one's standard deviation.
        let error = (mean - truth).abs() / (spread / TRIALS as f64).sqrt();
        assert!(
            error < 4.0,
            "mean {mean}, truth {truth}: {error} standard errors"
        );
        let ratio = variances / TRIALS as f64 / spread;
        assert!(
            (0.9..1.1).contains(&ratio),
            "estimated variance is {ratio} of the observed"
        );
    }
}
