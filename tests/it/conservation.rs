//! No event is lost or counted twice over thread exit, shard reuse, resets, concurrent snapshots
//! and mode changes.

use nexus_lockprof::engine::Engine;
use nexus_lockprof_tests::children;
use nexus_lockprof_tests::conservation::{Plan, check, run};

/// The four tests on local engines run 10,000 threads in total.
fn on_a_local_engine(modes: &str, caps: Option<(usize, usize)>) {
    let Some((modes, seed)) = Plan::modes_named(modes) else {
        panic!("no such modes: {modes}")
    };
    let threads = if caps.is_some() { 500 } else { 2500 };
    let plan = Plan {
        modes,
        threads,
        seed,
        caps,
    };
    let engine = Engine::new();
    check(&run(&engine, &engine, plan), plan);
}

#[test]
fn counts() {
    on_a_local_engine("counts", None);
}

#[test]
fn sampled() {
    on_a_local_engine("sampled", None);
}

#[test]
fn exact() {
    on_a_local_engine("exact", None);
}

#[test]
fn switched_live() {
    on_a_local_engine("switched", None);
}

/// Some 20 points are acquired at, and blamed.
#[test]
fn with_no_room_for_most_points() {
    for modes in ["counts", "sampled", "exact", "switched"] {
        on_a_local_engine(modes, Some((4, 1 << 16)));
        on_a_local_engine(modes, Some((1 << 12, 24)));
    }
}

/// Locks of the global engine reach their thread's shard another way.
#[test]
fn in_the_global_engine() {
    for modes in ["counts", "sampled", "exact", "switched"] {
        let mut command = children::command(env!("CARGO_BIN_EXE_child"));
        children::run(command.args(["conservation", modes])).expect_success();
        let mut command = children::command(env!("CARGO_BIN_EXE_child"));
        children::run(command.args(["conservation", modes, "capped"])).expect_success();
    }
}
