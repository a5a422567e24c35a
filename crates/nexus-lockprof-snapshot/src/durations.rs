//! Measured times of one point: [`Durations`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::figure::{self, figures_of};
use crate::samples::Samples;
use crate::{json, quantile};

/// Wait or hold times of one point.
///
/// # Quantiles
///
/// The `q`-quantile is the smallest measured duration `v` such that the durations up to and
/// including `v` carry at least the share `q` of the reservoir's total weight. It is always a
/// measured duration, never an interpolation. `q` is clamped to `0..=1`: 0 gives the shortest and 1
/// the longest duration *in the reservoir*. [`max_ns`](Self::max_ns) is the longest of all. An
/// empty reservoir has no quantiles (`None`), and neither has a NaN `q`.
///
/// ```
/// use nexus_lockprof_snapshot::{Durations, Sample, Samples};
///
/// let wait = Durations {
///     samples: 3,
///     events: 12,
///     total_ns: 3_200,
///     max_ns: 900,
///     reservoir: Samples::from(vec![
///         Sample { value_ns: 100, weight: 5.0 },
///         Sample { value_ns: 300, weight: 6.0 },
///         Sample { value_ns: 900, weight: 1.0 },
///     ]),
///     ..Durations::default()
/// };
/// assert_eq!(wait.p50_ns(), Some(300)); // 5 of 12 events took 100 ns, 11 of 12 at most 300 ns
/// assert_eq!(wait.quantiles([0.0, 0.4, 0.99]), [Some(100), Some(100), Some(900)]);
/// assert_eq!(wait.quantile(f64::NAN), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Durations {
    /// Number of measured durations.
    pub samples: u64,
    /// Sum of all durations, in nanoseconds; an estimate if [`is_estimate`](Self::is_estimate). It
    /// has no meaning if nothing was measured (0 `samples`).
    pub total_ns: u64,
    /// Variance of `total_ns` as an estimator, in ns²; 0 if every event was measured.
    #[serde(skip_serializing_if = "json::is_default", with = "json::variance")]
    pub total_variance: f64,
    /// Number of events that `total_ns` covers: the measured ones, and those that they represent.
    /// Excludes events that are still under way.
    pub events: u64,
    /// Number of further events that were not measured and that `total_ns` does not cover. They
    /// came while the mode was `Counts`, or found no room. If there are measured events too, the
    /// total is partial.
    #[serde(default, skip_serializing_if = "json::is_default")]
    pub unmeasured: u64,
    /// The longest measured duration, in nanoseconds.
    pub max_ns: u64,
    /// The longest measured duration among the kinds of events that are sampled, in nanoseconds; 0
    /// if every event was measured. For holds, it is the longest of all. Long waits are always
    /// measured, so they do not count.
    #[serde(skip_serializing_if = "json::is_default")]
    pub longest_sampled_ns: u64,
    /// An upper bound of `total_ns`, in nanoseconds; 0 if none is known. Only one owner at a time
    /// holds a lock exclusively. So each lock of a class can be held for at most the time since the
    /// start or the last reset.
    #[serde(skip_serializing_if = "json::is_default")]
    pub at_most_ns: u64,
    /// A weighted random sample of all durations since the start or the last reset, ascending by
    /// value.
    #[serde(skip_serializing_if = "json::is_default")]
    pub reservoir: Samples,
    /// The same for the last interval only: since the previous collection.
    #[serde(skip_serializing_if = "json::is_default")]
    pub recent: Samples,
}

// In file order: add new figures at the end.
figures_of! {
    Durations in "" {
        samples: Counter "Durations that were measured.",
        total_ns: Counter "Sum of all durations.",
        events: Counter "Events that the sum stands for.",
        unmeasured: Counter "Events that were not measured and that no measured one stands for.",
        max_ns: Max "The longest measured duration.",
        longest_sampled_ns: Max "The longest measured duration that stands for others.",
        at_most_ns: Gauge "The most that the sum can be, where that is known.",
    }
}

