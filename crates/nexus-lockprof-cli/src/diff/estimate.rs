//! What is compared: a [`Metric`] of a point, as an [`Estimate`] with its standard error.

use nexus_lockprof_snapshot::{Durations, Point};
use serde::Serialize;

/// A figure, and how far off it may be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    /// Standard error: of what was sampled, and of how else the run might have gone.
    pub(crate) error: f64,
    /// What the error is made of; `None` of a share.
    sum: Option<Sum>,
}

/// A sum of durations, by something.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sum {
    /// What it is by: seconds, or events.
    by: f64,
    /// The sum of the squares of all durations.
    squares: f64,
    /// Variance of the figure for being estimated from samples.
    sampled: f64,
    /// Whether the number of durations is what it is by, so that only their lengths are chance.
    each: bool,
}

impl Sum {
    /// Variance of what one second or event adds, if it adds `mean`.
    fn spread(self, mean: f64) -> f64 {
        let square = self.squares / self.by;
        match self.each {
            true => (square - mean * mean).max(0.0),
            false => square,
        }
    }

    fn error(self, mean: f64) -> f64 {
        (self.sampled + self.spread(mean) / self.by).sqrt()
    }
}

impl Estimate {
    fn of(value: f64, sum: Sum) -> Self {
        Self {
            value,
            error: sum.error(value),
            sum: Some(sum),
        }
    }

    /// The standard error of the difference of two: the larger of what each says by itself, and what both say together if they are
    /// of the same.
    ///
    /// A single event says by itself that there is no other kind; a run that has seen none, that there are none. A few events in a
    /// short run, taken together with a long one, are few where many should have been.
    pub(crate) fn error_of_difference(&self, other: &Self) -> f64 {
        let apart = self.error.hypot(other.error);
        let (Some(a), Some(b)) = (self.sum, other.sum) else {
            return apart;
        };
        let both = Sum {
            by: a.by + b.by,
            squares: a.squares + b.squares,
            sampled: 0.0,
            each: a.each,
        };
        let mean = (self.value * a.by + other.value * b.by) / both.by;
        let spread = both.spread(mean);
        let together = a.sampled + b.sampled + spread / a.by + spread / b.by;
        apart.max(together.sqrt())
    }
}

/// What of a point is compared. More is worse, of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metric {
    /// Nanoseconds waited in each second: what it costs. Grows with the load.
    WaitPerSecond,
    /// Nanoseconds waited for each acquisition. Of a point that does more, this need not grow.
    WaitPerAcquisition,
    /// Nanoseconds that each acquisition held the lock.
    HoldPerAcquisition,
    /// Share of the acquisitions that had to wait.
    ContentionShare,
}

impl Metric {
    pub(crate) const ALL: [Self; 4] = [
        Self::WaitPerSecond,
        Self::WaitPerAcquisition,
        Self::HoldPerAcquisition,
        Self::ContentionShare,
    ];

    /// What it is called in a table.
    pub(crate) const fn head(self) -> &'static str {
        match self {
            Self::WaitPerSecond => "wait/s",
            Self::WaitPerAcquisition => "wait/acq",
            Self::HoldPerAcquisition => "hold/acq",
            Self::ContentionShare => "contended",
        }
    }

    /// Of a point over `seconds`; `None` where it was not measured, or there is nothing to divide by.
    pub(crate) fn of(self, point: &Point, seconds: f64) -> Option<Estimate> {
        let acquisitions = point.acquisitions as f64;
        match self {
            Self::WaitPerSecond => per_second(&point.wait, seconds),
            Self::WaitPerAcquisition => per_event(&point.wait, acquisitions),
            Self::HoldPerAcquisition => per_event(&point.hold, point.hold.events as f64),
            Self::ContentionShare => share(point.contentions as f64, acquisitions),
        }
    }

    /// Seconds in each second that the figure is about; below some of it nobody cares. `None` where it was not measured.
    pub(crate) fn weight(self, point: &Point, seconds: f64) -> Option<f64> {
        let durations = match self {
            Self::HoldPerAcquisition => &point.hold,
            _ => &point.wait,
        };
        Some(per_second(durations, seconds)?.value / 1e9)
    }
}

/// Of so many events not to be measured, the total says what it should.
const UNMEASURED: f64 = 0.01;

/// Whether the total is that of all events, or nearly all.
fn is_whole(durations: &Durations) -> bool {
    let unmeasured = durations.unmeasured as f64;
    let events = durations.events as f64 + unmeasured;
    (durations.samples > 0 || events == 0.0) && unmeasured <= UNMEASURED * events
}

/// The sum of the squares of all durations. Where there is no sample left of them, the most that it can be.
fn squares(durations: &Durations) -> f64 {
    let weight: f64 = durations.reservoir.iter().map(|sample| sample.weight).sum();
    if weight > 0.0 {
        let of = |value_ns: u64| value_ns as f64 * value_ns as f64;
        let sum: f64 = durations
            .reservoir
            .iter()
            .map(|sample| sample.weight * of(sample.value_ns))
            .sum();
        durations.events as f64 * sum / weight
    } else {
        durations.total_ns as f64 * durations.max_ns as f64
    }
}

