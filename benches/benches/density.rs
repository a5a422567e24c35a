//! What the modes cost a program, by how often it takes a lock.
//!
//! Between two acquisitions the program computes in four independent streams over 32 KiB, which
//! keeps the processor busy. A busy loop would not: our instructions would run beside it for
//! nothing. It takes one of 64 mutexes at random, which are of eight classes. Each loop stands at
//! several places, and each side has a thread of its own.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench density -- [--every 100,1000] [--mode sampled] [--rounds 81]
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use nexus_lockprof_benches::comparison::{Comparison, Copies, Enough, Ratio, compare};
use nexus_lockprof_benches::modes::{self, MODES};
use nexus_lockprof_benches::placed;
use nexus_lockprof_benches::placements::{PLACEMENTS, begin_at};
use nexus_lockprof_benches::results::{self, Args, median, verdict_if};
use nexus_lockprof_benches::threads::Plan;
use serde_json::json;

/// Nanoseconds between two acquisitions.
const EVERY: [u64; 7] = [20, 50, 100, 200, 500, 1000, 5000];
/// Nanoseconds of an uncontended acquisition and release, about.
const LOCK_NS: f64 = 5.0;
const ENOUGH: Enough = Enough {
    rounds: 21,
    half: 0.001,
};

const LOCKS: usize = 64;
const CLASSES: usize = 8;
const WORDS: usize = 4096;

#[repr(align(128))]
struct Alone<L>(L);

/// Locks by class.
type Locks<L> = [[Alone<L>; LOCKS / CLASSES]; CLASSES];

/// The locks of one class.
macro_rules! class {
    ($new:expr) => {
        [const { Alone($new) }; LOCKS / CLASSES]
    };
}

static BARE: Locks<parking_lot::Mutex<u64>> =
    [const { class!(parking_lot::Mutex::new(0)) }; CLASSES];
static AGAIN: Locks<parking_lot::Mutex<u64>> =
    [const { class!(parking_lot::Mutex::new(0)) }; CLASSES];
static OURS: Locks<nexus_lockprof::Mutex<u64>> = [
    class!(nexus_lockprof::Mutex::named("class 0", 0)),
    class!(nexus_lockprof::Mutex::named("class 1", 0)),
    class!(nexus_lockprof::Mutex::named("class 2", 0)),
    class!(nexus_lockprof::Mutex::named("class 3", 0)),
    class!(nexus_lockprof::Mutex::named("class 4", 0)),
    class!(nexus_lockprof::Mutex::named("class 5", 0)),
    class!(nexus_lockprof::Mutex::named("class 6", 0)),
    class!(nexus_lockprof::Mutex::named("class 7", 0)),
];

/// The computation between two acquisitions.
struct Work {
    streams: [u64; 4],
    words: Box<[u64; WORDS]>,
}

impl Work {
    fn new() -> Self {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut words = Box::new([0; WORDS]);
        words.fill_with(|| rng.u64(..));
        Work {
            streams: [1, 2, 3, 4],
            words,
        }
    }

    #[inline(always)]
    fn turns(&mut self, turns: u64) {
        for _ in 0..turns {
            for stream in &mut self.streams {
                let word = self.words[(*stream >> 52) as usize % WORDS];
                *stream = stream.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ word.rotate_left(7);
            }
        }
    }

    /// A number at random.
    #[inline(always)]
    fn any(&self) -> usize {
        (self.streams[0] >> 40) as usize
    }

    /// Nanoseconds of one turn.
    fn turn_ns() -> f64 {
        const TURNS: u64 = 20_000;
        let mut work = Work::new();
        let once = |_| {
            let start = Instant::now();
            work.turns(TURNS);
            start.elapsed().as_nanos() as f64 / TURNS as f64
        };
        let turn = median((0..101).map(once).collect());
        std::hint::black_box(work.streams);
        turn
    }
}

/// Takes a lock after every given number of turns until the flag is set. Returns the number of
/// acquisitions.
type Copy = fn(u64, &AtomicBool) -> u64;

