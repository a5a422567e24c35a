//! What the environment says.

use nexus_lockprof::Snapshot;
use nexus_lockprof_tests::children::{self, Ended};
use std::path::PathBuf;

const SAMPLED: &str = "sampled (budget 1%)";

/// Runs the program with this environment; it checks the mode, and must exit with the code that it was told.
fn run(vars: &[(&str, &str)], mode: &str) -> Ended {
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    command
        .args(["environment", mode, "7"])
        .envs(vars.iter().copied());
    let ended = children::run(&mut command);
    assert_eq!(ended.status.code(), Some(7), "{vars:?}: {}", ended.stderr);
    ended
}

/// The same, which must say exactly this.
fn check(vars: &[(&str, &str)], mode: &str, complaints: &[&str]) {
    assert_eq!(
        run(vars, mode).stderr.lines().collect::<Vec<_>>(),
        complaints,
        "{vars:?}"
    );
}

/// A file name that nobody else has, removed in the end.
struct Out(PathBuf);

impl Out {
    fn new(name: &str) -> Self {
        Out(std::env::temp_dir().join(format!("lockprof-{}-{name}.json", std::process::id())))
    }

    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn read(&self) -> Snapshot {
        Snapshot::read_json_file(&self.0).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_mode_is_set() {
    check(&[], SAMPLED, &[]);
    check(&[("LOCKPROF", "off")], "off", &[]);
    check(&[("LOCKPROF", "counts")], "counts", &[]);
    check(&[("LOCKPROF", "exact")], "exact", &[]);
    check(
        &[("LOCKPROF", "sampled"), ("LOCKPROF_BUDGET", "3%")],
        "sampled (budget 3%)",
        &[],
    );
}

#[test]
fn a_bad_value_is_named_and_the_default_stays() {
    check(
        &[("LOCKPROF", "loud")],
        SAMPLED,
        &["lockprof: LOCKPROF=loud is not one of off, counts, sampled, exact: using sampled"],
    );
    check(
        &[("LOCKPROF_BUDGET", "lots")],
        SAMPLED,
        &["lockprof: LOCKPROF_BUDGET=lots is not a share of time such as 1% or 0.01: using 1%"],
    );
    check(
        &[("LOCKPROF_SERVE", "127.0.0.1:9")],
        SAMPLED,
        &["lockprof: LOCKPROF_SERVE=127.0.0.1:9 is ignored: this version does not serve"],
    );
    check(
        &[("LOCKPROF_OUT", "")],
        SAMPLED,
        &["lockprof: LOCKPROF_OUT is empty: no snapshot is written at exit"],
    );
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let ended = run(&[("LOCKPROF_OUT", "/nonexistent/lockprof.json")], SAMPLED);
    let [complaint] = ended.complaints()[..] else {
        panic!("{}", ended.stderr)
    };
    assert!(complaint.contains("LOCKPROF_OUT"), "{complaint}");
    assert!(
        complaint.contains("/nonexistent/lockprof.json"),
        "{complaint}"
    );
}

#[test]
fn the_last_snapshot_is_written_at_exit() {
    let out = Out::new("counts");
    check(
        &[("LOCKPROF", "exact"), ("LOCKPROF_OUT", &out.name())],
        "exact",
        &[],
    );
    let snapshot = out.read();
    let jobs: Vec<_> = snapshot.points_of("jobs").collect();
    assert_eq!(jobs.iter().map(|p| p.acquisitions).sum::<u64>(), 301);
    assert_eq!(jobs.iter().map(|p| p.hold.samples).sum::<u64>(), 301);
    assert!(
        jobs.iter().all(|p| p.site.file.ends_with("environment.rs")),
        "{snapshot}"
    );
    assert!(snapshot.losses().is_empty());
    assert_ne!(snapshot.pid(), std::process::id());
}

#[test]
fn off_records_nothing() {
    let out = Out::new("off");
    check(
        &[("LOCKPROF", "off"), ("LOCKPROF_OUT", &out.name())],
        "off",
        &[],
    );
    let snapshot = out.read();
    assert!(snapshot.points().is_empty() && snapshot.losses().is_empty());
    assert_eq!(snapshot.table().shards, 0);
}