/// The total for each second. Events that come when they like and take what they like: the variance of their sum is the sum of
/// their squares (a compound Poisson process).
fn per_second(durations: &Durations, seconds: f64) -> Option<Estimate> {
    if seconds <= 0.0 || !is_whole(durations) {
        return None;
    }
    Some(sum_by(durations, seconds, false))
}

/// The total for each of `events`, of which those without a duration had one of 0.
fn per_event(durations: &Durations, events: f64) -> Option<Estimate> {
    if events <= 0.0 || !is_whole(durations) {
        return None;
    }
    Some(sum_by(durations, events, true))
}

fn sum_by(durations: &Durations, by: f64, each: bool) -> Estimate {
    let sum = Sum {
        by,
        squares: squares(durations),
        sampled: durations.total_variance.max(0.0) / (by * by),
        each,
    };
    Estimate::of(durations.total_ns as f64 / by, sum)
}

/// `part` of `whole`, which are counts.
fn share(part: f64, whole: f64) -> Option<Estimate> {
    if whole <= 0.0 {
        return None;
    }
    // None of ten does not mean that there can be none: one more of either for the error (Agresti and Coull's way).
    let careful = (part + 1.0) / (whole + 2.0);
    Some(Estimate {
        value: part / whole,
        error: (careful * (1.0 - careful) / (whole + 2.0)).sqrt(),
        sum: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_lockprof_snapshot::{AcquireMode, Lock, Sample, Samples, Site};

    fn point() -> Point {
        Point {
            acquisitions: 1_000,
            contentions: 100,
            wait: Durations {
                samples: 100,
                events: 100,
                total_ns: 1_000_000,
                max_ns: 10_000,
                reservoir: Samples::from(vec![Sample::exact(10_000); 100]),
                ..Durations::default()
            },
            ..Point::new(
                Lock::Anonymous,
                AcquireMode::Shared,
                Site::new("a.rs", 1, 1),
            )
        }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    #[test]
    fn equal_waits_that_come_by_chance() {
        // 100 of them: their number is off by 10, which is 10 %.
        let estimate = Metric::WaitPerSecond.of(&point(), 2.0).unwrap();
        assert_eq!(estimate.value, 500_000.0);
        assert!(near(estimate.error, 50_000.0), "{estimate:?}");
    }

    #[test]
    fn one_in_ten_waits() {
        // Each acquisition waits 10 µs or not at all: a share of 0.1, off by sqrt(0.1 * 0.9 / 1000).
        let estimate = Metric::WaitPerAcquisition.of(&point(), 2.0).unwrap();
        assert_eq!(estimate.value, 1_000.0);
        assert!(
            near(estimate.error, 10_000.0 * (0.09_f64 / 1_000.0).sqrt()),
            "{estimate:?}"
        );
        let share = Metric::ContentionShare.of(&point(), 2.0).unwrap();
        assert_eq!(share.value, 0.1);
        assert!(
            (share.error - (0.09_f64 / 1_000.0).sqrt()).abs() < 2e-4,
            "{share:?}"
        );
    }

    #[test]
    fn what_was_sampled_may_be_further_off() {
        let mut sampled = point();
        sampled.wait.total_variance = 3e10; // to 1e10 of chance
        let estimate = Metric::WaitPerSecond.of(&sampled, 2.0).unwrap();
        assert!(near(estimate.error, 100_000.0), "{estimate:?}");
    }

    #[test]
    fn what_was_not_measured_is_not_compared() {
        let mut counted = point();
        counted.wait = Durations {
            unmeasured: 100,
            ..Durations::default()
        };
        assert_eq!(Metric::WaitPerSecond.of(&counted, 1.0), None);
        assert_eq!(Metric::WaitPerAcquisition.of(&counted, 1.0), None);
        assert!(Metric::ContentionShare.of(&counted, 1.0).is_some());
        let mut partly = point();
        partly.wait.unmeasured = 50;
        assert_eq!(Metric::WaitPerSecond.of(&partly, 1.0), None);
        partly.wait.unmeasured = 1;
        assert!(Metric::WaitPerSecond.of(&partly, 1.0).is_some());
        assert_eq!(
            Metric::HoldPerAcquisition.of(&point(), 1.0),
            None,
            "no hold"
        );
        assert_eq!(Metric::WaitPerSecond.of(&point(), 0.0), None, "no time");
    }

    #[test]
    fn without_samples_the_error_is_the_most_it_can_be() {
        let mut old = point();
        old.wait.reservoir = Samples::default();
        old.wait.max_ns = 40_000;
        let estimate = Metric::WaitPerSecond.of(&old, 2.0).unwrap();
        assert!(near(estimate.error, 100_000.0), "{estimate:?}");
    }
}
