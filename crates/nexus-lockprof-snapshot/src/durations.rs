//! Measured times: [`Samples`] and [`Durations`].

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::figure::figures_of;
use crate::sample::Sample;
use crate::{json, quantile};

/// Samples by value. Copies of a snapshot share them, and so do snapshots between which nothing was
/// measured.
///
/// Reads as a slice; made [from](Self::from) a `Vec`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples(Arc<[Sample]>);

impl Deref for Samples {
    type Target = [Sample];

    fn deref(&self) -> &[Sample] {
        &self.0
    }
}

impl From<Vec<Sample>> for Samples {
    fn from(samples: Vec<Sample>) -> Self {
        Self(samples.into())
    }
}

impl From<Arc<[Sample]>> for Samples {
    fn from(samples: Arc<[Sample]>) -> Self {
        Self(samples)
    }
}

impl FromIterator<Sample> for Samples {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        Self(samples.into_iter().collect())
    }
}

impl Samples {
    /// Sorts them by value, unless they already are.
    pub(crate) fn sort(&mut self) {
        // Ties go by weight, so that equal samples in any order make equal values and equal files.
        if !self.0.is_sorted_by(|a, b| a.order(b).is_le()) {
            let mut samples = self.0.to_vec();
            samples.sort_unstable_by(Sample::order);
            *self = Self::from(samples);
        }
    }

    /// Adds all `others` at once. One by one, each step would copy the first samples again.
    pub(crate) fn extend<'a>(&mut self, others: impl Iterator<Item = &'a Self> + Clone) {
        let mut some = others.filter(|samples| !samples.0.is_empty());
        match (some.clone().count(), self.0.is_empty()) {
            (0, _) => {}
            (1, true) => *self = some.next().cloned().unwrap_or_default(),
            _ => {
                let all: Vec<Sample> = self
                    .0
                    .iter()
                    .chain(some.flat_map(|s| s.0.iter()))
                    .copied()
                    .collect();
                *self = Self::from(all);
            }
        }
    }
}

/// For `skip_serializing_if`.
fn is_empty(samples: &Samples) -> bool {
    samples.0.is_empty()
}

impl Serialize for Samples {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

/// An upper bound of a merged total.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum AtMost {
    /// Nothing happened.
    #[default]
    Nothing,
    Ns(u64),
    Unknown,
}

