//! Compares the runs of two programs by how much runs of one program differ.
//!
//! All calculations use logarithms, because a busy machine changes a figure by a factor. The
//! variance of a figure is that of the runs of each side around their own mean. Three runs a side
//! leave it only four degrees of freedom, so the variances of the same metric at the other points
//! help ([`Prior`]).

use super::change::{Change, Rule, Verdict};
use super::estimate::Estimate;
use super::metric::{Metric, Run};
use super::pair::Pair;
use super::student::{Prior, two_sided};
use clap::ValueEnum;
use nexus_lockprof_snapshot::Point;

/// Runs are never assumed to be closer than this share: a clock has a resolution, and code a
/// layout.
const LIKENESS: f64 = 0.01;

/// A metric of a point in all runs.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    metric: Metric,
    /// Logarithms of the figures on each side.
    sides: [Vec<f64>; 2],
    /// What was added to each figure first.
    negligible: f64,
    /// Whether it covers too little time.
    small: bool,
}

impl Spread {
    /// `None` if too few runs measured it to tell how they differ.
    pub(super) fn of(
        metric: Metric,
        pair: &Pair<'_>,
        nothing: &Point,
        runs: [&[Run<'_>]; 2],
        rule: &Rule,
    ) -> Option<Self> {
        let points = [&pair.before, &pair.after];
        let each = |side: usize| {
            let points = points[side]
                .iter()
                .map(|point| point.as_deref().unwrap_or(nothing));
            points.zip(runs[side])
        };
        let all = || each(0).chain(each(1));
        let seconds: f64 = all().map(|(_, run)| run.seconds).sum();
        let acquisitions: f64 = all().map(|(point, _)| point.acquisitions as f64).sum();
        let negligible = metric.negligible(rule.floor, acquisitions / seconds);
        let figures = |side| {
            let figures = each(side).filter_map(|(point, run)| metric.of(point, run));
            figures
                .map(|figure| (figure.value + negligible).ln())
                .collect()
        };
        let sides: [Vec<f64>; 2] = [figures(0), figures(1)];
        let number: usize = sides.iter().map(Vec::len).sum();
        if sides.iter().any(Vec::is_empty) || number < 3 {
            return None;
        }
        let weight = |side| {
            let weights: Vec<f64> = each(side)
                .filter_map(|(point, run)| metric.weight(point, run))
                .collect();
            (!weights.is_empty()).then(|| weights.iter().sum::<f64>() / weights.len() as f64)
        };
        let weight = [weight(0), weight(1)]
            .into_iter()
            .flatten()
            .reduce(f64::max);
        Some(Self {
            metric,
            sides,
            negligible,
            // An untimed figure may matter.
            small: weight.is_some_and(|weight| weight < rule.floor),
        })
    }

    fn freedom(&self) -> f64 {
        self.sides.iter().map(|side| side.len() as f64).sum::<f64>() - 2.0
    }

    /// The variance of one run.
    fn variance(&self) -> f64 {
        let squares = self.sides.iter().map(|side| {
            let mean = mean(side);
            side.iter().map(|log| (log - mean).powi(2)).sum::<f64>()
        });
        squares.sum::<f64>() / self.freedom() + LIKENESS * LIKENESS
    }

    /// A change without its verdict, except that it is small.
    fn change(&self, prior: Prior) -> Change {
        let Prior { variance, freedom } = prior.and(self.variance(), self.freedom());
        let estimate = |side: &[f64]| {
            let typical = mean(side).exp();
            let error = typical * (variance / side.len() as f64).sqrt();
            // A tiny value is only the logarithm's rounding error.
            let value = typical - self.negligible;
            Estimate::typical_run(if value > 1e-9 * typical { value } else { 0.0 }, error)
        };
        let [before, after] = &self.sides;
        let runs: f64 = [before, after]
            .map(|side| 1.0 / side.len() as f64)
            .iter()
            .sum();
        let t = (mean(after) - mean(before)) / (variance * runs).sqrt();
        Change {
            metric: self.metric,
            before: estimate(before),
            after: estimate(after),
            z: t,
            p: two_sided(t, freedom),
            verdict: if self.small {
                Verdict::Small
            } else {
                Verdict::Same
            },
        }
    }
}

/// The chance that the means of two equal sides are this far apart.
pub(super) fn chance(before: &[f64], after: &[f64]) -> f64 {
    let freedom = (before.len() + after.len()) as f64 - 2.0;
    let squares = |side: &[f64]| {
        let mean = mean(side);
        side.iter().map(|log| (log - mean).powi(2)).sum::<f64>()
    };
    let variance = (squares(before) + squares(after)) / freedom;
    let runs = 1.0 / before.len() as f64 + 1.0 / after.len() as f64;
    let difference = mean(after) - mean(before);
    match difference == 0.0 {
        true => 1.0,
        false => two_sided(difference / (variance * runs).sqrt(), freedom),
    }
}

fn mean(logs: &[f64]) -> f64 {
    logs.iter().sum::<f64>() / logs.len() as f64
}

/// The changes of many points. All points together tell how runs differ.
pub(super) fn changes(points: &[Vec<Spread>]) -> Vec<Vec<Change>> {
    let all = || points.iter().flatten();
    let prior = |metric| {
        let alike = || all().filter(move |spread| spread.metric == metric && !spread.small);
        let freedom = alike().map(Spread::freedom).fold(0.0, f64::max);
        let whole = alike().filter(|spread| spread.freedom() == freedom);
        let variances: Vec<f64> = whole.map(Spread::variance).collect();
        Prior::of(&variances, freedom)
    };
    let priors: Vec<(Metric, Prior)> = Metric::value_variants()
        .iter()
        .map(|metric| (*metric, prior(*metric)))
        .collect();
    let prior = |metric| {
        let found = priors.iter().find(|(of, _)| *of == metric);
        found.map_or(Prior::NONE, |(_, prior)| *prior)
    };
    let changes = points.iter().map(|spreads| {
        let changes = spreads
            .iter()
            .map(|spread| spread.change(prior(spread.metric)));
        changes.collect()
    });
    changes.collect()
}