impl Durations {
    /// Returns whether there was no event. If there were events but none was measured, `samples` is
    /// 0 and this is `false`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples == 0
            && self.events == 0
            && self.unmeasured == 0
            && self.total_ns == 0
            && self.max_ns == 0
            && self.reservoir.is_empty()
            && self.recent.is_empty()
    }

    /// The sum of all durations; see [`total_ns`](Self::total_ns).
    #[must_use]
    pub const fn total(&self) -> Duration {
        Duration::from_nanos(self.total_ns)
    }

    /// The longest measured duration; see [`max_ns`](Self::max_ns).
    #[must_use]
    pub const fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// The `q`-quantile of all durations since the start or the last reset, in nanoseconds.
    /// See [Quantiles](Self#quantiles).
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let [value] = self.quantiles([q]);
        value
    }

    /// Several quantiles, in nanoseconds, in the order of `qs`. Costs as much as one. See
    /// [Quantiles](Self#quantiles).
    #[must_use]
    pub fn quantiles<const N: usize>(&self, qs: [f64; N]) -> [Option<u64>; N] {
        quantile::quantiles(&self.reservoir, qs)
    }

    /// Several quantiles over the durations of several points, in nanoseconds. See
    /// [Quantiles](Self#quantiles).
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Durations, Sample, Samples};
    ///
    /// let of = |value_ns| Durations {
    ///     samples: 1,
    ///     reservoir: Samples::from(vec![Sample::exact(value_ns)]),
    ///     ..Durations::default()
    /// };
    /// let (a, b) = (of(10), of(5_000));
    /// assert_eq!(Durations::quantiles_of([&b, &a], [0.5, 0.99]), [Some(10), Some(5_000)]);
    /// ```
    #[must_use]
    pub fn quantiles_of<'a, const N: usize>(
        all: impl IntoIterator<Item = &'a Self>,
        qs: [f64; N],
    ) -> [Option<u64>; N] {
        let mut together = Samples::default();
        let all: Vec<&Self> = all.into_iter().collect();
        together.extend(all.iter().map(|durations| &durations.reservoir));
        together.sort();
        quantile::quantiles(&together, qs)
    }

    /// The median, in nanoseconds.
    #[must_use]
    pub fn p50_ns(&self) -> Option<u64> {
        self.quantile(0.50)
    }

    /// The 95th percentile, in nanoseconds.
    #[must_use]
    pub fn p95_ns(&self) -> Option<u64> {
        self.quantile(0.95)
    }

    /// The 99th percentile, in nanoseconds.
    #[must_use]
    pub fn p99_ns(&self) -> Option<u64> {
        self.quantile(0.99)
    }

    /// The `q`-quantile of the durations since the previous collection, in nanoseconds. See
    /// [Quantiles](Self#quantiles).
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Durations, Sample, Samples};
    ///
    /// let hold = Durations {
    ///     samples: 2,
    ///     events: 2,
    ///     reservoir: Samples::from(vec![Sample::exact(10), Sample::exact(5_000)]),
    ///     recent: Samples::from(vec![Sample::exact(5_000)]),
    ///     ..Durations::default()
    /// };
    /// assert_eq!(hold.quantile(0.5), Some(10));
    /// assert_eq!(hold.recent_quantile(0.5), Some(5_000));
    /// ```
    #[must_use]
    pub fn recent_quantile(&self, q: f64) -> Option<u64> {
        let [value] = self.recent_quantiles([q]);
        value
    }

    /// Several quantiles of the durations since the previous collection, in nanoseconds. See
    /// [Quantiles](Self#quantiles).
    #[must_use]
    pub fn recent_quantiles<const N: usize>(&self, qs: [f64; N]) -> [Option<u64>; N] {
        quantile::quantiles(&self.recent, qs)
    }

    /// The mean duration, in whole nanoseconds, rounded down; `None` if nothing was measured. It is
    /// as accurate as [`total_ns`](Self::total_ns).
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// let hold = Durations { samples: 4, events: 4, total_ns: 1_003, ..Durations::default() };
    /// assert_eq!(hold.mean_ns(), Some(250));
    ///
    /// let counted = Durations { events: 4, ..Durations::default() };
    /// assert_eq!(counted.mean_ns(), None);
    /// ```
    #[must_use]
    pub const fn mean_ns(&self) -> Option<u64> {
        match self.samples {
            0 => None,
            _ => self.total_ns.checked_div(self.events),
        }
    }

    /// Adds the durations of `others`, which are other samples of events of the same kind.
    ///
    /// Counters and variances add up, and reservoirs are concatenated: two weighted samples of two
    /// sets of events form one weighted sample of both. Sums saturate at [`u64::MAX`] (584 years),
    /// variances at [`f64::MAX`].
    pub(crate) fn merge<'a>(&mut self, others: impl Iterator<Item = &'a Self> + Clone) {
        for other in others.clone() {
            let mut figures = self.figures();
            merge(&mut figures, &other.figures());
            *self = std::mem::take(self).with_figures(figures);
            self.total_variance = json::variance::sum(self.total_variance, other.total_variance);
        }
        self.reservoir
            .extend(others.clone().map(|other| &other.reservoir));
        self.recent.extend(others.map(|other| &other.recent));
    }

    /// Sorts both reservoirs by value, as quantiles need.
    pub(crate) fn sort(&mut self) {
        self.reservoir.sort();
        self.recent.sort();
    }
}

type Figures = [u64; Durations::FIGURES.len()];

/// Merges figures. The bound of a total is known if it is for both that have any events.
pub(crate) fn merge(into: &mut Figures, from: &Figures) {
    let is_unbounded = |&[samples, total_ns, events, .., at_most_ns]: &Figures| {
        at_most_ns == 0 && samples | total_ns | events != 0
    };
    let unbounded = is_unbounded(into) || is_unbounded(from);
    figure::merge(&Durations::FIGURES, into, from);
    if unbounded && let Some(at_most_ns) = into.last_mut() {
        *at_most_ns = 0;
    }
}
