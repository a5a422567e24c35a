//! What a change to a lock is expected to bring, and what it brings: programs with different
//! bottlenecks, before and after the change.
//!
//! Most of them sleep where others would wait for a disk or compute, so that the number of
//! processors does not matter. The last one computes.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench what_if
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use nexus_lockprof::engine::{Config, Engine, Mode};
use nexus_lockprof::lock_api::{self, RawRwLock as _};
use nexus_lockprof::{Change, Expected, Lock, Profiled};
use nexus_lockprof_benches::results::{self, Args};
use nexus_lockprof_benches::threads::{ratio, take_turns};

type RwLock = lock_api::RwLock<Profiled<parking_lot::RawRwLock, Engine>, ()>;

/// The locks after a split.
const WAYS: u32 = 4;
/// A prediction further off than this is a miss.
const NEAR: f64 = 0.2;

/// A program in which each thread, again and again, does something, then acquires the lock at one
/// of two places.
struct Program {
    name: &'static str,
    threads: usize,
    /// Mean time between, in microseconds.
    between_us: u64,
    /// Mean holds at both places, in microseconds.
    hold_us: [u64; 2],
    /// How often of a hundred the first place is the one.
    first: u32,
    computes: bool,
    change: Change,
}

const PROGRAMS: [Program; 6] = [
    Program {
        name: "8 threads write a log under the lock: 1 ms, 4 ms between",
        threads: 8,
        between_us: 4_000,
        hold_us: [1_000, 1_000],
        first: 100,
        computes: false,
        change: Change::HalveHold,
    },
    Program {
        name: "8 threads share a cache: 0.5 ms, 0.5 ms between",
        threads: 8,
        between_us: 500,
        hold_us: [500, 500],
        first: 100,
        computes: false,
        change: Change::Split { ways: WAYS },
    },
    Program {
        name: "8 threads look something up in 90 %, and change it in 10 %: 0.5 ms, 1 ms between",
        threads: 8,
        between_us: 1_000,
        hold_us: [500, 500],
        first: 90,
        computes: false,
        change: Change::Share,
    },
    Program {
        name: "6 threads, of whose holds 10 % take 5 ms and 90 % take 0.2 ms, 1 ms between",
        threads: 6,
        between_us: 1_000,
        hold_us: [5_000, 200],
        first: 10,
        computes: false,
        change: Change::HalveHold,
    },
    Program {
        name: "4 threads that rarely meet: 0.2 ms, 5 ms between",
        threads: 4,
        between_us: 5_000,
        hold_us: [200, 200],
        first: 100,
        computes: false,
        change: Change::Split { ways: WAYS },
    },
    Program {
        name: "2 threads that compute: 20 µs, 10 µs between",
        threads: 2,
        between_us: 10,
        hold_us: [20, 20],
        first: 100,
        computes: true,
        change: Change::HalveHold,
    },
];

impl Program {
    /// Rounds until the flag is set, with the change or without it.
    fn run(
        &self,
        change: Option<Change>,
        locks: &[RwLock],
        number: usize,
        stop: &AtomicBool,
    ) -> u64 {
        let mut random = fastrand::Rng::with_seed(number as u64);
        let mut rounds = 0;
        while !stop.load(Relaxed) {
            self.work(self.between_us, &mut random);
            let place = usize::from(random.u32(0..100) >= self.first);
            let is_changed = place == 0;
            let mut hold_us = self.hold_us[place];
            let mut outside_us = 0;
            if is_changed && change == Some(Change::HalveHold) {
                hold_us /= 2;
                outside_us = hold_us;
            }
            let lock = &locks[random.usize(0..locks.len())];
            match place {
                0 if change == Some(Change::Share) => {
                    let _guard = lock.read();
                    self.work(hold_us, &mut random);
                }
                0 => {
                    let _guard = lock.write();
                    self.work(hold_us, &mut random);
                }
                _ => {
                    let _guard = lock.write();
                    self.work(hold_us, &mut random);
                }
            }
            self.work(outside_us, &mut random);
            rounds += 1;
        }
        rounds
    }

