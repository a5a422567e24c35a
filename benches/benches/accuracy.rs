//! How close percentiles and totals come to the truth, on durations whose truth is known. Time is
//! simulated.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench accuracy
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use nexus_lockprof::engine::{Engine, ManualClock};
use nexus_lockprof::{Config, Durations, Mode, Profiled, Snapshot, lock_api};
use nexus_lockprof_benches::results::{self, Args, verdict};
use serde_json::json;

type Lock = lock_api::Mutex<Profiled<parking_lot::RawMutex, Engine>, ()>;

const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
/// The percentile's rank must be within this distance in the required share of the trials.
const NEAR_RANK: [f64; 3] = [0.05, 0.01, 0.01];
const WITHIN: f64 = 0.95;
const BIAS: f64 = 0.02;
const COVERAGE: std::ops::RangeInclusive<f64> = 0.90..=1.0;
/// Durations this near to an answer count as equal to it: samples are stored with this precision.
const NEAR: f64 = 1e-4;

#[derive(Clone, Copy, Debug)]
enum Shape {
    Constant,
    Exponential,
    Lognormal,
    Pareto,
    Bimodal,
}

const SHAPES: [(Shape, &str); 5] = [
    (Shape::Constant, "constant"),
    (Shape::Exponential, "exponential"),
    (Shape::Lognormal, "lognormal"),
    (Shape::Pareto, "Pareto(1.2)"),
    (Shape::Bimodal, "bimodal"),
];

impl Shape {
    /// Draws a duration in nanoseconds.
    fn draw(self, rng: &mut fastrand::Rng) -> u64 {
        let u = 1.0 - rng.f64();
        let ns = match self {
            Shape::Constant => 1_000.0,
            Shape::Exponential => -5_000.0 * u.ln(),
            // Box-Muller.
            Shape::Lognormal => {
                let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
                (8.0 + 1.5 * normal).exp()
            }
            Shape::Pareto => 300.0 * u.powf(-1.0 / 1.2),
            Shape::Bimodal if rng.f64() < 0.9 => 200.0 + rng.f64() * 100.0,
            Shape::Bimodal => 50_000.0 + rng.f64() * 20_000.0,
        };
        (ns as u64).max(1)
    }
}

fn main() -> ExitCode {
    results::main("accuracy", &[], run)
}

fn run(args: &Args) -> Result<(), String> {
    let (trials, durations) = if args.smoke {
        (3, 2_000)
    } else {
        (300, 30_000)
    };
    let mut rows = Vec::new();
    println!(
        "| durations | shards | quantile | within ±5 points of p50, ±1 of p95 and p99 | 95 % are within | |\n| --- | ---: | ---: | ---: | ---: | --- |"
    );
    for shards in [1, 16] {
        for (shape, name) in SHAPES {
            let mut errors = [const { Vec::new() }; QUANTILES.len()];
            for trial in 0..trials {
                let (mut truth, hold) = measured(shape, shards, durations, trial);
                truth.sort_unstable();
                for (errors, (q, answer)) in errors
                    .iter_mut()
                    .zip(QUANTILES.into_iter().zip(hold.quantiles(QUANTILES)))
                {
                    errors.push(rank_error(&truth, q, answer.unwrap_or(0)));
                }
            }
            for (errors, (q, near)) in errors.iter_mut().zip(QUANTILES.into_iter().zip(NEAR_RANK)) {
                errors.sort_by(f64::total_cmp);
                let within = errors.partition_point(|&error| error <= near) as f64 / trials as f64;
                let most = errors
                    .get(errors.len() * 95 / 100)
                    .copied()
                    .unwrap_or(f64::NAN);
                let verdict = verdict(within >= WITHIN);
                println!(
                    "| {name} | {shards} | p{:.0} | {:.1} % | {:.2} points | {verdict} |",
                    q * 100.0,
                    within * 100.0,
                    most * 100.0
                );
                rows.push(json!({"bench": "accuracy", "distribution": name, "shards": shards, "quantile": q, "within": within, "error95": most}));
            }
        }
    }
    println!(
        "\n| durations | timed | bias of the total | 95 % intervals that cover it | |\n| --- | ---: | ---: | ---: | --- |"
    );
    for (shape, name) in SHAPES {
        let (mut ratio, mut covered, mut timed) = (0.0, 0, 0);
        let (clock, engine) = engine(Mode::Sampled { budget: 0.001 });
        let lock = lock(&engine);
        for trial in 0..trials {
            let truth = sampled(shape, durations, trial, &clock, &lock);
            let hold = hold_of(&engine.reset());
            ratio += hold.total_ns as f64 / truth as f64;
            let (low, high) = hold.total_interval_ns().unwrap_or_default();
            covered += usize::from((low..=high).contains(&truth));
            timed += hold.samples;
        }
        let bias = ratio / trials as f64 - 1.0;
        let coverage = covered as f64 / trials as f64;
        let share = timed as f64 / (trials as usize * durations) as f64;
        // The total of equal durations has no error except in their number.
        let pass = bias.abs() < BIAS && COVERAGE.contains(&coverage);
        println!(
            "| {name} | {:.1} % | {:+.2} % | {:.1} % | {} |",
            share * 100.0,
            bias * 100.0,
            coverage * 100.0,
            verdict(pass)
        );
        rows.push(json!({"bench": "totals", "distribution": name, "timed": share, "bias": bias, "coverage": coverage}));
    }
    args.save(&rows)
}

