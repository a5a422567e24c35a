//! A program that knows what it did, and leaves the rest to the environment.

use nexus_lockprof::{Config, Mode, Mutex};
use std::process::exit;
use std::thread;

static JOBS: Mutex<Vec<u64>> = Mutex::named("jobs", Vec::new());

/// 300 acquisitions in 3 threads and one before, then `exit(code)`. `expected` is the mode that must be on.
pub(crate) fn main(expected: &str, code: &str) {
    // Before any lock was used: a program that changes one setting and keeps the others reads them here.
    assert_eq!(
        nexus_lockprof::config(),
        Config::default().mode(mode(expected))
    );
    // The first use reads the environment; what other threads do meanwhile would be lost, and counted so.
    JOBS.lock().push(0);
    thread::scope(|scope| {
        for id in 0..3 {
            scope.spawn(move || (0..100).for_each(|_| JOBS.lock().push(id)));
        }
    });
    assert_eq!(nexus_lockprof::snapshot().mode().to_string(), expected);
    exit(code.parse().unwrap_or(99));
}

fn mode(name: &str) -> Mode {
    match name {
        "off" => Mode::Off,
        "counts" => Mode::Counts,
        "exact" => Mode::Exact,
        "sampled (budget 1%)" => Mode::DEFAULT,
        "sampled (budget 3%)" => Mode::Sampled { budget: 0.03 },
        _ => panic!("no such mode: {name:?}"),
    }
}
