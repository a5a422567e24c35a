//! When a difference counts as one.

use super::*;
use nexus_lockprof_snapshot::{Durations, Sample, Samples, SnapshotParts};
use std::slice::from_ref;

mod runs;

/// Compares one run a side.
fn compare(before: &Snapshot, after: &Snapshot, rule: &Rule) -> Comparison {
    super::compare(from_ref(before), from_ref(after), rule)
}

fn rule() -> Rule {
    Rule {
        significance: 0.01,
        threshold: 0.1,
        floor: 0.001,
        work: None,
        metrics: Metric::OF_ONE_RUN.to_vec(),
    }
}

/// `events` durations of `each_ns` nanoseconds each.
fn durations(events: u64, each_ns: u64) -> Durations {
    Durations {
        samples: events,
        events,
        total_ns: events * each_ns,
        max_ns: each_ns,
        reservoir: Samples::from(vec![Sample::exact(each_ns); 100.min(events as usize)]),
        ..Durations::default()
    }
}

/// A point that took its lock 100 000 times and waited `waits` times, 100 µs each.
fn point(name: &str, line: u32, waits: u64) -> Point {
    Point {
        acquisitions: 100_000,
        contentions: waits,
        wait: durations(waits, 100_000),
        hold: durations(100_000, 1_000),
        ..Point::new(
            Lock::Named(name.into()),
            AcquireMode::Exclusive,
            Site::new("a.rs", line, 1),
        )
    }
}

fn over(seconds: u64, points: Vec<Point>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        elapsed_ns: seconds * 1_000_000_000,
        points,
        ..SnapshotParts::default()
    })
}

fn verdict(comparison: &Comparison, metric: Metric) -> Verdict {
    let [row] = comparison.rows.as_slice() else {
        panic!("{comparison:?}")
    };
    let mut changes = row.changes.iter();
    changes
        .find(|change| change.metric == metric)
        .unwrap()
        .verdict
}

#[test]
fn a_snapshot_is_as_good_as_itself() {
    let same = over(10, vec![point("a", 1, 1_000), point("b", 2, 0)]);
    let comparison = compare(&same, &same, &rule());
    assert_eq!(comparison.count(Verdict::Worse), 0);
    assert_eq!(comparison.count(Verdict::Better), 0);
    // `b` does not wait, so its wait metrics are small. Its holds are 10 ms per second.
    assert_eq!(comparison.count(Verdict::Small), 3);
    assert_eq!(comparison.comparisons, 5);
    assert!(
        comparison
            .rows
            .iter()
            .flat_map(|row| &row.changes)
            .all(|change| change.z == 0.0)
    );
}

#[test]
fn what_waits_twice_as_often_is_worse_and_the_other_way_round_better() {
    let (few, many) = (
        over(10, vec![point("a", 1, 1_000)]),
        over(10, vec![point("a", 1, 2_000)]),
    );
    let worse = compare(&few, &many, &rule());
    assert_eq!(verdict(&worse, Metric::WaitPerSecond), Verdict::Worse);
    assert_eq!(verdict(&worse, Metric::WaitPerAcquisition), Verdict::Worse);
    assert_eq!(verdict(&worse, Metric::ContentionRatio), Verdict::Worse);
    assert_eq!(verdict(&worse, Metric::HoldPerAcquisition), Verdict::Same);
    assert!(worse.is_worse(0.0) && worse.is_worse(1.0) && !worse.is_worse(1.01));
    let better = compare(&many, &few, &rule());
    assert_eq!(verdict(&better, Metric::WaitPerSecond), Verdict::Better);
    assert!(!better.is_worse(0.0));
}

#[test]
fn what_may_be_chance_is_the_same() {
    // 20 % more than 100: 1.3 standard errors.
    let of = |seconds, waits| over(seconds, vec![point("a", 1, waits)]);
    let comparison = compare(&of(1, 100), &of(1, 120), &rule());
    assert_eq!(verdict(&comparison, Metric::WaitPerSecond), Verdict::Same);
}

