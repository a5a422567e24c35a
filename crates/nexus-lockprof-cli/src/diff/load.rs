//! How busy the machine was, estimated from the profile alone.
//!
//! A thread that loses the processor while it holds a lock holds it for milliseconds longer,
//! whichever lock it is. So the ratio of the mean hold to the typical one (without the longest
//! tenth) is similar at all points of a run. It grows with the demand of other programs. If the
//! holds of one lock get longer, only its own ratio grows, which the median over the points
//! ignores.

use super::metric::{Metric, Run};
use super::spread;

/// Smaller differences in load do not count.
const LEAST: f64 = 0.1;
/// The significance of a load difference. It is large because no verdict is better than a wrong
/// one.
const CHANCE: f64 = 0.1;
/// Points needed to tell a lock from the machine.
const POINTS: usize = 3;

/// The load of both sides: the factor by which holds were longer than typical.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Load {
    pub(crate) before: f64,
    pub(crate) after: f64,
    /// Whether the machine was busier for one side: in each of its runs than in each of the
    /// other's, or significantly.
    pub(crate) differs: bool,
}

impl Load {
    /// `None` if one of the runs has too few holds to tell.
    pub(super) fn of(runs: [&[Run<'_>]; 2], floor: f64) -> Option<Self> {
        let side = |runs: &[Run<'_>]| -> Option<Vec<f64>> {
            runs.iter().map(|run| of_run(run, floor)).collect()
        };
        let [before, after] = [side(runs[0])?, side(runs[1])?];
        let mean = |side: &[f64]| side.iter().sum::<f64>() / side.len() as f64;
        let least = |side: &[f64]| side.iter().copied().fold(f64::INFINITY, f64::min);
        let most = |side: &[f64]| side.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let apart = least(&after) > most(&before) || least(&before) > most(&after);
        let by_chance = spread::chance(&before, &after);
        Some(Self {
            before: mean(&before).exp(),
            after: mean(&after).exp(),
            differs: (apart || by_chance < CHANCE) && (mean(&after) - mean(&before)).abs() >= LEAST,
        })
    }
}

/// The logarithm of the factor.
fn of_run(run: &Run<'_>, floor: f64) -> Option<f64> {
    let points = run.snapshot.points().iter();
    let held = points.filter(|point| {
        Metric::HoldPerAcquisition
            .weight(point, run)
            .is_some_and(|weight| weight >= floor)
    });
    let mut factors: Vec<f64> = held
        .filter_map(|point| {
            let mean = Metric::HoldPerAcquisition.of(point, run)?.value;
            let typical = Metric::TypicalHold.of(point, run)?.value;
            (typical > 0.0 && mean > 0.0).then(|| (mean / typical).ln())
        })
        .collect();
    factors.sort_by(f64::total_cmp);
    if factors.len() < POINTS {
        return None;
    }
    factors.get(factors.len() / 2).copied()
}
