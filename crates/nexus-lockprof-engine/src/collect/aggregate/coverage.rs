//! Whether the intervals of totals cover the truth as often as they claim, for light and heavy
//! tails.

use crate::record::random::open_unit;
use crate::record::sampler::{STEP, Schedule};
use nexus_lockprof_snapshot::Durations;

type Draw = fn(&mut fastrand::Rng) -> u64;

fn exponential(rng: &mut fastrand::Rng) -> u64 {
    (-5_000.0 * open_unit(rng).ln()) as u64
}

fn lognormal(rng: &mut fastrand::Rng) -> u64 {
    // Box-Muller transform.
    let normal = (-2.0 * open_unit(rng).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
    (8.0 + 1.5 * normal).exp() as u64
}

/// One in 300 lasts 10 ms.
fn bimodal(rng: &mut fastrand::Rng) -> u64 {
    if rng.u64(..300) == 0 {
        10_000_000
    } else {
        exponential(rng)
    }
}

fn pareto(rng: &mut fastrand::Rng) -> u64 {
    (300.0 * open_unit(rng).powf(-1.0 / 1.5)) as u64
}

/// Samples `events` durations, as the sampler does until the mean gap is `most`. Also returns their
/// true total.
fn sampled(draw: Draw, events: u64, most: u64, rng: &mut fastrand::Rng) -> (Durations, u64) {
    let mut hold = Durations {
        events,
        ..Durations::default()
    };
    let mut truth = 0;
    let mut schedule = Schedule::after(0, 1, rng);
    for number in 1..=events {
        let ns = draw(rng);
        truth += ns;
        if number < schedule.next {
            continue;
        }
        let (x, w) = (ns as f64, schedule.weight as f64);
        hold.samples += 1;
        hold.total_ns += ns * schedule.weight;
        hold.total_variance += w * (w - 1.0) * x * x;
        hold.max_ns = hold.max_ns.max(ns);
        hold.longest_sampled_ns = hold.max_ns;
        schedule = Schedule::after(number, (number / STEP).clamp(1, most), rng);
    }
    (hold, truth)
}

/// The results of `TRIALS` samples.
#[derive(Debug, Default)]
struct Said {
    trials: usize,
    covered: usize,
    samples: u64,
    /// How much wider the standard error and the interval are than by the weights alone.
    error: f64,
    interval: f64,
}

const TRIALS: usize = 300;

/// Counts only trials that have measured a duration of at least `longest`.
fn said(draw: Draw, events: u64, most: u64, longest: u64) -> Said {
    let mut rng = fastrand::Rng::with_seed(events + most);
    let mut said = Said::default();
    for _ in 0..TRIALS {
        let (hold, truth) = sampled(draw, events, most, &mut rng);
        if hold.max_ns < longest {
            continue;
        }
        let (low, high) = hold.total_interval_ns().unwrap();
        assert!(
            low <= hold.total_ns && hold.total_ns <= high && low >= hold.max_ns.min(hold.total_ns)
        );
        let by_weights = hold.total_variance.sqrt();
        said.trials += 1;
        said.covered += usize::from((low..=high).contains(&truth));
        said.samples += hold.samples;
        said.error += hold.standard_error_ns() / by_weights;
        said.interval += (high - low) as f64 / (2.0 * 1.96 * by_weights);
    }
    said
}

#[test]
fn nine_of_ten_intervals_cover_the_truth() {
    // At least one of the rare long durations must have been measured: no sample tells of a kind
    // that it never saw.
    let shapes: [(&str, Draw, u64); 4] = [
        ("exponential", exponential, 0),
        ("lognormal", lognormal, 0),
        ("1 in 300", bimodal, 10_000_000),
        ("Pareto", pareto, 0),
    ];
    // This number of trials gives a share of nine in ten to 0.02.
    const LEAST: f64 = 0.88;
    let mut missed = Vec::new();
    for (name, draw, longest) in shapes {
        for events in [100, 1_000, 4_000] {
            for most in [4, 32, 500] {
                let said = said(draw, events, most, longest);
                let covered = said.covered as f64 / said.trials as f64;
                if covered < LEAST {
                    missed.push(format!("{name}, {events}, 1 in {most}: {covered:.3}"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn light_tails_are_not_made_wide() {
    let Said {
        trials,
        error,
        interval,
        samples,
        ..
    } = said(exponential, 10_000, 8, 0);
    let trials = trials as f64;
    assert!(samples as f64 / trials >= 1_000.0);
    assert!(error / trials < 1.02, "{}", error / trials);
    assert!(interval / trials < 1.15, "{}", interval / trials);
}

#[test]
fn one_long_hold_among_ten_samples_is_a_large_error() {
    let hold = Durations {
        samples: 10,
        events: 1_000,
        total_ns: 10_900_000,
        max_ns: 10_000_000,
        longest_sampled_ns: 10_000_000,
        // The variance of the nine short ones, one of which stood for 991.
        total_variance: 991.0 * 990.0 * 1e4,
        ..Durations::default()
    };
    assert!(hold.relative_standard_error().unwrap() > 1.0);
    assert_eq!(hold.total_interval_ns().unwrap().0, 10_000_000);
}