    /// Takes between half of the time and one and a half.
    fn work(&self, us: u64, random: &mut fastrand::Rng) {
        if us == 0 {
            return;
        }
        let time = Duration::from_micros(us).mul_f64(0.5 + random.f64());
        if self.computes {
            let start = Instant::now();
            while start.elapsed() < time {
                std::hint::spin_loop();
            }
        } else {
            thread::sleep(time);
        }
    }

    /// What the change is expected to bring, from a profile of the program as it is.
    fn expected(&self, round: Duration) -> Result<Expected, String> {
        let engine = Engine::new();
        let config = Config::default().mode(Mode::DEFAULT);
        engine
            .configure(config)
            .map_err(|error| error.to_string())?;
        let locks = locks(&engine, 1);
        take_turns(
            self.threads,
            1,
            round,
            &[&|number, stop| self.run(None, &locks, number, stop)],
        );
        let lock = Lock::Named("shared".into());
        let what_if = engine.snapshot().what_if(&lock);
        let what_if = what_if.ok_or("too little is known of the lock")?;
        let mut expected = what_if.expected.into_iter();
        let first = self.hold_us[0] * u64::from(self.first);
        let second = self.hold_us[1] * u64::from(100 - self.first);
        // Both changes of places are of the one that takes more of the time.
        if second > first {
            return Err("the first place must take most of the time".to_owned());
        }
        expected
            .find(|expected| expected.change == self.change)
            .ok_or_else(|| "the change is not thought of".to_owned())
    }
}

fn locks(engine: &Engine, count: u32) -> Vec<RwLock> {
    let raw = || Profiled::named_in(engine.clone(), parking_lot::RawRwLock::INIT, "shared");
    (0..count).map(|_| RwLock::from_raw(raw(), ())).collect()
}

fn describe(change: Change) -> String {
    match change {
        Change::HalveHold => "half the hold".to_owned(),
        Change::Split { ways } => format!("split in {ways}"),
        Change::Share => "look-ups read".to_owned(),
        other => format!("{other:?}"),
    }
}

fn run(args: &Args) -> Result<(), String> {
    let (rounds, round) = match args.smoke {
        true => (1, Duration::from_millis(100)),
        false => (7, Duration::from_secs(1)),
    };
    println!("Machine: {}.", results::processor());
    println!();
    println!("| program | change | before, a second | expected | measured | off by |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    for program in &PROGRAMS {
        let expected = program.expected(round * 4)?;
        let engine = Engine::new();
        let config = Config::default().mode(Mode::DEFAULT);
        engine
            .configure(config)
            .map_err(|error| error.to_string())?;
        let ways = match program.change {
            Change::Split { ways } => ways,
            _ => 1,
        };
        let (one, then) = (locks(&engine, 1), locks(&engine, ways));
        let change = Some(program.change);
        let rates = take_turns(
            program.threads,
            rounds,
            round,
            &[
                &|number, stop| program.run(None, &one, number, stop),
                &|number, stop| program.run(change, &then, number, stop),
            ],
        );
        let [before, after] = rates.as_slice() else {
            return Err("two sides have two rates".to_owned());
        };
        let gain = ratio(after, before) - 1.0;
        let off = (1.0 + expected.gain) / (1.0 + gain) - 1.0;
        let miss = if off.abs() > NEAR { " **missed**" } else { "" };
        println!(
            "| {} | {} | {:.0} | {:+.0} % | {:+.0} % | {:+.0} %{miss} |",
            program.name,
            describe(program.change),
            results::median(before.clone()),
            expected.gain * 100.0,
            gain * 100.0,
            off * 100.0,
        );
    }
    Ok(())
}

fn main() -> ExitCode {
    results::main("what_if", &[], run)
}
