//! Settings from the environment.

use nexus_lockprof::Snapshot;
use nexus_lockprof_tests::children::{self, Ended};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

const SAMPLED: &str = "sampled (budget 1%)";

/// Runs the program with this environment. It checks the mode, and must exit with the given code.
fn run(vars: &[(&str, &str)], mode: &str) -> Ended {
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    command
        .args(["environment", mode, "7"])
        .envs(vars.iter().copied());
    let ended = children::run(&mut command);
    assert_eq!(ended.status.code(), Some(7), "{vars:?}: {}", ended.stderr);
    ended
}

/// The same; the program must print exactly these complaints.
fn check(vars: &[(&str, &str)], mode: &str, complaints: &[&str]) {
    assert_eq!(
        run(vars, mode).stderr.lines().collect::<Vec<_>>(),
        complaints,
        "{vars:?}"
    );
}

/// A unique file name, removed at the end.
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
    // Output usually goes to a terminal, and somebody else may have set the variable.
    check(
        &[("LOCKPROF", "x\u{1b}]0;t\u{7}\n\u{202e}\u{9b}5m")],
        SAMPLED,
        &[
            "lockprof: LOCKPROF=x\\u{1b}]0;t\\u{7}\\n\\u{202e}\\u{9b}5m is not one of off, counts, sampled, exact: using sampled",
        ],
    );
    check(
        &[("LOCKPROF_BUDGET", "lots")],
        SAMPLED,
        &["lockprof: LOCKPROF_BUDGET=lots is not a share of time such as 1% or 0.01: using 1%"],
    );
    if cfg!(not(feature = "serve")) {
        check(
            &[("LOCKPROF_SERVE", "unix")],
            SAMPLED,
            &[
                "lockprof: LOCKPROF_SERVE=unix has no effect: no endpoint is in the program: build it with the feature `serve`",
            ],
        );
    }
    check(
        &[("LOCKPROF_STACKS", "maybe")],
        SAMPLED,
        &["lockprof: LOCKPROF_STACKS=maybe is not one of on, addresses, off: using off"],
    );
    if cfg!(not(feature = "stacks")) {
        check(
            &[("LOCKPROF_STACKS", "on")],
            SAMPLED,
            &[
                "lockprof: LOCKPROF_STACKS=on has no effect: the program was built without the feature `stacks`",
            ],
        );
    }
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
fn the_file_names_the_process_and_the_program() {
    let prefix = format!("lockprof-{}-", std::process::id());
    let template = std::env::temp_dir().join(format!("{prefix}%e-%p-%%.json"));
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    let mut child = command
        .args(["environment", SAMPLED, "0"])
        .env("LOCKPROF_OUT", template)
        .spawn()
        .unwrap();
    let pid = child.id();
    assert!(child.wait().unwrap().success());
    let out = Out(std::env::temp_dir().join(format!("{prefix}child-{pid}-%.json")));
    assert_eq!(out.read().pid(), pid);
}

#[test]
fn a_program_that_is_killed_leaves_its_last_profile() {
    let out = Out::new("killed");
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    let mut child = command
        .arg("environment: serve")
        .envs([("LOCKPROF_OUT", &*out.name()), ("LOCKPROF_EVERY", "5ms")])
        .spawn()
        .unwrap();
    // Waits for a file, and then for a second one with more in it.
    let patience = Instant::now() + Duration::from_secs(60);
    let mut seen = Vec::new();
    while seen.len() < 2 && Instant::now() < patience {
        // Once it exists, it is complete at any time.
        if out.0.exists() {
            let acquisitions = out.read().table().acquisitions;
            if seen.last().is_none_or(|&last| last < acquisitions) {
                seen.push(acquisitions);
            }
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(seen.len(), 2, "{seen:?}");
    let snapshot = out.read();
    assert!(snapshot.table().acquisitions >= seen[1]);
    assert!(snapshot.losses().is_empty(), "{snapshot}");
    assert_eq!(snapshot.table().shards, 1, "the writing thread has none");
}

/// The last file is that of the exit, even if the reporter was writing at the time.
#[test]
fn the_file_at_exit_stays() {
    for number in 0..10 {
        let out = Out::new(&format!("every-{number}"));
        let vars = [("LOCKPROF_OUT", &*out.name()), ("LOCKPROF_EVERY", "1ms")];
        check(&vars, SAMPLED, &[]);
        assert_eq!(out.read().table().acquisitions, 301);
    }
}

#[test]
fn a_bad_time_is_named_and_so_is_one_without_a_file() {
    let out = Out::new("bad-time");
    check(
        &[("LOCKPROF_OUT", &out.name()), ("LOCKPROF_EVERY", "often")],
        SAMPLED,
        &[
            "lockprof: LOCKPROF_EVERY=often is not a time such as 500ms, 1s or 2m, or 1s,threaded: the snapshot is written at exit only",
        ],
    );
    assert_eq!(out.read().table().acquisitions, 301);
    check(
        &[("LOCKPROF_EVERY", "1s")],
        SAMPLED,
        &["lockprof: LOCKPROF_EVERY is ignored: LOCKPROF_OUT names no file"],
    );
}

#[test]
fn a_file_that_cannot_be_written_is_named_once_while_the_program_runs() {
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    let mut child = command
        .arg("environment: serve")
        .envs([
            ("LOCKPROF_OUT", "/nonexistent/lockprof.json"),
            ("LOCKPROF_EVERY", "1ms"),
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("/nonexistent/lockprof.json"), "{first}");
    // The programs run to their end, which leaves time for the next of many writes.
    (0..3).for_each(|_| check(&[], SAMPLED, &[]));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lines.count(), 0);
    // At exit, it is not said again.
    let bad = [
        ("LOCKPROF_OUT", "/nonexistent/lockprof.json"),
        ("LOCKPROF_EVERY", "1ms"),
    ];
    assert_eq!(run(&bad, SAMPLED).complaints().len(), 1);
}

/// A child has no writer thread. It writes at exit, beside its parent's file or to the file named
/// for it.
#[cfg(unix)]
#[test]
fn a_forked_child_writes_at_exit() {
    for name in ["fork", "fork-%p"] {
        let out = Out::new(name);
        let mut command = children::command(env!("CARGO_BIN_EXE_child"));
        let child = command
            .arg("environment: fork")
            .envs([("LOCKPROF_OUT", &*out.name()), ("LOCKPROF_EVERY", "1ms")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let parent = child.id().to_string();
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success());
        let forked = String::from_utf8(ended.stdout).unwrap();
        let forked = forked.trim();
        let names = match out.name().contains("%p") {
            true => [&*parent, forked].map(|pid| out.name().replace("%p", pid)),
            false => [out.name(), format!("{}.{forked}", out.name())],
        };
        let acquisitions = names.map(|name| Out(name.into()).read().table().acquisitions);
        assert_eq!(acquisitions, [1, 1], "each its own");
    }
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
