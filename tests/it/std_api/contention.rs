//! Counts and times of std's locks. They report to the process-wide engine, so each mode has its
//! own process.

use nexus_lockprof_tests::children;

fn in_mode(mode: &str) {
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    command.env("LOCKPROF", mode).args(["std_sync", mode]);
    children::run(&mut command).expect_success();
}

#[test]
fn counts() {
    in_mode("counts");
}

#[test]
fn sampled() {
    in_mode("sampled");
}

#[test]
fn exact() {
    in_mode("exact");
}

#[test]
fn off() {
    in_mode("off");
}
