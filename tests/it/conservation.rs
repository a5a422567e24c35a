//! No event is lost or counted twice, over thread exit, shard reuse, resets, concurrent snapshots and switches of mode.

use nexus_lockprof::engine::Engine;
use nexus_lockprof_tests::children;
use nexus_lockprof_tests::conservation::{Plan, check, run};

/// 10,000 threads in all, in the four tests on engines of their own.
fn on_a_local_engine(modes: &str) {
    let Some((modes, seed)) = Plan::modes_named(modes) else {
        panic!("no such modes: {modes}")
    };
    let threads = 2500;
    let plan = Plan {
        modes,
        threads,
        seed,
    };
    let engine = Engine::new();
    check(&run(&engine, &engine, plan), plan);
}

#[test]
fn counts() {
    on_a_local_engine("counts");
}

#[test]
fn sampled() {
    on_a_local_engine("sampled");
}

#[test]
fn exact() {
    on_a_local_engine("exact");
}

#[test]
fn switched_live() {
    on_a_local_engine("switched");
}

/// Locks of the global engine go another way to their thread's shard.
#[test]
fn in_the_global_engine() {
    for modes in ["counts", "sampled", "exact", "switched"] {
        let mut command = children::command(env!("CARGO_BIN_EXE_child"));
        children::run(command.args(["conservation", modes])).expect_success();
    }
}
