//! The numbers of a series, for one point or several.

use std::borrow::Cow;

use nexus_lockprof_snapshot::{Durations, FigureKind, Histogram, Point};

/// Wider than a point's own counters, so that sums do not saturate.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums<'a> {
    pub(super) figures: [u128; Point::FIGURES.len()],
    /// Variance of `caused_wait_ns`, in ns²; 0 if that is exact.
    pub(super) caused_variance: f64,
    pub(super) wait: Times<'a>,
    pub(super) hold: Times<'a>,
}

/// Waits or holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times<'a> {
    pub(crate) total_ns: u128,
    pub(crate) events: u128,
    pub(crate) unmeasured: u128,
    pub(crate) max_ns: u64,
    /// Variance of `total_ns`, in ns²; `None` if that is exact.
    pub(crate) variance: Option<f64>,
    /// That of a point is borrowed.
    pub(crate) histogram: Cow<'a, Histogram>,
}

impl<'a> Sums<'a> {
    pub(super) fn of(point: &'a Point) -> Self {
        let mut sums = Self::default();
        sums.add(point);
        sums
    }

    pub(super) fn add(&mut self, point: &'a Point) {
        let figures = self.figures.iter_mut().zip(point.figures());
        for ((sum, figure), of) in figures.zip(&Point::FIGURES) {
            let figure = u128::from(figure);
            *sum = match of.kind {
                FigureKind::Max => figure.max(*sum),
                FigureKind::Counter | FigureKind::Gauge => *sum + figure,
            };
        }
        self.caused_variance = sum(self.caused_variance, point.caused_variance);
        self.wait.add(&point.wait);
        self.hold.add(&point.hold);
    }
}

/// The sum of variances. Saturates at the largest finite number, as in a snapshot.
pub(crate) fn sum(a: f64, b: f64) -> f64 {
    (a + b.max(0.0)).min(f64::MAX)
}

impl<'a> Times<'a> {
    fn add(&mut self, durations: &'a Durations) {
        self.total_ns += u128::from(durations.total_ns);
        self.events += u128::from(durations.events);
        self.unmeasured += u128::from(durations.unmeasured);
        self.max_ns = self.max_ns.max(durations.max_ns);
        if self.histogram.is_empty() {
            self.histogram = Cow::Borrowed(&durations.histogram);
        } else if !durations.histogram.is_empty() {
            self.histogram.to_mut().merge(&durations.histogram);
        }
        if durations.is_estimate() {
            let variance = durations.standard_error_ns().powi(2);
            self.variance = Some(sum(self.variance.unwrap_or(0.0), variance));
        }
    }
}