#[test]
fn what_is_about_little_time_is_small() {
    // 0.5 and 0.9 ms per second.
    let of = |seconds, waits| over(seconds, vec![point("a", 1, waits)]);
    let comparison = compare(&of(20, 100), &of(20, 180), &rule());
    assert_eq!(verdict(&comparison, Metric::WaitPerSecond), Verdict::Small);
    let rule = Rule {
        floor: 0.0,
        ..rule()
    };
    let comparison = compare(&of(20, 100), &of(20, 180), &rule);
    assert_eq!(verdict(&comparison, Metric::WaitPerSecond), Verdict::Worse);
}

#[test]
fn what_is_certain_but_little_is_the_same() {
    let comparison = compare(
        &over(10, vec![point("a", 1, 50_000)]),
        &over(10, vec![point("a", 1, 53_000)]),
        &rule(),
    );
    let change = &comparison.rows[0].changes[0];
    assert!(
        change.p < 1e-10 && change.verdict == Verdict::Same,
        "{change:?}"
    );
}

#[test]
fn the_more_is_compared_the_surer_it_must_be() {
    // 3.6 standard errors: a find among four comparisons, chance among 40 000.
    let pair = |line, waits| point("a", line, waits);
    let alone = compare(
        &over(1, vec![pair(1, 500)]),
        &over(1, vec![pair(1, 620)]),
        &rule(),
    );
    assert_eq!(verdict(&alone, Metric::WaitPerSecond), Verdict::Worse);
    let many = |first: u64| {
        let rest = (2..10_000).map(|line| pair(line, 500));
        over(1, std::iter::once(pair(1, first)).chain(rest).collect())
    };
    let comparison = compare(&many(500), &many(620), &rule());
    assert_eq!(comparison.count(Verdict::Worse), 0);
}

#[test]
fn twice_the_time_is_not_twice_the_wait() {
    let mut twice = point("a", 1, 2_000);
    twice.acquisitions = 200_000;
    let comparison = compare(
        &over(10, vec![point("a", 1, 1_000)]),
        &over(20, vec![twice]),
        &rule(),
    );
    assert_eq!(comparison.count(Verdict::Worse), 0);
    assert_eq!(comparison.count(Verdict::Better), 0);
}

#[test]
fn twice_the_load_waits_more_in_each_second_and_not_more_each_time() {
    let mut twice = point("a", 1, 2_000);
    twice.acquisitions = 200_000;
    twice.hold = durations(200_000, 1_000);
    let comparison = compare(
        &over(10, vec![point("a", 1, 1_000)]),
        &over(10, vec![twice]),
        &rule(),
    );
    assert_eq!(verdict(&comparison, Metric::WaitPerSecond), Verdict::Worse);
    assert_eq!(
        verdict(&comparison, Metric::WaitPerAcquisition),
        Verdict::Same
    );
    assert_eq!(verdict(&comparison, Metric::ContentionRatio), Verdict::Same);
}

#[test]
fn new_and_gone_points() {
    let (empty, full) = (over(10, vec![]), over(10, vec![point("a", 1, 5_000)]));
    let new = compare(&empty, &full, &rule());
    assert_eq!(new.rows[0].presence, Presence::New);
    assert_eq!(verdict(&new, Metric::WaitPerSecond), Verdict::Worse);
    assert!(new.is_worse(1_000.0), "anything is more than nothing");
    let gone = compare(&full, &empty, &rule());
    assert_eq!(gone.rows[0].presence, Presence::Gone);
    assert_eq!(verdict(&gone, Metric::WaitPerSecond), Verdict::Better);
}

#[test]
fn a_moved_point_says_where_it_was() {
    let comparison = compare(
        &over(10, vec![point("a", 38, 1_000)]),
        &over(10, vec![point("a", 41, 1_000)]),
        &rule(),
    );
    let row = &comparison.rows[0];
    assert_eq!(
        (row.site.line, row.was.as_ref().map(|was| was.line)),
        (41, Some(38))
    );
    assert_eq!(comparison.count(Verdict::Worse), 0);
}

