//! Compares a snapshot with the truth.

use super::log::{Site, Truth};
use nexus_lockprof::{Durations, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Standard errors on either side of a 95 % interval.
const INTERVAL: f64 = 1.96;
/// A point matters from this share of the program's hold time, or of its holds if they last this
/// long on average.
const MATTERS: f64 = 0.01;
const LONG_NS: f64 = 500.0;
/// Relative resolution of the durations that a quantile returns.
const RESOLUTION: f64 = 1.0 / 64.0;
/// A hold is known to within this many clock readings: some code is between the profiler's reading
/// and the program's at either end.
const READS: f64 = 1.0;
/// The two clocks agree on the length of a second to within this share.
const CLOCKS: f64 = 1e-4;
const QUANTILE: f64 = 0.95;

/// A true total and the profiler's estimate of it, in nanoseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Total {
    /// The truth.
    pub truth: f64,
    /// The uncertainty of the truth itself.
    pub tolerance: f64,
    /// The profiler's estimate; 0 if it measured nothing.
    pub estimate: f64,
    /// Half of the stated 95 % interval.
    pub error: f64,
}

impl Total {
    /// The estimate over the truth.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.estimate / self.truth
    }

    /// Whether the estimate is off by at most this share of the truth.
    #[must_use]
    pub fn is_within(&self, share: f64) -> bool {
        self.is_off_by_at_most(share * self.truth)
    }

    /// Whether the stated interval contains the truth.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.is_off_by_at_most(self.error)
    }

    fn is_off_by_at_most(&self, ns: f64) -> bool {
        self.estimate > 0.0 && (self.estimate - self.truth).abs() <= ns + self.tolerance
    }

    fn add(&mut self, other: &Total) {
        self.truth += other.truth;
        self.tolerance += other.tolerance;
        self.estimate += other.estimate;
        self.error = self.error.hypot(other.error);
    }
}

/// One acquisition point in one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// `file:line:column`.
    pub site: String,
    /// The true number of holds.
    pub holds: u64,
    /// The profiler's number of acquisitions.
    pub acquisitions: u64,
    /// Holds that the profiler timed.
    pub timed: u64,
    /// The sum of all holds.
    pub total: Total,
    /// The profiler's 95th percentile, in nanoseconds.
    pub p95: Option<u64>,
    /// The distance of its true rank from 0.95; 0.01 is one rank point.
    pub p95_off: f64,
    /// Whether its share of the program's hold time, or of its holds, counts.
    pub matters: bool,
}

/// One round of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Round {
    /// All points, the longest held first.
    pub points: Vec<Point>,
    /// The sum of all holds of all points.
    pub whole: Total,
    /// The true number of holds.
    pub holds: u64,
    /// Holds that the profiler timed.
    pub timed: u64,
    /// Processor time of the threads that took locks, in nanoseconds.
    pub cpu_ns: u64,
    /// The profiler's own account of its measuring cost, in nanoseconds.
    pub spent_ns: u64,
}

/// Compares a snapshot with the truth.
#[must_use]
pub fn compare(snapshot: &Snapshot, truth: &Truth) -> Round {
    let recorded: BTreeMap<Site, _> = snapshot
        .points()
        .iter()
        .map(|point| {
            let site = &point.site;
            ((site.file.to_string(), site.line, site.column), point)
        })
        .collect();
    let nothing = Durations::default();
    let mut points: Vec<Point> = truth
        .holds
        .iter()
        .map(|(site, holds)| {
            let found = recorded.get(site);
            let hold = found.map_or(&nothing, |point| &point.hold);
            let tolerance = READS * truth.read_ns;
            let sum: f64 = holds.iter().sum();
            let p95 = hold.quantile(QUANTILE);
            Point {
                site: format!("{}:{}:{}", site.0, site.1, site.2),
                holds: holds.len() as u64,
                acquisitions: found.map_or(0, |point| point.acquisitions),
                timed: hold.samples,
                total: Total {
                    truth: sum,
                    tolerance: tolerance * holds.len() as f64 + CLOCKS * sum,
                    estimate: hold.total_ns as f64,
                    error: INTERVAL * hold.standard_error_ns(),
                },
                p95,
                p95_off: p95.map_or(1.0, |p95| rank_off(holds, QUANTILE, p95 as f64, tolerance)),
                matters: false,
            }
        })
        .collect();
    points.sort_by(|a, b| b.total.truth.total_cmp(&a.total.truth));
    let mut whole = Total::default();
    points.iter().for_each(|point| whole.add(&point.total));
    let holds: u64 = points.iter().map(|point| point.holds).sum();
    for point in &mut points {
        let is_frequent = point.holds as f64 >= MATTERS * holds as f64;
        let is_long = point.total.truth >= LONG_NS * point.holds as f64;
        point.matters = point.total.truth >= MATTERS * whole.truth || is_frequent && is_long;
    }
    Round {
        holds,
        timed: points.iter().map(|point| point.timed).sum(),
        points,
        whole,
        cpu_ns: truth.cpu_ns,
        spent_ns: snapshot.overhead().budgeted_ns,
    }
}

/// The distance of `answer`'s rank from `q`. It has the ranks of all durations that cannot be told
/// apart from it.
fn rank_off(ascending: &[f64], q: f64, answer: f64, tolerance: f64) -> f64 {
    let off = answer * RESOLUTION + tolerance;
    let share = |count: usize| count as f64 / ascending.len() as f64;
    let low = share(ascending.partition_point(|&ns| ns < answer - off));
    let high = share(ascending.partition_point(|&ns| ns <= answer + off));
    (low - q).max(q - high).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_ranks_of_all_that_are_as_long() {
        let mut holds: Vec<f64> = (1..=90).map(|n| f64::from(n) * 1_000.0).collect();
        holds.extend([1e6; 10]);
        assert_eq!(rank_off(&holds, 0.95, 1e6, 0.0), 0.0);
        assert_eq!(rank_off(&holds, 0.95, 1.01e6, 0.0), 0.0);
        let off = |answer| (rank_off(&holds, 0.95, answer, 0.0) * 100.0).round();
        assert_eq!(off(90_000.0), 5.0);
        assert_eq!(off(50_000.0), 45.0);
        assert_eq!(off(2e6), 5.0);
        assert_eq!(rank_off(&holds, 0.5, 49_000.0, 1_000.0), 0.0);
    }

    #[test]
    fn errors_add_up_by_their_squares() {
        let of = |truth, estimate, error| Total {
            truth,
            estimate,
            error,
            tolerance: 1.0,
        };
        let mut whole = Total::default();
        whole.add(&of(100.0, 103.5, 3.0));
        whole.add(&of(100.0, 103.5, 4.0));
        assert_eq!(whole.error, 5.0);
        assert!(whole.is_inside());
        assert!(!of(100.0, 104.5, 3.0).is_inside());
        assert!(!of(1.0, 0.0, 3.0).is_inside(), "not measured");
    }
}
