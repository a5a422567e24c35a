//! Measured times: [`Sample`] and [`Durations`].

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::figure::figures_of;
use crate::{json, quantile};

/// One measured duration and the number of events it stands for.
///
/// In JSON it is the pair `[value_ns, weight]`. Neither direction lets a weight through that is not
/// a number above 0 and at most 2⁶⁴.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The duration, in nanoseconds.
    pub value_ns: u64,
    /// How many events this sample stands for (its inverse inclusion probability); at least 1.
    pub weight: f64,
}

impl Sample {
    /// A duration that stands for itself alone.
    #[must_use]
    pub const fn exact(value_ns: u64) -> Self {
        Self {
            value_ns,
            weight: 1.0,
        }
    }
}

/// Samples by value, shared: copies of a snapshot, and snapshots between which nothing was measured, have the same ones.
///
/// A slice to all who read it; made [from](Self::from) a `Vec`.
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
    /// Sorts them by value, if they are not yet.
    pub(crate) fn sort(&mut self) {
        // Ties go by weight, so that equal samples in any order are one value and one file.
        let order = |a: &Sample, b: &Sample| {
            a.value_ns
                .cmp(&b.value_ns)
                .then(a.weight.total_cmp(&b.weight))
        };
        if !self.0.is_sorted_by(|a, b| order(a, b).is_le()) {
            let mut samples = self.0.to_vec();
            samples.sort_unstable_by(order);
            *self = Self::from(samples);
        }
    }

    /// Adds others, all at once: one after the other, the first would be copied as often as there are more.
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

/// What a merged total cannot be more than.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum AtMost {
    /// Nothing happened.
    #[default]
    Nothing,
    Ns(u64),
    Unknown,
}

impl AtMost {
    /// That of durations with these figures.
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

    /// 0 if there is no bound.
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
/// including `v` carry at least the share `q` of the reservoir's whole weight. It is always a duration that was
/// measured, never an interpolation. `q` is clamped to `0..=1`, so 0 asks for the shortest and 1 for the
/// longest duration *of the reservoir*; [`max_ns`](Self::max_ns) is the longest of all. There is no
/// quantile (`None`) of an empty reservoir, nor for a `q` that is NaN.
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
    /// Number of durations that were measured.
    pub samples: u64,
    /// Sum of all durations, in nanoseconds; an estimate when [`is_estimate`](Self::is_estimate). It says nothing
    /// when nothing was measured: 0 `samples`.
    pub total_ns: u64,
    /// Variance of `total_ns` as an estimator, in ns²; 0 when every event was measured.
    #[serde(skip_serializing_if = "json::is_zero", with = "json::variance")]
    pub total_variance: f64,
    /// Number of events that `total_ns` stands for: those measured, and those that the measured ones represent.
    /// What is being measured at the moment is not in it yet.
    pub events: u64,
    /// Number of further events that could not be measured and that nothing in `total_ns` stands for: they came while
    /// the mode was `Counts`, or found no room. With some measured and some not, the total is that of a part.
    #[serde(default, skip_serializing_if = "json::is_default")]
    pub unmeasured: u64,
    /// The longest duration that was measured, in nanoseconds.
    pub max_ns: u64,
    /// The longest measured duration of the kind of which not all are measured, in nanoseconds; 0 when each was
    /// measured. Of holds that is the longest. Waits that parked are all measured and do not count.
    #[serde(skip_serializing_if = "json::is_default")]
    pub longest_sampled_ns: u64,
    /// `total_ns` cannot have been more than this, in nanoseconds; 0 when no bound is known. A lock held exclusively is
    /// held by one at a time: all holds of its class fit into the time since the start or the last reset, once for each
    /// lock of the class.
    #[serde(skip_serializing_if = "json::is_default")]
    pub at_most_ns: u64,
    /// A weighted random sample of all durations since the start or the last reset, ascending by value.
    #[serde(skip_serializing_if = "is_empty")]
    pub reservoir: Samples,
    /// The same for the last interval alone: since the collection before this one.
    #[serde(skip_serializing_if = "is_empty")]
    pub recent: Samples,
}

