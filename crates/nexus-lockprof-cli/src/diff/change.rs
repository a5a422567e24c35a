//! The kinds of change, and the change of one metric.

use super::estimate::Estimate;
use super::metric::Metric;
use serde::Serialize;

/// The thresholds for a difference.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rule {
    /// Chance of finding anything at all between two equal runs.
    pub(crate) significance: f64,
    /// Smallest relevant change, as a share of the old value.
    pub(crate) threshold: f64,
    /// Least time, in seconds per second, that the figure must cover.
    pub(crate) floor: f64,
    /// The lock whose acquisitions count units of work; `None` for all locks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) work: Option<String>,
    /// The metrics to compare.
    #[serde(skip)]
    pub(crate) metrics: Vec<Metric>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Worse,
    Better,
    /// It changed, but so did the machine's load, which affects it: nobody can tell which was the
    /// cause.
    Load,
    /// It may be chance, or is too little.
    Same,
    /// It covers too little time to matter.
    Small,
}

/// A metric before and after.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) metric: Metric,
    pub(crate) before: Estimate,
    pub(crate) after: Estimate,
    /// The difference over its standard error.
    pub(crate) z: f64,
    /// The chance of such a difference in any of the comparisons, if nothing has changed.
    pub(crate) p: f64,
    pub(crate) verdict: Verdict,
}

impl Change {
    /// As a share of the old value; `None` if that is 0.
    pub(crate) fn relative(&self) -> Option<f64> {
        let difference = self.after.value - self.before.value;
        match self.before.value {
            0.0 if difference == 0.0 => Some(0.0),
            0.0 => None,
            before => Some(difference / before),
        }
    }

    /// Whether it changed by at least this share of the old value. If that is 0, any change is
    /// enough.
    pub(super) fn by(&self, share: f64) -> bool {
        self.relative().is_none_or(|change| change.abs() >= share)
    }
}