fn engine(mode: Mode) -> (ManualClock, Engine) {
    let clock = ManualClock::new();
    let engine = Engine::with_clock(&clock);
    if let Err(error) = engine.configure(Config::default().mode(mode)) {
        panic!("{error}");
    }
    (clock, engine)
}

fn lock(engine: &Engine) -> Lock {
    let raw = <parking_lot::RawMutex as lock_api::RawMutex>::INIT;
    Lock::from_raw(Profiled::named_in(engine.clone(), raw, "measured"), ())
}

fn hold_of(snapshot: &Snapshot) -> Durations {
    snapshot
        .point("measured")
        .map(|point| point.hold.clone())
        .unwrap_or_default()
}

/// Durations in `shards` threads: the first has half of them, the next a quarter, and so on.
/// Returns them with a snapshot in `Exact` mode.
fn measured(shape: Shape, shards: usize, durations: usize, trial: u64) -> (Vec<u64>, Durations) {
    let (clock, engine) = engine(Mode::Exact);
    let lock = lock(&engine);
    let (clock, lock) = (&clock, &lock);
    let mut all = Vec::with_capacity(durations);
    let hold = std::thread::scope(|scope| {
        let mut waiting = Vec::new();
        for shard in 0..shards {
            let left = durations - all.len();
            let share = if shard + 1 == shards {
                left
            } else {
                left.div_ceil(2)
            };
            let (done, is_done) = mpsc::channel();
            let (end, ends) = mpsc::channel::<()>();
            let seed = trial * 1_000 + shard as u64;
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed);
                let values: Vec<u64> = (0..share).map(|_| shape.draw(&mut rng)).collect();
                for &ns in &values {
                    acquire(clock, lock, ns);
                }
                // The receivers live until the end of the scope.
                let _ = done.send(values);
                // Stays alive until the snapshot is taken: the next thread would take over an
                // exited thread's shard.
                let _ = ends.recv();
            });
            if let Ok(values) = is_done.recv() {
                all.extend(values);
            }
            waiting.push(end);
        }
        hold_of(&engine.snapshot())
    });
    (all, hold)
}

/// The true total of durations in this thread. The engine's mode has a budget that times few of
/// them.
fn sampled(shape: Shape, durations: usize, trial: u64, clock: &ManualClock, lock: &Lock) -> u64 {
    let mut rng = fastrand::Rng::with_seed(trial + 77);
    let mut truth = 0;
    for _ in 0..durations {
        let ns = shape.draw(&mut rng);
        truth += ns;
        acquire(clock, lock, ns);
        // Held half of the time, so that estimates are not capped at the elapsed time.
        clock.advance(Duration::from_nanos(ns));
    }
    truth
}

/// A single place, so a single point.
fn acquire(clock: &ManualClock, lock: &Lock, ns: u64) {
    let guard = lock.lock();
    clock.advance(Duration::from_nanos(ns));
    drop(guard);
}

/// The distance of the answer's rank from `q`. The answer has the ranks of all equal durations.
fn rank_error(sorted: &[u64], q: f64, answer: u64) -> f64 {
    let rank = |bound: f64| sorted.partition_point(|&ns| (ns as f64) < bound) as f64;
    let n = sorted.len() as f64;
    let low = rank(answer as f64 * (1.0 - NEAR)) / n;
    let high = rank(answer as f64 * (1.0 + NEAR) + f64::EPSILON) / n;
    (low - q).max(q - high).max(0.0)
}
