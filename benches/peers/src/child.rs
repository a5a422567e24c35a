//! One rival in its own process: bare, bare again, ours and theirs in turns.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use nexus_lockprof_benches::measure::{Effort, Loop, take_turns};
use nexus_lockprof_benches::placements::{PLACEMENTS, begin_at};
use serde_json::json;

/// Few operations a turn, so that a rival's queue can be drained in between.
const PAUSE: Duration = Duration::from_millis(3);

/// The copies of one side's loop.
type Side<'a> = [Loop<'a>; PLACEMENTS];

fn compare(lock: &str, smoke: bool, sides: &[Side<'_>; 4]) {
    let effort = Effort {
        rounds: if smoke { 1 } else { 31 },
        operations: 20_000,
    };
    let turns = take_turns(effort, PAUSE, sides);
    let [bare, _, ours, peer] = turns.spreads.map(|spread| spread.median);
    println!(
        "{}",
        json!({"lock": lock, "bare": bare, "ours": ours, "peer": peer, "factor": turns.ratio(3, 2), "noise": turns.ratio(1, 0)})
    );
}

#[inline(never)]
fn times<const OFFSET: usize, T>(n: u64, lock: &T, step: impl Fn(&T)) {
    begin_at::<OFFSET>();
    for _ in 0..n {
        step(black_box(lock));
    }
}

/// The copies of a loop that does `$step` with `$lock`.
macro_rules! side {
    ($lock:expr, $step:expr) => {
        [
            &|n| times::<0, _>(n, $lock, $step),
            &|n| times::<16, _>(n, $lock, $step),
            &|n| times::<32, _>(n, $lock, $step),
            &|n| times::<48, _>(n, $lock, $step),
            &|n| times::<64, _>(n, $lock, $step),
            &|n| times::<80, _>(n, $lock, $step),
            &|n| times::<96, _>(n, $lock, $step),
            &|n| times::<112, _>(n, $lock, $step),
        ]
    };
}

/// Compares all kinds of locks of one rival.
macro_rules! peer {
    ($smoke:expr, $mutex:expr, $lock:expr, $rwlock:expr, $read:expr, $write:expr) => {{
        let (bare, again, ours, peer) = (
            parking_lot::Mutex::new(0_u64),
            parking_lot::Mutex::new(0_u64),
            nexus_lockprof::Mutex::new(0_u64),
            $mutex,
        );
        compare(
            "mutex",
            $smoke,
            &[
                side!(&bare, |it| *it.lock() += 1),
                side!(&again, |it| *it.lock() += 1),
                side!(&ours, |it| *it.lock() += 1),
                side!(&peer, $lock),
            ],
        );
        let (bare, again, ours, peer) = (
            parking_lot::RwLock::new(0_u64),
            parking_lot::RwLock::new(0_u64),
            nexus_lockprof::RwLock::new(0_u64),
            $rwlock,
        );
        compare(
            "read",
            $smoke,
            &[
                side!(&bare, |it| _ = black_box(*it.read())),
                side!(&again, |it| _ = black_box(*it.read())),
                side!(&ours, |it| _ = black_box(*it.read())),
                side!(&peer, $read),
            ],
        );
        compare(
            "write",
            $smoke,
            &[
                side!(&bare, |it| *it.write() += 1),
                side!(&again, |it| *it.write() += 1),
                side!(&ours, |it| *it.write() += 1),
                side!(&peer, $write),
            ],
        );
    }};
}

/// Runs it; fails if there is no such rival.
pub(crate) fn run(peer: &str, smoke: bool) -> ExitCode {
    nexus_lockprof::engine::Engine::global().warm_up();
    match peer {
        "std" => peer!(
            smoke,
            std::sync::Mutex::new(0_u64),
            |it| if let Ok(mut it) = it.lock() {
                *it += 1
            },
            std::sync::RwLock::new(0_u64),
            |it| if let Ok(it) = it.read() {
                _ = black_box(*it)
            },
            |it| if let Ok(mut it) = it.write() {
                *it += 1
            }
        ),
        "hotpath" => {
            let _guard = hotpath::HotpathGuardBuilder::new("peers")
                .format(hotpath::Format::None)
                .build();
            peer!(
                smoke,
                hotpath::mutex!(parking_lot_0_12::Mutex::new(0_u64)),
                |it| *it.lock() += 1,
                hotpath::rw_lock!(parking_lot_0_12::RwLock::new(0_u64)),
                |it| _ = black_box(*it.read()),
                |it| *it.write() += 1
            );
        }
        "locktick" => peer!(
            smoke,
            locktick::parking_lot::Mutex::new(0_u64),
            |it| *it.lock() += 1,
            locktick::parking_lot::RwLock::new(0_u64),
            |it| _ = black_box(*it.read()),
            |it| *it.write() += 1
        ),
        "tracing-mutex" => peer!(
            smoke,
            tracing_mutex::parkinglot::tracing::Mutex::new(0_u64),
            |it| *it.lock() += 1,
            tracing_mutex::parkinglot::tracing::RwLock::new(0_u64),
            |it| _ = black_box(*it.read()),
            |it| *it.write() += 1
        ),
        other => {
            eprintln!("no such peer: {other}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
