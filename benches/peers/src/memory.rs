//! How a process grows: 2,000 locks that are used once, then many operations on one of them.

use std::hint::black_box;
use std::process::ExitCode;

use nexus_lockprof_benches::memory::resident_kib;
use serde_json::json;

const LOCKS: usize = 2_000;

fn measure<T>(operations: u64, new: impl Fn() -> T, step: impl Fn(&T)) {
    let locks: Vec<T> = (0..LOCKS).map(|_| new()).collect();
    let start = resident_kib();
    locks.iter().for_each(&step);
    let once = resident_kib();
    for _ in 0..operations / 30 {
        step(black_box(&locks[0]));
    }
    let warm = resident_kib();
    for _ in 0..operations {
        step(black_box(&locks[0]));
    }
    let end = resident_kib();
    println!(
        "{}",
        json!({"once_kib": once - start, "operations": operations, "steady_kib": end - warm})
    );
}

/// Runs it for ours, or for hotpath.
pub(crate) fn run(case: &str, smoke: bool) -> ExitCode {
    let operations = if smoke { 30_000 } else { 30_000_000 };
    if case == "ours" {
        nexus_lockprof::engine::Engine::global().warm_up();
        let new = || nexus_lockprof::Mutex::new(0_u64);
        measure(operations, new, |it| *it.lock() += 1);
    } else {
        let _guard = hotpath::HotpathGuardBuilder::new("peers")
            .format(hotpath::Format::None)
            .build();
        let new = || hotpath::mutex!(parking_lot_0_12::Mutex::new(0_u64));
        measure(operations, new, |it| *it.lock() += 1);
    }
    ExitCode::SUCCESS
}
