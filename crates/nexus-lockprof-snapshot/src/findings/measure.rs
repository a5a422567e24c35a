//! [`Measure`]: a figure with its error.

use super::evidence::Evidence;
use crate::number::sum;
use crate::{Durations, Point};

/// Standard errors on each side of a 95 % confidence interval.
const Z: f64 = 1.96;

/// A figure, its standard error, and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measure {
    pub(super) value: f64,
    pub(super) error: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) is_estimate: bool,
    /// Some events were not measured, so the value is a lower bound, and `high` has no meaning.
    pub(super) is_partial: bool,
}

impl Measure {
    pub(super) fn exact(value: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
            ..Self::default()
        }
    }

    /// A figure from a sample whose error is not known.
    pub(super) fn about(value: f64) -> Self {
        Self {
            is_estimate: true,
            ..Self::exact(value)
        }
    }

    /// The sum of durations. `None` if nothing was measured.
    pub(super) fn total<'a>(all: impl Iterator<Item = &'a Durations>) -> Option<Self> {
        let mut sum: Option<Self> = None;
        let (mut variance, mut has_unmeasured) = (0.0, false);
        for times in all {
            let Some((low, high)) = times.total_interval_ns() else {
                has_unmeasured |= times.events > 0 || times.unmeasured > 0;
                continue;
            };
            let sum = sum.get_or_insert_default();
            sum.value += times.total_ns as f64;
            // The ends add up as if all errors had the same direction: wider than they are likely
            // to be, never narrower.
            sum.low += low as f64;
            sum.high += high as f64;
            variance += times.standard_error_ns().powi(2);
            sum.is_estimate |= times.is_estimate();
            has_unmeasured |= times.is_partial();
        }
        let mut sum = sum?;
        sum.error = variance.sqrt();
        sum.is_partial = has_unmeasured;
        if has_unmeasured {
            sum.high = f64::INFINITY;
        }
        Some(sum)
    }

    /// The mean of those durations that were measured, and those that they represent.
    pub(super) fn mean<'a>(all: impl Iterator<Item = &'a Durations> + Clone) -> Option<Self> {
        let measured = || all.clone().filter(|times| times.samples > 0);
        let events = sum(measured().map(|times| times.events));
        let (mut low, mut high) = (0.0, 0.0);
        for (from, to) in measured().filter_map(Durations::total_interval_ns) {
            low += from as f64;
            high += to as f64;
        }
        let total = Self::total(measured())?;
        let whole = Self {
            low,
            high,
            is_partial: false,
            ..total
        };
        (events > 0).then(|| whole.over(events as f64))
    }

    /// The wait that points have caused.
    pub(super) fn caused<'a>(points: impl Iterator<Item = &'a Point>) -> Self {
        let (mut value, mut variance) = (0.0, 0.0);
        for point in points {
            value += point.caused_wait_ns as f64;
            variance += point.caused_variance.max(0.0);
        }
        Self::with_error(value, variance.sqrt())
    }

    fn with_error(value: f64, error: f64) -> Self {
        Self {
            value,
            error,
            low: (value - Z * error).max(0.0),
            high: value + Z * error,
            is_estimate: error > 0.0,
            is_partial: false,
        }
    }

    /// A part of what points have caused, which is `self`. It has the same part of the variance.
    pub(super) fn part(self, value: f64) -> Self {
        Self::with_error(value, self.error * (value / self.value).max(0.0).sqrt())
    }

    /// What is left without one of the parts of a sum.
    pub(super) fn less(self, part: Self) -> Self {
        Self {
            value: (self.value - part.value).max(0.0),
            low: (self.low - part.low).max(0.0),
            high: (self.high - part.high).max(0.0),
            ..self
        }
    }

    /// A lower bound of what is left without another figure, of which any part may be in this one.
    pub(super) fn at_least_without(self, other: Self) -> Self {
        Self {
            value: (self.value - other.value).max(0.0),
            low: (self.low - other.high).max(0.0),
            error: self.error.hypot(other.error),
            is_estimate: self.is_estimate || other.is_estimate,
            is_partial: self.is_partial || other.value > 0.0,
            ..self
        }
    }

    /// The figure divided by an exact one.
    pub(super) fn over(self, divisor: f64) -> Self {
        Self {
            value: self.value / divisor,
            error: self.error / divisor,
            low: self.low / divisor,
            high: self.high / divisor,
            ..self
        }
    }

    /// The larger of two estimates of one figure.
    pub(super) fn max(self, other: Self) -> Self {
        let mut larger = if self.value >= other.value {
            self
        } else {
            other
        };
        larger.high = self.high.max(other.high);
        larger.is_estimate = self.is_estimate || other.is_estimate;
        larger
    }

    /// What share of `whole` it is. Both errors count; the share is at most 1.
    pub(super) fn share_of(self, whole: Self) -> Self {
        let value = (self.value / whole.value).min(1.0);
        let relative = |of: Self| {
            if of.value > 0.0 {
                of.error / of.value
            } else {
                0.0
            }
        };
        Self {
            value,
            error: value * relative(self).hypot(relative(whole)),
            low: self.low / whole.high,
            high: (self.high / whole.low).min(1.0),
            is_estimate: self.is_estimate || whole.is_estimate || whole.is_partial,
            // The share of a part of the whole is no bound.
            is_partial: self.is_partial && !whole.is_partial,
        }
    }

    pub(super) fn named(self, name: &'static str) -> Evidence {
        Evidence {
            name,
            value: self.value,
            standard_error: self.error,
            is_estimate: self.is_estimate,
            is_partial: self.is_partial,
        }
    }
}