// The order is that of files: what is new comes last.
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
    /// Whether there was no event. When there were events but none was measured, `samples` is 0 and this is `false`.
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

    /// The longest duration that was measured; see [`max_ns`](Self::max_ns).
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

    /// Several quantiles, in nanoseconds, in the order asked for, for the price of one.
    /// See [Quantiles](Self#quantiles).
    #[must_use]
    pub fn quantiles<const N: usize>(&self, qs: [f64; N]) -> [Option<u64>; N] {
        quantile::quantiles(&self.reservoir, qs)
    }

    /// Several quantiles of several points' durations together, in nanoseconds. See [Quantiles](Self#quantiles).
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

    /// The `q`-quantile of the durations since the collection before this one, in nanoseconds.
    /// See [Quantiles](Self#quantiles).
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

    /// Several quantiles, in nanoseconds, of the durations since the collection before this one.
    /// See [Quantiles](Self#quantiles).
    #[must_use]
    pub fn recent_quantiles<const N: usize>(&self, qs: [f64; N]) -> [Option<u64>; N] {
        quantile::quantiles(&self.recent, qs)
    }

    /// The mean duration, in whole nanoseconds, rounded down; `None` when nothing was measured.
    /// As good an estimate as [`total_ns`](Self::total_ns) is.
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

    /// Whether [`total_ns`](Self::total_ns) is estimated from a sample of the events: some were measured, but not
    /// all, or some stand for more than themselves.
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

    /// Whether [`total_ns`](Self::total_ns) is of a part of the events only: others could not be measured.
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

    /// The standard error of [`total_ns`](Self::total_ns), in nanoseconds. 0 when every event was measured.
    ///
    /// It has two parts, added as variances are: [`total_variance`](Self::total_variance), which follows from the
    /// weights of the samples, and the error of the tail. The few longest events often are most of a total, and
    /// a sample has one more or one less of them by chance, which the variance does not show when they happened to be measured
    /// with a small weight, or not at all. So the longest measured event
    /// ([`longest_sampled_ns`](Self::longest_sampled_ns)) counts as if it had been seen once more or once less: for each
    /// sample there are `(events - samples) / samples` events that were not measured.
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

    /// The part of the tail: the longest once for each sample that was not taken.
    fn tail_error_ns(&self) -> f64 {
        match self.samples {
            0 => 0.0,
            samples => {
                let unseen = self.events.saturating_sub(samples) as f64 / samples as f64;
                unseen * self.longest_sampled_ns as f64
            }
        }
    }

    /// The 95 % confidence interval of [`total_ns`](Self::total_ns), in nanoseconds. `None` when nothing was measured.
    /// With [`unmeasured`](Self::unmeasured) events it is of the others only.
    ///
    /// It begins 1.96 [standard errors](Self::standard_error_ns) below the total, and at the longest measured duration at
    /// least. Upwards it is wider: what a sample misses is more often the long than the short, so that totals are
    /// too small more often than too large, and then by more. It ends where the weights' error by the same share would
    /// have the total (`total * exp(1.96 * error / total)`), and with the longest seen three times more; and at
    /// [`at_most_ns`](Self::at_most_ns) at most. A kind of event of which none was measured is not in it.
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

    /// The standard error of [`total_ns`](Self::total_ns) as a share of it, 0.1 for 10 %. `None` unless the total
    /// [is an estimate](Self::is_estimate), and above 0.
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

    /// Adds the durations of `others`, other samples of events of the same kind.
    ///
    /// Counters and variances add up, reservoirs are concatenated: two weighted samples of two sets of events
    /// are together a weighted sample of both. Sums stop at [`u64::MAX`] (584 years), and variances at [`f64::MAX`].
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

    /// Puts both reservoirs in the order that quantiles need: ascending by value.
    pub(crate) fn sort(&mut self) {
        self.reservoir.sort();
        self.recent.sort();
    }
}
