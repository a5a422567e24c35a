//! One rival in its own process: bare, ours and theirs in turns.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nexus_lockprof_benches::results::median;
use serde_json::json;

/// Operations of a round: few, so that a rival's queue can be drained in between.
const OPERATIONS: u64 = 20_000;
const PAUSE: Duration = Duration::from_millis(3);

/// Does one operation the given number of times.
type Side<'a> = &'a dyn Fn(u64);

fn compare(lock: &str, smoke: bool, [bare, ours, peer]: [Side<'_>; 3]) {
    let rounds = if smoke { 3 } else { 151 };
    let sides = [bare, ours, peer];
    let mut times = [const { Vec::new() }; 3];
    for round in 0..=rounds {
        for place in 0..sides.len() {
            let side = (round + place) % sides.len();
            let start = Instant::now();
            sides[side](OPERATIONS);
            let ns = start.elapsed().as_nanos() as f64 / OPERATIONS as f64;
            if round != 0 {
                times[side].push(ns);
            }
            std::thread::sleep(PAUSE);
        }
    }
    let factors = times[2]
        .iter()
        .zip(&times[1])
        .map(|(peer, ours)| peer / ours);
    let factor = median(factors.collect());
    let [bare, ours, peer] = times.map(median);
    println!(
        "{}",
        json!({"lock": lock, "bare": bare, "ours": ours, "peer": peer, "factor": factor})
    );
}

fn times<T>(n: u64, lock: &T, step: impl Fn(&T)) {
    for _ in 0..n {
        step(black_box(lock));
    }
}

/// Compares all kinds of locks of one rival.
macro_rules! peer {
    ($smoke:expr, $mutex:expr, $lock:expr, $rwlock:expr, $read:expr, $write:expr) => {{
        let (bare, ours, peer) = (
            parking_lot::Mutex::new(0_u64),
            nexus_lockprof::Mutex::new(0_u64),
            $mutex,
        );
        compare(
            "mutex",
            $smoke,
            [
                &|n| times(n, &bare, |it| *it.lock() += 1),
                &|n| times(n, &ours, |it| *it.lock() += 1),
                &|n| times(n, &peer, $lock),
            ],
        );
        let (bare, ours, peer) = (
            parking_lot::RwLock::new(0_u64),
            nexus_lockprof::RwLock::new(0_u64),
            $rwlock,
        );
        compare(
            "read",
            $smoke,
            [
                &|n| times(n, &bare, |it| _ = black_box(*it.read())),
                &|n| times(n, &ours, |it| _ = black_box(*it.read())),
                &|n| times(n, &peer, $read),
            ],
        );
        compare(
            "write",
            $smoke,
            [
                &|n| times(n, &bare, |it| *it.write() += 1),
                &|n| times(n, &ours, |it| *it.write() += 1),
                &|n| times(n, &peer, $write),
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