/// Numbers from 0 to 1, the same ones in each test run.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    /// A Poisson number.
    fn number(&mut self, mean: f64) -> u64 {
        let (mut number, mut sum) = (0, self.exponential());
        while sum < mean {
            number += 1;
            sum += self.exponential();
        }
        number
    }

    /// Exponential times.
    fn durations(&mut self, number: u64, mean_ns: f64) -> Durations {
        let times = (0..number).map(|_| Sample::exact((self.exponential() * mean_ns) as u64));
        let mut samples: Vec<Sample> = times.collect();
        samples.sort_by_key(|sample| sample.value_ns);
        Durations {
            samples: number,
            events: number,
            total_ns: samples.iter().map(|sample| sample.value_ns).sum(),
            max_ns: samples.last().map_or(0, |sample| sample.value_ns),
            reservoir: Samples::from(samples),
            ..Durations::default()
        }
    }
}

/// How many of a hundred pairs of runs of one workload with random events are said to differ. At
/// lines 1 to 10 the lock is taken, and one time in five waited for; all of that takes `mean_ns`.
/// It happens `events` times at the first line, twice as often at the second, and so on.
fn found_by_chance(events: f64, mean_ns: f64) -> usize {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut run = || {
        let points = (1..=10).map(|line| {
            let acquisitions = random.number(events * f64::from(line));
            let contentions = (0..acquisitions).filter(|_| random.uniform() < 0.2).count() as u64;
            Point {
                acquisitions,
                contentions,
                wait: random.durations(contentions, mean_ns),
                hold: random.durations(acquisitions, mean_ns),
                ..point("a", line, 0)
            }
        });
        over(1, points.collect())
    };
    let differ = (0..100).filter(|_| {
        let (before, after) = (run(), run());
        let comparison = compare(&before, &after, &rule());
        comparison.count(Verdict::Worse) + comparison.count(Verdict::Better) > 0
    });
    differ.count()
}

/// One is expected. With a fixed seed the number is always the same.
#[test]
fn runs_that_are_alike_are_told_so() {
    for (events, mean_ns) in [(250.0, 1e5), (25.0, 1e6), (2.5, 1e7)] {
        let found = found_by_chance(events, mean_ns);
        assert!(found <= 4, "{found} of 100, from {events} events on");
    }
}

/// However long they took, one event on each side may be chance.
#[test]
fn one_event_says_nothing() {
    let once = |hold_ns| Point {
        acquisitions: 1,
        hold: durations(1, hold_ns),
        ..point("init", 1, 0)
    };
    let comparison = compare(
        &over(1, vec![once(100_000_000)]),
        &over(1, vec![once(150_000_000)]),
        &rule(),
    );
    assert_eq!(comparison.count(Verdict::Worse), 0, "{comparison:?}");
    // Thirty on each side, all alike, are not chance.
    let often = |hold_ns| Point {
        acquisitions: 30,
        hold: durations(30, hold_ns),
        ..point("init", 1, 0)
    };
    let comparison = compare(
        &over(1, vec![often(10_000_000)]),
        &over(1, vec![often(15_000_000)]),
        &rule(),
    );
    assert_eq!(
        verdict(&comparison, Metric::HoldPerAcquisition),
        Verdict::Worse
    );
}

/// Two waits in a hundredth of the time do not mean that there will be 200.
#[test]
fn a_short_run_is_not_believed_on_a_few_events() {
    let mut long = point("a", 1, 0);
    long.acquisitions = 0;
    long.hold = Durations::default();
    let short = Point {
        contentions: 2,
        wait: durations(2, 1_000_000),
        ..long.clone()
    };
    let mut brief = over(1, vec![short]);
    brief = Snapshot::from_parts(SnapshotParts {
        elapsed_ns: 10_000_000,
        points: brief.points().to_vec(),
        ..SnapshotParts::default()
    });
    let comparison = compare(&over(1, vec![long]), &brief, &rule());
    assert_eq!(comparison.count(Verdict::Worse), 0, "{comparison:?}");
}
