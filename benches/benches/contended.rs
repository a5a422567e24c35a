//! Throughput of a contended mutex, ours against the bare one: by number of threads, length of the
//! hold, and gap until a thread wants it again.
//!
//! A hold and a gap take from half the time to one and a half times. If all took the same time, the
//! threads would fall in step, or not: at 20 ns each, the bare lock's own rate then differs by half
//! from one process to the next.
//!
//! Each loop stands at several places, with a lock of its own for each. Rounds go on until the
//! ratio is known well enough.
//!
//! ```text
//! cargo bench -p nexus-lockprof-benches --bench contended -- [--threads 2,4] [--hold 20,200] [--gap 20] [--mode counts] [--rounds 41]
//! ```

// Its output is its purpose.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use nexus_lockprof_benches::comparison::{Comparison, Copies, Enough, Ratio, compare};
use nexus_lockprof_benches::interval::Interval;
use nexus_lockprof_benches::placements::{PLACEMENTS, begin_at};
use nexus_lockprof_benches::results::{self, Args, NOT_RESOLVED};
use nexus_lockprof_benches::threads::{Plan, spin, turn_ns};
use nexus_lockprof_benches::{modes, placed};
use serde_json::json;

/// Shares of the bare lock's throughput: the geometric mean over the cells, and the worst cell.
const MEAN: f64 = 0.97;
const WORST: f64 = 0.90;

const ENOUGH: Enough = Enough {
    rounds: 11,
    half: 0.01,
};

#[repr(align(256))]
struct Alone<L>(L);

static BARE: [Alone<parking_lot::Mutex<u64>>; PLACEMENTS] =
    [const { Alone(parking_lot::Mutex::new(0)) }; PLACEMENTS];
static AGAIN: [Alone<parking_lot::Mutex<u64>>; PLACEMENTS] =
    [const { Alone(parking_lot::Mutex::new(0)) }; PLACEMENTS];
static OURS: [Alone<nexus_lockprof::Mutex<u64>>; PLACEMENTS] =
    [const { Alone(nexus_lockprof::Mutex::new(0)) }; PLACEMENTS];

/// Draws lengths.
struct Lengths(u64);

impl Lengths {
    /// Each time from another seed, so that two threads do not draw the same.
    fn new() -> Self {
        static SEED: AtomicU64 = AtomicU64::new(1);
        Lengths(SEED.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed) | 1)
    }

    /// From half of `mean` to one and a half, each equally likely.
    #[inline(always)]
    fn about(&mut self, mean: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        mean / 2 + (((self.0 >> 32) * mean) >> 32)
    }
}

/// Holds a lock for about this many turns of the busy loop and leaves it for about that many, until
/// the flag is set. Returns its operations.
type Copy = fn(u64, u64, &AtomicBool) -> u64;

/// The copies of a loop on these locks.
macro_rules! side {
    ($locks:expr) => {{
        #[inline(never)]
        fn copy<const OFFSET: usize>(hold: u64, gap: u64, stop: &AtomicBool) -> u64 {
            let lock = &$locks[OFFSET / 16].0;
            let mut lengths = Lengths::new();
            let mut operations = 0;
            begin_at::<OFFSET>();
            while !stop.load(Relaxed) {
                let (hold, gap) = (lengths.about(hold), lengths.about(gap));
                let mut it = std::hint::black_box(lock).lock();
                *it += 1;
                spin(hold);
                drop(it);
                spin(gap);
                operations += 1;
            }
            operations
        }
        placed!(copy)
    }};
}

fn verdict(cell: &Comparison) -> &'static str {
    cell.ours.verdict(&cell.noise, WORST)
}

fn main() -> ExitCode {
    let known = ["--threads", "--hold", "--gap", "--mode", "--rounds"];
    results::main("contended", &known, run)
}

fn run(args: &Args) -> Result<(), String> {
    let smoke = [20];
    let lengths: &[u64] = if args.smoke { &smoke } else { &[20, 200, 2000] };
    let (holds, gaps) = (
        args.numbers("--hold", lengths)?,
        args.numbers("--gap", lengths)?,
    );
    let mode = args.text("--mode", "sampled");
    let rounds = args.numbers("--rounds", &[if args.smoke { 2 } else { 41 }])?[0] as usize;
    modes::switch_to(mode)?;

    let turn = turn_ns();
    let turns = |ns: u64| (ns as f64 / turn).round() as u64;
    println!(
        "{}. One turn of the busy loops: {turn:.2} ns. Mode: {mode}. Throughput of ours over the bare lock's, and of the bare lock over itself, with half of the interval of 95 %; in {} to {rounds} rounds at {PLACEMENTS} places.\n",
        results::processor(),
        ENOUGH.rounds
    );
    println!(
        "| threads | hold | gap | bare, million a second | ours over bare | bare over bare | rounds | |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    let copies: Copies<Copy> = [side!(BARE), side!(OURS), side!(AGAIN)];
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for threads in args.numbers("--threads", &[2, 4, 8])? {
        for &hold in &holds {
            for &gap in &gaps {
                let plan = Plan {
                    threads: threads as usize,
                    rounds,
                    // Threads that share a processor need several scheduler turns in a round.
                    round: Duration::from_millis(if args.smoke { 1 } else { 2 * threads }),
                    together: PLACEMENTS,
                };
                let (hold_turns, gap_turns) = (turns(hold), turns(gap));
                let run = |copy: &Copy, stop: &AtomicBool| copy(hold_turns, gap_turns, stop);
                let cell = compare(&copies, run, plan, Ratio::Throughput, ENOUGH);
                let Comparison { ours, noise, .. } = cell;
                let bare = cell.bare / 1e6;
                println!(
                    "| {threads} | {hold} ns | {gap} ns | {bare:.2} | {ours} | {noise} | {} | {} |",
                    cell.rounds,
                    verdict(&cell)
                );
                rows.push(json!({"bench": "contended", "mode": mode, "threads": threads, "hold_ns": hold, "gap_ns": gap, "ratio": ours.middle, "noise": noise.middle, "half": ours.half()}));
                cells.push(cell);
            }
        }
    }
    let mean = mean_of(&cells, |cell| cell.ours);
    println!("\n{}", summary(&cells, mean));
    rows.push(json!({"bench": "contended-summary", "mode": mode, "mean": mean.middle}));
    args.save(&rows)
}

fn mean_of(cells: &[Comparison], of: fn(&Comparison) -> Interval) -> Interval {
    Interval::of_mean(&Vec::from_iter(cells.iter().map(of)))
}

/// The sentence below the table.
fn summary(cells: &[Comparison], mean: Interval) -> String {
    let noise = mean_of(cells, |cell| cell.noise);
    let mut text = format!(
        "Geometric mean {mean}, bare over bare {noise} (target {MEAN}: {}).",
        mean.verdict(&noise, MEAN)
    );
    let count = |wanted| cells.iter().filter(|cell| verdict(cell) == wanted).count();
    let worst = cells
        .iter()
        .filter(|cell| verdict(cell) != NOT_RESOLVED)
        .min_by(|a, b| a.ours.middle.total_cmp(&b.ours.middle));
    if let Some(worst) = worst {
        let _ = write!(
            text,
            " Worst resolved cell {} (target {WORST}: {}).",
            worst.ours,
            verdict(worst)
        ); // to a String
    }
    let _ = write!(
        text,
        " Cells: {} PASS, {} missed, {} not resolved.",
        count("PASS"),
        count("missed"),
        count(NOT_RESOLVED)
    );
    text
}