impl AtMost {
    /// The bound of durations with these figures.
    pub(crate) fn of(
        [samples, total_ns, events, .., at_most_ns]: [u64; Durations::FIGURES.len()],
    ) -> Self {
        match at_most_ns {
            0 if samples | total_ns | events == 0 => Self::Nothing,
            0 => Self::Unknown,
            ns => Self::Ns(ns),
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Ns(a), Self::Ns(b)) => Self::Ns(a.saturating_add(b)),
            _ => Self::Unknown,
        }
    }

    /// The bound in nanoseconds, 0 without one.
    pub(crate) fn ns(self) -> u64 {
        match self {
            Self::Ns(ns) => ns,
            Self::Nothing | Self::Unknown => 0,
        }
    }
}

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
    #[serde(skip_serializing_if = "json::is_zero", with = "json::variance")]
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
    #[serde(skip_serializing_if = "is_empty")]
    pub reservoir: Samples,
    /// The same for the last interval only: since the previous collection.
    #[serde(skip_serializing_if = "is_empty")]
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
    /// Whether there was no event. If there were events but none was measured, `samples` is 0 and
    /// this is `false`.
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

    /// Whether [`total_ns`](Self::total_ns) is an estimate: not all events were measured, or some
    /// samples represent more than themselves.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// let exact = Durations { samples: 64, events: 64, total_ns: 900, ..Durations::default() };
    /// assert!(!exact.is_estimate());
    ///
    /// let sampled = Durations { events: 4_096, total_variance: 2_500.0, ..exact };
    /// assert!(sampled.is_estimate());
    /// assert_eq!(sampled.standard_error_ns(), 50.0);
    ///
    /// let counted = Durations { events: 4_096, ..Durations::default() };
    /// assert!(!counted.is_estimate());
    /// ```
    #[must_use]
    pub const fn is_estimate(&self) -> bool {
        self.samples > 0 && (self.events > self.samples || self.total_variance > 0.0)
    }

    /// Whether [`total_ns`](Self::total_ns) covers only some of the events, because others were not
    /// measured.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// let part = Durations { samples: 10, events: 10, unmeasured: 1_000, ..Durations::default() };
    /// assert!(part.is_partial() && !part.is_estimate());
    /// ```
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.samples > 0 && self.unmeasured > 0
    }

    /// The standard error of [`total_ns`](Self::total_ns), in nanoseconds; 0 if every event was
    /// measured.
    ///
    /// It has two parts, whose variances add up. The first is
    /// [`total_variance`](Self::total_variance), which follows from the weights of the samples. The
    /// second is the error of the tail. A few of the longest events often make up most of a total,
    /// and by chance a sample has one more or one less of them. The variance does not show that if
    /// they were measured with a small weight, or not at all. So this assumes that the longest
    /// measured event ([`longest_sampled_ns`](Self::longest_sampled_ns)) was seen once too often or
    /// once too rarely. Each sample represents `(events - samples) / samples` events that were not
    /// measured.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// // Ten holds of 100, one of them of 10 ms, which stood for itself alone.
    /// let hold = Durations {
    ///     samples: 10,
    ///     events: 100,
    ///     total_ns: 10_900_000,
    ///     total_variance: 1e10,
    ///     longest_sampled_ns: 10_000_000,
    ///     ..Durations::default()
    /// };
    /// assert!(hold.standard_error_ns() > 90_000_000.0);
    /// ```
    #[must_use]
    pub fn standard_error_ns(&self) -> f64 {
        self.weights_error_ns().hypot(self.tail_error_ns())
    }

    /// The part of the standard error that follows from the weights of the samples.
    fn weights_error_ns(&self) -> f64 {
        self.total_variance.max(0.0).sqrt()
    }

    /// The tail's part: the longest duration, once for each unmeasured event per sample.
    fn tail_error_ns(&self) -> f64 {
        match self.samples {
            0 => 0.0,
            samples => {
                let unseen = self.events.saturating_sub(samples) as f64 / samples as f64;
                unseen * self.longest_sampled_ns as f64
            }
        }
    }

    /// The 95 % confidence interval of [`total_ns`](Self::total_ns), in nanoseconds. `None` if
    /// nothing was measured. It does not cover [`unmeasured`](Self::unmeasured) events.
    ///
    /// The lower end is 1.96 [standard errors](Self::standard_error_ns) below the total, but at
    /// least the longest measured duration. The upper end is farther away: a sample more often
    /// misses long events than short ones. So totals are more often too small than too large, and
    /// then by more. The upper end is `total * exp(1.96 * error / total)`, with the error from the
    /// weights, plus three times the error of the tail. [`at_most_ns`](Self::at_most_ns) limits it.
    /// The interval does not cover a kind of event without any measured event.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// let hold = Durations {
    ///     samples: 2,
    ///     events: 128,
    ///     total_ns: 1_000,
    ///     total_variance: 40_000.0,
    ///     max_ns: 700,
    ///     at_most_ns: 1_300,
    ///     ..Durations::default()
    /// };
    /// assert_eq!(hold.total_interval_ns(), Some((700, 1_300)));
    /// assert_eq!(Durations::default().total_interval_ns(), None);
    /// ```
    #[must_use]
    pub fn total_interval_ns(&self) -> Option<(u64, u64)> {
        const Z: f64 = 1.96;
        const UNSEEN: f64 = 3.0;
        let (total_ns, error) = (self.total_ns as f64, self.standard_error_ns());
        if self.samples == 0 {
            return None;
        }
        if error == 0.0 {
            return Some((self.total_ns, self.total_ns));
        }
        let weights = self.weights_error_ns();
        let high = match self.total_ns {
            0 => Z * weights,
            _ => total_ns * (Z * weights / total_ns).exp(),
        };
        let most = match self.at_most_ns {
            0 => u64::MAX,
            most => most,
        };
        // `as` saturates.
        let low = ((total_ns - Z * error) as u64).max(self.max_ns);
        let high = (high + UNSEEN * self.tail_error_ns()).ceil() as u64;
        Some((low.min(self.total_ns), high.min(most).max(self.total_ns)))
    }

    /// The standard error of [`total_ns`](Self::total_ns) as a share of it, 0.1 for 10 %. `None` if
    /// the total is 0, or is no [estimate](Self::is_estimate).
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Durations;
    ///
    /// let hold = Durations { samples: 2, events: 128, total_ns: 1_000, total_variance: 62_500.0, ..Durations::default() };
    /// assert_eq!(hold.relative_standard_error(), Some(0.25));
    /// assert_eq!(Durations::default().relative_standard_error(), None);
    /// ```
    #[must_use]
    pub fn relative_standard_error(&self) -> Option<f64> {
        (self.is_estimate() && self.total_ns > 0)
            .then(|| self.standard_error_ns() / self.total_ns as f64)
    }

    /// Adds the durations of `others`, which are other samples of events of the same kind.
    ///
    /// Counters and variances add up, and reservoirs are concatenated: two weighted samples of two
    /// sets of events form one weighted sample of both. Sums saturate at [`u64::MAX`] (584 years),
    /// variances at [`f64::MAX`].
    pub(crate) fn merge<'a>(&mut self, others: impl Iterator<Item = &'a Self> + Clone) {
        for other in others.clone() {
            self.add_counters(other);
        }
        self.reservoir
            .extend(others.clone().map(|other| &other.reservoir));
        self.recent.extend(others.map(|other| &other.recent));
    }

    fn add_counters(&mut self, other: &Self) {
        let at_most = AtMost::of(self.figures()).and(AtMost::of(other.figures()));
        self.merge_figures(other);
        self.at_most_ns = at_most.ns();
        self.total_variance = json::variance::sum(self.total_variance, other.total_variance);
    }

    /// Sorts both reservoirs by value, as quantiles need.
    pub(crate) fn sort(&mut self) {
        self.reservoir.sort();
        self.recent.sort();
    }
}
