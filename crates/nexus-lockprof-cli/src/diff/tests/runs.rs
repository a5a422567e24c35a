//! Several runs a side.

use super::*;
use clap::ValueEnum;

fn rule() -> Rule {
    Rule {
        significance: 0.05,
        metrics: Metric::STEADY.to_vec(),
        ..super::rule()
    }
}

impl Random {
    /// Approximately normal: twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// A run of a program with eight locks. Beside a busy neighbour, one hold in twenty instead of one
/// in fifty loses the processor for milliseconds, and all waits are much longer.
fn run(random: &mut Random, is_busy: bool, slowed: u32, slower: f64) -> Snapshot {
    const HOLDS: u64 = 200;
    let load = if is_busy { 2.5 } else { 1.0 } * (0.2 * random.normal()).exp();
    let points = (1..=8).map(|line| {
        let factor = if line == slowed { slower } else { 1.0 };
        let typical = 1_000.0 * f64::from(line) * factor * (0.03 * random.normal()).exp();
        let lost = random.number(0.02 * load * HOLDS as f64).min(HOLDS / 10);
        let lost = (0..lost).map(|_| (random.exponential() * 4e6) as u64);
        let mut holds: Vec<u64> = lost.collect();
        let usual =
            (holds.len() as u64..HOLDS).map(|at| typical * (0.8 + 0.4 * at as f64 / HOLDS as f64));
        holds.extend(usual.map(|hold| hold as u64));
        holds.sort_unstable();
        let acquisitions = 20_000;
        let per_hold = acquisitions / HOLDS;
        let waits = (200.0 * load * (0.6 * random.normal()).exp()) as u64 + 1;
        let wait_ns = (1e5 * load * (0.6 * random.normal()).exp()) as u64;
        let hold = Durations {
            samples: HOLDS,
            events: acquisitions,
            total_ns: per_hold * holds.iter().sum::<u64>(),
            max_ns: holds.last().copied().unwrap_or(0),
            reservoir: holds
                .iter()
                .map(|&value_ns| Sample {
                    value_ns,
                    weight: per_hold as f64,
                })
                .collect::<Samples>(),
            ..Durations::default()
        };
        Point {
            acquisitions,
            contentions: waits,
            wait: durations(waits, wait_ns),
            hold,
            ..point("a", line, 0)
        }
    });
    over(1, points.collect())
}

/// How many of this many comparisons of three runs with three fail the gate. Each run is beside a
/// busy neighbour one time in three.
fn failing(comparisons: usize, metrics: &[Metric], slower: f64) -> usize {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let rule = Rule {
        metrics: metrics.to_vec(),
        ..rule()
    };
    let fails = |_: &usize| {
        let mut side = |slower| -> Vec<Snapshot> {
            let run = |_| {
                let is_busy = random.uniform() < 1.0 / 3.0;
                run(&mut random, is_busy, 3, slower)
            };
            (0..3).map(run).collect()
        };
        let (before, after) = (side(1.0), side(slower));
        super::super::compare(&before, &after, &rule).is_worse(0.25)
    };
    (0..comparisons).filter(fails).count()
}

/// The numbers come from a fixed seed, so they are always the same.
#[test]
fn equal_programs_pass_beside_busy_neighbours() {
    for metrics in [&Metric::STEADY[..], Metric::value_variants()] {
        let failed = failing(60, metrics, 1.0);
        assert!(failed <= 3, "{failed} of 60: {metrics:?}");
    }
}

#[test]
fn a_lock_that_is_held_twice_as_long_is_found() {
    for metrics in [&Metric::STEADY[..], Metric::value_variants()] {
        let found = failing(30, metrics, 2.0);
        assert!(found >= 27, "{found} of 30: {metrics:?}");
    }
}

/// With one run a side, busy neighbours look like regressions. Several runs avoid that.
#[test]
fn one_run_a_side_does_not_know_of_neighbours() {
    let mut random = Random(1);
    let (quiet, busy) = (
        run(&mut random, false, 0, 1.0),
        run(&mut random, true, 0, 1.0),
    );
    assert!(compare(&quiet, &busy, &super::rule()).is_worse(0.25));
}

/// All runs of one side are beside a neighbour, none of the other. What the neighbour may have
/// caused gets no verdict; a longer hold still does.
#[test]
fn what_the_load_may_have_done_is_not_a_regression() {
    let mut random = Random(7);
    let mut side = |is_busy, slower| -> Vec<Snapshot> {
        (0..12)
            .map(|_| run(&mut random, is_busy, 3, slower))
            .collect()
    };
    let (quiet, busy, slow) = (side(false, 1.0), side(true, 1.0), side(true, 2.0));
    let rule = Rule {
        metrics: Metric::value_variants().to_vec(),
        ..rule()
    };
    let several = super::super::compare;
    let comparison = several(&quiet, &busy, &rule);
    assert!(
        comparison
            .load
            .is_some_and(|load| load.differs && load.after > load.before),
        "{:?}",
        comparison.load
    );
    assert!(
        !comparison.is_worse(0.25) && comparison.count(Verdict::Load) > 0,
        "{comparison:?}"
    );
    let comparison = several(&quiet, &slow, &rule);
    let worse: Vec<_> = comparison
        .changes()
        .filter(|change| change.verdict == Verdict::Worse)
        .map(|change| change.metric)
        .collect();
    assert_eq!(worse, [Metric::TypicalHold]);
}

#[test]
fn acquisitions_count_by_the_work_that_was_done() {
    let of = |jobs: u64, each: u64| {
        let taken = |name: &str, acquisitions| Point {
            acquisitions,
            hold: durations(acquisitions, 10_000),
            ..super::point(name, 1, 0)
        };
        over(1, vec![taken("queue", jobs), taken("cache", jobs * each)])
    };
    let runs =
        |each| -> Vec<Snapshot> { [10_000, 20_000, 15_000].map(|jobs| of(jobs, each)).to_vec() };
    let rule = Rule {
        work: Some("queue".into()),
        metrics: vec![Metric::AcquisitionsPerWork],
        ..rule()
    };
    let several = super::super::compare;
    assert!(!several(&runs(3), &runs(3), &rule).is_worse(0.0));
    let comparison = several(&runs(3), &runs(4), &rule);
    let [worst, _] = comparison.rows.as_slice() else {
        panic!("{comparison:?}")
    };
    let change = &worst.changes[0];
    assert_eq!(
        (worst.lock.name().as_ref(), change.verdict),
        ("cache", Verdict::Worse)
    );
    assert!(
        (change.before.value - 3.0).abs() < 1e-3 && (change.after.value - 4.0).abs() < 1e-3,
        "{change:?}"
    );
}

/// A point that only some of the runs used did not wait in the others.
#[test]
fn a_point_of_some_runs_is_compared_by_all() {
    let with = |waits| over(1, vec![point("a", 1, 500), point("b", 2, waits)]);
    let without = || over(1, vec![point("a", 1, 500)]);
    let rule = Rule {
        metrics: vec![Metric::WaitPerSecond],
        ..rule()
    };
    let several = super::super::compare;
    let seldom = several(
        &[without(), with(300), without()],
        &[with(300), without(), with(300)],
        &rule,
    );
    assert!(!seldom.is_worse(0.0), "{seldom:?}");
    let new = several(
        &[without(), without(), without()],
        &[with(300), with(310), with(290)],
        &rule,
    );
    assert!(new.is_worse(10.0), "{new:?}");
}
