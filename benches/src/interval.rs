//! Where a ratio lies, given its rounds.

use crate::results::{is_quiet, median, verdict_if};

/// The 97.5th percentile of the normal distribution: an interval of this many standard errors to
/// each side covers the truth 95 times in 100.
const WIDTH: f64 = 1.96;

/// A ratio and its interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The ratio itself.
    pub middle: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The median of the rounds' ratios. The interval is that between two of the sorted ratios, so
    /// it assumes nothing about their distribution. With less than six rounds it is infinite.
    #[must_use]
    pub fn of_median(ours: &[f64], bare: &[f64]) -> Self {
        let mut ratios: Vec<f64> = ours.iter().zip(bare).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        let (rounds, middle) = (ratios.len(), median(ratios.clone()));
        // Rounds below the median are binomial, with half the root as their standard deviation.
        let first = (rounds as f64 - WIDTH * (rounds as f64).sqrt()) / 2.0;
        if first < 0.5 {
            return Interval {
                low: f64::NEG_INFINITY,
                middle,
                high: f64::INFINITY,
            };
        }
        let first = first.floor() as usize;
        Interval {
            low: ratios[first],
            middle,
            high: ratios[rounds - 1 - first],
        }
    }

    /// The geometric mean of independent ratios.
    #[must_use]
    pub fn of_mean(ratios: &[Interval]) -> Self {
        let number = ratios.len() as f64;
        let mean = ratios.iter().map(|ratio| ratio.middle.ln()).sum::<f64>() / number;
        let variance = |ratio: &Interval| (ratio.half() / ratio.middle).powi(2);
        let half = ratios.iter().map(variance).sum::<f64>().sqrt() / number;
        Interval {
            low: (mean - half).exp(),
            middle: mean.exp(),
            high: (mean + half).exp(),
        }
    }

    /// Half the width.
    #[must_use]
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// `PASS` if it is at least `target`, else `missed`. `not resolved` if the target lies within
    /// the interval, or if `noise`, the ratio of the bare lock to itself in the same rounds, is
    /// more than [`RESOLUTION`](crate::results::RESOLUTION) away from 1.
    #[must_use]
    pub fn verdict(&self, noise: &Interval, target: f64) -> &'static str {
        let is_clear = self.low >= target || self.high < target;
        verdict_if(is_quiet(noise.middle) && is_clear, self.low >= target)
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} ± {:.3}", self.middle, self.half())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(middle: f64, half: f64) -> Interval {
        Interval {
            low: middle - half,
            middle,
            high: middle + half,
        }
    }

    #[test]
    fn the_interval_of_a_median_lies_between_two_rounds() {
        let ours: Vec<f64> = (1..=25).map(f64::from).collect();
        let interval = Interval::of_median(&ours, &[1.0; 25]);
        // (25 - 1.96 * 5) / 2 = 7.6: seven rounds are left out at each end.
        assert_eq!(
            (interval.low, interval.middle, interval.high),
            (8.0, 13.0, 18.0)
        );
        let few = Interval::of_median(&ours[..4], &[1.0; 4]);
        assert_eq!((few.low, few.high), (f64::NEG_INFINITY, f64::INFINITY));
    }

    #[test]
    fn a_mean_is_surer_than_its_parts() {
        let mean = Interval::of_mean(&[about(0.5, 0.01), about(2.0, 0.04)]);
        assert!((mean.middle - 1.0).abs() < 1e-9);
        // Both are sure to 2 %; the root of two such parts, halved.
        assert!((mean.half() - 0.02 / 2_f64.sqrt()).abs() < 1e-4, "{mean}");
    }

    #[test]
    fn what_cannot_be_told_from_noise_is_not_resolved() {
        let quiet = about(1.0, 0.01);
        assert_eq!(about(0.95, 0.02).verdict(&quiet, 0.90), "PASS");
        assert_eq!(about(0.85, 0.02).verdict(&quiet, 0.90), "missed");
        assert_eq!(about(0.89, 0.02).verdict(&quiet, 0.90), "not resolved");
        assert_eq!(
            about(0.95, 0.02).verdict(&about(0.97, 0.01), 0.90),
            "not resolved"
        );
        assert_eq!(
            about(0.95, 0.02).verdict(&about(f64::NAN, 0.01), 0.90),
            "not resolved"
        );
        assert_eq!(
            about(f64::NAN, f64::NAN).verdict(&quiet, 0.90),
            "not resolved"
        );
    }
}