/// The copies of a loop on these locks.
macro_rules! side {
    ($locks:expr) => {{
        #[inline(never)]
        fn copy<const OFFSET: usize>(turns: u64, stop: &AtomicBool) -> u64 {
            let mut work = Work::new();
            let mut operations = 0;
            begin_at::<OFFSET>();
            while !stop.load(Relaxed) {
                work.turns(turns);
                let any = work.any();
                let lock = &$locks[any % CLASSES][any / CLASSES % (LOCKS / CLASSES)].0;
                *lock.lock() += work.streams[1] & 1;
                operations += 1;
            }
            std::hint::black_box(work.streams);
            operations
        }
        placed!(copy)
    }};
}

/// Not resolved if the bare lock differs from itself by more than half of the target, or the target
/// lies within the interval.
fn verdict(Comparison { ours, noise, .. }: Comparison, target: f64) -> &'static str {
    let is_quiet = (noise.middle - 1.0).abs() <= target / 2.0;
    let most = 1.0 + target;
    let is_clear = ours.high <= most || ours.low > most;
    verdict_if(is_quiet && is_clear, ours.high <= most)
}

/// The largest acceptable slowdown of a program that takes a lock every `every` nanoseconds, if there
/// is a target for it.
fn target(mode: &str, every: u64) -> Option<f64> {
    match (mode, every) {
        ("off", 100..) | ("sampled", 1000..) => Some(0.005),
        ("sampled", 100..) => Some(0.015),
        _ => None,
    }
}

fn main() -> ExitCode {
    results::main("density", &["--every", "--mode", "--rounds"], run)
}

fn run(args: &Args) -> Result<(), String> {
    let smoke = [100];
    let every: &[u64] = if args.smoke { &smoke } else { &EVERY };
    let every = args.numbers("--every", every)?;
    let rounds = args.numbers("--rounds", &[if args.smoke { 2 } else { 81 }])?[0] as usize;
    let wanted = args.text("--mode", "");
    let turn_ns = Work::turn_ns();
    println!(
        "{}. One turn of the work: {turn_ns:.2} ns. Time of the program over its time on bare locks, with half of the interval of 95 %, and of that over itself; in {} to {rounds} rounds at {PLACEMENTS} places.\n",
        results::processor(),
        ENOUGH.rounds
    );
    println!("| mode | a lock every | ours over bare | bare over bare | rounds | target | |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | --- |");
    let copies: Copies<Copy> = [side!(BARE), side!(OURS), side!(AGAIN)];
    let mut rows = Vec::new();
    let measured = |mode: &&&str| match wanted {
        "" => **mode != "exact",
        wanted => **mode == wanted,
    };
    for mode in MODES.iter().filter(measured) {
        modes::switch_to(mode)?;
        for &every in &every {
            let turns = ((every as f64 - LOCK_NS).max(0.0) / turn_ns).round() as u64;
            let plan = Plan {
                threads: 1,
                rounds,
                round: Duration::from_millis(if args.smoke { 1 } else { 2 }),
                together: PLACEMENTS,
            };
            let run = |copy: &Copy, stop: &AtomicBool| copy(turns, stop);
            let cell = compare(&copies, run, plan, Ratio::Time, ENOUGH);
            let Comparison { ours, noise, .. } = cell;
            let bare_ns = 1e9 / cell.bare;
            let target = target(mode, every);
            let (most, verdict) = match target {
                Some(target) => (format!("{:.3}", 1.0 + target), verdict(cell, target)),
                None => (String::new(), ""),
            };
            println!(
                "| {mode} | {bare_ns:.0} ns | {ours} | {noise} | {} | {most} | {verdict} |",
                cell.rounds
            );
            rows.push(json!({"bench": "density", "mode": mode, "every_ns": bare_ns.round() as u64, "ratio": ours.middle, "half": ours.half(), "noise": noise.middle}));
        }
    }
    args.save(&rows)
}
