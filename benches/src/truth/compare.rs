//! A snapshot against the truth.

use super::log::{Site, Truth};
use nexus_lockprof::{Durations, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Standard errors on either side of a 95 % interval.
const INTERVAL: f64 = 1.96;
/// Share of a program's hold time from which a point matters.
const MATTERS: f64 = 0.01;
/// Resolution of the durations that a quantile may answer.
const RESOLUTION: f64 = 1.0 / 64.0;
/// A hold is known to this many clock readings: both clocks are read at either end, and something lies between the two.
const READS: f64 = 3.0;
/// The two clocks agree on the length of a second to this share.
const CLOCKS: f64 = 1e-4;
const QUANTILE: f64 = 0.95;

/// A total as the profiler tells it, and as it is. Nanoseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Total {
    /// The truth.
    pub truth: f64,
    /// How exactly the truth itself is known.
    pub slack: f64,
    /// What the profiler says; 0 where it was not measured.
    pub told: f64,
    /// Half of the stated 95 % interval.
    pub error: f64,
}

impl Total {
    /// What the profiler says over what is true.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.told / self.truth
    }

    /// Whether it is off by at most this share of the truth.
    #[must_use]
    pub fn is_within(&self, share: f64) -> bool {
        self.is_off_by_at_most(share * self.truth)
    }

    /// Whether the stated interval has the truth in it.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.is_off_by_at_most(self.error)
    }

    fn is_off_by_at_most(&self, ns: f64) -> bool {
        self.told > 0.0 && (self.told - self.truth).abs() <= ns + self.slack
    }

    fn add(&mut self, other: &Total) {
        self.truth += other.truth;
        self.slack += other.slack;
        self.told += other.told;
        self.error = self.error.hypot(other.error);
    }
}

/// A point in a round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// `file:line:column`.
    pub site: String,
    /// Holds in truth.
    pub holds: u64,
    /// Acquisitions as the profiler says.
    pub acquisitions: u64,
    /// Holds that it timed.
    pub timed: u64,
    /// All holds together.
    pub total: Total,
    /// The 95th percentile as the profiler says, in nanoseconds.
    pub p95: Option<u64>,
    /// How far its true rank is from 0.95: 0.01 is a point.
    pub p95_off: f64,
    /// Whether its share of the hold time is worth a look.
    pub matters: bool,
}

/// One round of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Round {
    /// All points, those that were held longest first.
    pub points: Vec<Point>,
    /// All holds of all points.
    pub whole: Total,
    /// Holds in truth.
    pub holds: u64,
    /// Holds that were timed.
    pub timed: u64,
    /// Processor time of the threads that took locks.
    pub cpu_ns: u64,
    /// What the profiler says that measuring took.
    pub spent_ns: u64,
}

/// Holds what a snapshot says against what is true.
#[must_use]
pub fn compare(snapshot: &Snapshot, truth: &Truth) -> Round {
    let mut told: BTreeMap<Site, _> = snapshot
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
            let found = told.remove(site);
            let hold = found.map_or(&nothing, |point| &point.hold);
            let slack = READS * truth.read_ns;
            let sum: f64 = holds.iter().sum();
            let p95 = hold.quantile(QUANTILE);
            Point {
                site: format!("{}:{}:{}", site.0, site.1, site.2),
                holds: holds.len() as u64,
                acquisitions: found.map_or(0, |point| point.acquisitions),
                timed: hold.samples,
                total: Total {
                    truth: sum,
                    slack: slack * holds.len() as f64 + CLOCKS * sum,
                    told: hold.total_ns as f64,
                    error: INTERVAL * hold.standard_error_ns(),
                },
                p95,
                p95_off: p95.map_or(1.0, |p95| rank_off(holds, QUANTILE, p95 as f64, slack)),
                matters: false,
            }
        })
        .collect();
    points.sort_by(|a, b| b.total.truth.total_cmp(&a.total.truth));
    let mut whole = Total::default();
    points.iter().for_each(|point| whole.add(&point.total));
    for point in &mut points {
        point.matters = point.total.truth >= MATTERS * whole.truth;
    }
    Round {
        holds: points.iter().map(|point| point.holds).sum(),
        timed: points.iter().map(|point| point.timed).sum(),
        points,
        whole,
        cpu_ns: truth.cpu_ns,
        spent_ns: snapshot.overhead().budgeted_ns,
    }
}

/// How far the rank of `answer` is from `q`. It has all the ranks of the durations that cannot be told from it.
fn rank_off(ascending: &[f64], q: f64, answer: f64, slack: f64) -> f64 {
    let off = answer * RESOLUTION + slack;
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
        assert_eq!(off(90_000.0), 4.0, "one more is as long, to 1/64");
        assert_eq!(off(50_000.0), 45.0);
        assert_eq!(off(2e6), 5.0);
        assert_eq!(rank_off(&holds, 0.5, 49_000.0, 1_000.0), 0.0);
    }

    #[test]
    fn errors_add_up_by_their_squares() {
        let of = |truth, told, error| Total {
            truth,
            told,
            error,
            slack: 1.0,
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
