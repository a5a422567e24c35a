//! What a wait that parks costs, and what a thread pays that uses locks for the first time.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench slow_paths -- [--rounds 2501]
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use nexus_lockprof_benches::interval::Interval;
use nexus_lockprof_benches::modes;
use nexus_lockprof_benches::results::{self, Args, is_quiet, median, verdict_if};
use nexus_lockprof_benches::threads::{Plan, Side, spin, take_turns_until, turn_ns};
use serde_json::json;

/// Nanoseconds that a parked wait may take more than the bare lock's.
const PARKED_NS: f64 = 150.0;
/// Nanoseconds that each thread holds the lock: long enough that the other one parks.
const HOLD_NS: f64 = 20_000.0;
/// Numbers of points at which a new thread locks once.
const POINTS: [usize; 3] = [1, 10, 100];

/// An operation of ours and of the bare lock.
struct Compared {
    /// The bare operation, in nanoseconds.
    bare_ns: f64,
    /// How much longer ours takes than the bare one, and the bare one than itself.
    ours: Interval,
    noise: Interval,
}

impl Compared {
    /// `rates` are those of the bare one, ours, and the bare one again.
    fn of(rates: &[Vec<f64>]) -> Self {
        Compared {
            bare_ns: 1e9 / median(rates[0].clone()),
            ours: Interval::of_median(&rates[0], &rates[1]),
            noise: Interval::of_median(&rates[0], &rates[2]),
        }
    }

    /// Nanoseconds more than the bare operation, and half of the interval of 95 %.
    fn more(&self, ratio: &Interval) -> (f64, f64) {
        (
            self.bare_ns * (ratio.middle - 1.0),
            self.bare_ns * ratio.half(),
        )
    }

    fn row(&self, what: &str, verdict: &str) -> String {
        let ((ours, half), (noise, noise_half)) = (self.more(&self.ours), self.more(&self.noise));
        let Compared {
            bare_ns,
            ours: ratio,
            ..
        } = self;
        format!(
            "| {what} | {bare_ns:.0} ns | {ratio} | {ours:+.0} ± {half:.0} ns | {noise:+.0} ± {noise_half:.0} ns | {verdict} |"
        )
    }

    /// Judges a limit in nanoseconds.
    fn verdict(&self, limit: f64) -> &'static str {
        let (more, half) = self.more(&self.ours);
        let is_clear = (more - limit).abs() > half;
        verdict_if(is_quiet(self.noise.middle) && is_clear, more <= limit)
    }
}

/// Two threads hand a lock over: each parks until the other hands it the lock.
macro_rules! hand_over {
    ($lock:expr, $guard:ty, $turns:expr) => {
        |_: usize, stop: &AtomicBool| {
            let mut operations = 0;
            while !stop.load(Relaxed) {
                let mut it = black_box(&$lock).lock();
                *it += 1;
                spin($turns);
                <$guard>::unlock_fair(it);
                operations += 1;
            }
            operations
        }
    };
}

/// A thread locks each of some locks once, and ends.
macro_rules! starts {
    ($locks:expr) => {
        |_: usize, stop: &AtomicBool| {
            let mut operations = 0;
            while !stop.load(Relaxed) {
                thread::scope(|scope| {
                    let all = || $locks.iter().for_each(|lock| *black_box(lock).lock() += 1);
                    scope.spawn(all);
                });
                operations += 1;
            }
            operations
        }
    };
}

fn main() -> ExitCode {
    results::main("slow_paths", &["--rounds"], run)
}

fn run(args: &Args) -> Result<(), String> {
    modes::switch_to("sampled")?;
    let rounds = args.numbers("--rounds", &[if args.smoke { 2 } else { 2501 }])?[0] as usize;
    let plan = |threads| Plan {
        threads,
        rounds,
        round: Duration::from_millis(if args.smoke { 1 } else { 8 }),
        together: 1,
    };
    let mut rows = Vec::new();
    println!(
        "{}. Mode: sampled, {rounds} rounds.\n",
        results::processor()
    );
    println!("| what | bare | ours over bare | ours, more | bare again, more | |");
    println!("| --- | ---: | ---: | ---: | ---: | --- |");

    let turns = (HOLD_NS / turn_ns()).round() as u64;
    let [bare, again] = [(); 2].map(|()| parking_lot::Mutex::new(0_u64));
    let ours = nexus_lockprof::Mutex::new(0_u64);
    let sides: [Side<'_>; 3] = [
        &hand_over!(bare, parking_lot::MutexGuard<'_, _>, turns),
        &hand_over!(ours, nexus_lockprof::MutexGuard<'_, _>, turns),
        &hand_over!(again, parking_lot::MutexGuard<'_, _>, turns),
    ];
    let parked = Compared::of(&take_turns_until(plan(2), &sides, |_| false));
    println!(
        "{}",
        parked.row("a wait that parks", parked.verdict(PARKED_NS))
    );
    rows.push(json!({"bench": "slow_paths", "what": "parked", "bare_ns": parked.bare_ns, "ratio": parked.ours.middle}));

    for points in POINTS {
        let bare: Vec<_> = (0..points)
            .map(|_| parking_lot::Mutex::new(0_u64))
            .collect();
        let again: Vec<_> = (0..points)
            .map(|_| parking_lot::Mutex::new(0_u64))
            .collect();
        let ours: Vec<_> = (0..points)
            .map(|lock| {
                // Each its own class, and so its own point.
                let name = format!("{points}-{lock}").leak();
                nexus_lockprof::Mutex::named(name, 0_u64)
            })
            .collect();
        let sides: [Side<'_>; 3] = [&starts!(bare), &starts!(ours), &starts!(again)];
        let start = Compared::of(&take_turns_until(plan(1), &sides, |_| false));
        let what = format!("a thread that locks once at each of {points} points");
        println!("{}", start.row(&what, ""));
        rows.push(json!({"bench": "slow_paths", "what": what, "bare_ns": start.bare_ns, "ratio": start.ours.middle}));
    }
    args.save(&rows)
}
