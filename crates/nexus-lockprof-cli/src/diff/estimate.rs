//! A figure of one run, as an [`Estimate`]: its standard error comes from that run alone.

use nexus_lockprof_snapshot::Durations;

/// A figure and its uncertainty.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    /// Standard error: from sampling, and from how the run might have gone otherwise.
    pub(crate) error: f64,
    /// What the error consists of; `None` for a share.
    sum: Option<Sum>,
}

/// A sum of durations, divided by something.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sum {
    /// The divisor: seconds or events.
    by: f64,
    /// The sum of the squares of all durations.
    squares: f64,
    /// Variance that sampling adds to the figure.
    sampled: f64,
    /// Whether the divisor is the number of durations, so that only their lengths are random.
    each: bool,
}

impl Sum {
    /// Variance that one second or event adds, if it adds `mean`.
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

    /// The typical run of several.
    pub(crate) const fn typical_run(value: f64, error: f64) -> Self {
        Self {
            value,
            error,
            sum: None,
        }
    }

    /// The standard error of the difference of two estimates. It is the larger of two values: what
    /// each estimate says alone, and what both together say if they come from the same
    /// distribution.
    ///
    /// The joint value matters when a run has few events. A run with a single event suggests that
    /// all events are alike, and a run without events suggests that there are none. Pooling with a
    /// long run shows how many events the short run should have had.
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

/// At most this share of the events may be unmeasured for the total to be exact enough.
const UNMEASURED: f64 = 0.01;

/// Whether the total covers all events, or nearly all.
fn is_whole(durations: &Durations) -> bool {
    let unmeasured = durations.unmeasured as f64;
    let events = durations.events as f64 + unmeasured;
    (durations.samples > 0 || events == 0.0) && unmeasured <= UNMEASURED * events
}

/// The sum of the squares of all durations. Without samples, the largest possible value.
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

/// The total per second. The number and the lengths of the events are random. Then the variance of
/// their sum is the sum of their squares (a compound Poisson process).
pub(super) fn per_second(durations: &Durations, seconds: f64) -> Option<Estimate> {
    if seconds <= 0.0 || !is_whole(durations) {
        return None;
    }
    Some(sum_by(durations, seconds, false))
}

/// The total per event of `events`; events without a duration count as 0.
pub(super) fn per_event(durations: &Durations, events: f64) -> Option<Estimate> {
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

/// `part` of `whole`; both are counts.
pub(super) fn share(part: f64, whole: f64) -> Option<Estimate> {
    if whole <= 0.0 {
        return None;
    }
    // None of ten does not mean that none is possible: for the error, add one to each side (Agresti
    // and Coull).
    let careful = (part + 1.0) / (whole + 2.0);
    Some(Estimate {
        value: part / whole,
        error: (careful * (1.0 - careful) / (whole + 2.0)).sqrt(),
        sum: None,
    })
}

/// A count divided by another count. The number of events is random.
pub(super) fn count(part: f64, whole: f64) -> Option<Estimate> {
    if whole <= 0.0 {
        return None;
    }
    Some(Estimate {
        value: part / whole,
        error: (part + 1.0).sqrt() / whole,
        sum: None,
    })
}

/// The mean without the longest tenth. One hold in hundreds or thousands loses the processor to
/// another thread, for milliseconds. On a busy machine those make up most of the sum of microsecond
/// holds, and all are in that tenth.
pub(super) fn typical(durations: &Durations) -> Option<Estimate> {
    /// Share of the events to keep.
    const KEPT: f64 = 0.9;
    if !is_whole(durations) {
        return None;
    }
    let weight: f64 = durations.reservoir.iter().map(|sample| sample.weight).sum();
    let mut left = KEPT * weight;
    let (mut kept, mut samples, mut sum, mut squares) = (0.0, 0.0, 0.0, 0.0);
    // The samples ascend.
    for sample in durations.reservoir.iter() {
        if left <= 0.0 {
            break;
        }
        let (weight, value) = (sample.weight.min(left), sample.value_ns as f64);
        left -= weight;
        kept += weight;
        samples += weight / sample.weight;
        sum += weight * value;
        squares += weight * value * value;
    }
    if kept.is_nan() || kept <= 0.0 {
        return None;
    }
    let mean = sum / kept;
    Some(Estimate {
        value: mean,
        error: ((squares / kept - mean * mean).max(0.0) / samples).sqrt(),
        sum: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Metric, Run};
    use nexus_lockprof_snapshot::{
        AcquireMode, Lock, Point, Sample, Samples, Site, Snapshot, SnapshotParts,
    };

    impl Metric {
        /// In a run of that length with only this point.
        fn alone(self, point: &Point, seconds: f64) -> Option<Estimate> {
            let snapshot = Snapshot::from_parts(SnapshotParts {
                elapsed_ns: (seconds * 1e9) as u64,
                points: vec![point.clone()],
                ..SnapshotParts::default()
            });
            self.of(point, &Run::new(&snapshot, None))
        }
    }

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
        // 100 waits: their number has an error of 10, which is 10 %.
        let estimate = Metric::WaitPerSecond.alone(&point(), 2.0).unwrap();
        assert_eq!(estimate.value, 500_000.0);
        assert!(near(estimate.error, 50_000.0), "{estimate:?}");
    }

    #[test]
    fn one_in_ten_waits() {
        // Each acquisition waits 10 µs or not at all: a share of 0.1 with an error of sqrt(0.1 *
        // 0.9 / 1000).
        let estimate = Metric::WaitPerAcquisition.alone(&point(), 2.0).unwrap();
        assert_eq!(estimate.value, 1_000.0);
        assert!(
            near(estimate.error, 10_000.0 * (0.09_f64 / 1_000.0).sqrt()),
            "{estimate:?}"
        );
        let share = Metric::ContentionRatio.alone(&point(), 2.0).unwrap();
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
        let estimate = Metric::WaitPerSecond.alone(&sampled, 2.0).unwrap();
        assert!(near(estimate.error, 100_000.0), "{estimate:?}");
    }

    #[test]
    fn what_was_not_measured_is_not_compared() {
        let mut counted = point();
        counted.wait = Durations {
            unmeasured: 100,
            ..Durations::default()
        };
        assert_eq!(Metric::WaitPerSecond.alone(&counted, 1.0), None);
        assert_eq!(Metric::WaitPerAcquisition.alone(&counted, 1.0), None);
        assert!(Metric::ContentionRatio.alone(&counted, 1.0).is_some());
        let mut partly = point();
        partly.wait.unmeasured = 50;
        assert_eq!(Metric::WaitPerSecond.alone(&partly, 1.0), None);
        partly.wait.unmeasured = 1;
        assert!(Metric::WaitPerSecond.alone(&partly, 1.0).is_some());
        assert_eq!(
            Metric::HoldPerAcquisition.alone(&point(), 1.0),
            None,
            "no hold"
        );
        assert_eq!(Metric::WaitPerSecond.alone(&point(), 0.0), None, "no time");
    }

    #[test]
    fn without_samples_the_error_is_the_most_it_can_be() {
        let mut old = point();
        old.wait.reservoir = Samples::default();
        old.wait.max_ns = 40_000;
        let estimate = Metric::WaitPerSecond.alone(&old, 2.0).unwrap();
        assert!(near(estimate.error, 100_000.0), "{estimate:?}");
    }

    /// A tenth of the holds lost the processor for milliseconds. Figures of all holds would only
    /// show that.
    #[test]
    fn a_typical_hold_is_not_one_that_lost_the_processor() {
        let holds = |each_ns: u64, lost: usize| {
            let usual = std::iter::repeat_n(Sample::exact(each_ns), 1_000 - lost);
            let reservoir: Vec<Sample> = usual
                .chain(std::iter::repeat_n(Sample::exact(4_000_000), lost))
                .collect();
            Point {
                hold: Durations {
                    samples: 1_000,
                    events: 1_000,
                    total_ns: reservoir.iter().map(|sample| sample.value_ns).sum(),
                    max_ns: 4_000_000,
                    reservoir: reservoir.into(),
                    ..Durations::default()
                },
                ..point()
            }
        };
        for lost in [0, 3, 100] {
            let estimate = Metric::TypicalHold.alone(&holds(5_000, lost), 1.0).unwrap();
            assert!(near(estimate.value, 5_000.0), "{lost}: {estimate:?}");
        }
        let twice = Metric::TypicalHold.alone(&holds(10_000, 50), 1.0).unwrap();
        assert!(near(twice.value, 10_000.0), "{twice:?}");
    }
}
