//! Which acquisitions are timed.
//!
//! In `Sampled` mode a point's first [`WARM_UP`] acquisitions are all timed, so that a rare lock is
//! known exactly; after them each is timed with probability 1/interval, independently of the
//! others. The gaps between timed ones are then geometric: drawn once for each timed acquisition,
//! with no period that a periodic program could alias with, and with an inclusion probability
//! that is known exactly, which is what makes the totals unbiased.

use crate::control::{Control, Kind};
use crate::record::Record;
use crate::reservoir::open_unit;
use crate::sync::Ordering::Relaxed;

/// Acquisitions of a point, in one thread, that are timed before sampling starts.
pub(crate) const WARM_UP: u64 = 32;

/// What timing one acquisition costs (two clock reads and their bookkeeping), as a multiple of a bare
/// lock and unlock; `docs/decisions/0004-sampling-interval.md` has the measurement.
///
/// At the interval that follows from it, the budget holds even in a loop that does nothing but lock. A
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
            Kind::Sampled if done < WARM_UP => Schedule {
                next_timed: done + 1,
                next_weight: 1,
            },
            Kind::Sampled => {
                let interval = control.interval();
                Schedule {
                    next_timed: done.saturating_add(geometric(interval, rng)),
                    next_weight: interval,
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

#[cfg(all(test, not(lockprof_loom)))]
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
        assert!((variance / (64.0 * 63.0) - 1.0).abs() < 0.03, "variance {variance}");
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
        let warm = after(WARM_UP - 1, sampled);
        assert_eq!((warm.next_timed, warm.next_weight), (WARM_UP, 1));
        let steady = after(WARM_UP, sampled);
        assert!(steady.next_timed > WARM_UP);
        assert_eq!(steady.next_weight, 320);
    }
}
