//! `lockprof run`: waits of already built programs.

mod program;

use crate::support::{Folder, Run, command, lockprof};
use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, ProfilerMode, Snapshot};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// `lockprof run` with this test program as the profiled program.
fn run_command(name: &str, out: &Path) -> Command {
    let mut command = command(&["run", "--out"]);
    command
        .arg(out)
        .arg("--")
        .arg(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "run::program::program",
        "--ignored",
        "--nocapture",
    ]);
    command
        .env(program::VARIABLE, name)
        .env_remove("LD_PRELOAD");
    command
}

/// A program's own account, and what the profile shows.
struct Seen {
    run: Run,
    snapshot: Snapshot,
}

fn run(name: &str) -> Seen {
    let folder = Folder::new();
    let out = folder.path("waits.lockprof");
    let run: Run = run_command(name, &out).output().unwrap().into();
    let snapshot = Snapshot::read_file(&out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    assert_eq!(snapshot.profiler_mode(), ProfilerMode::Waits);
    assert!(snapshot.losses().is_empty(), "{run:?}");
    Seen { run, snapshot }
}

/// What a program says it did.
struct Truth {
    mode: String,
    line: u32,
    waits: u64,
    ns: u64,
}

fn truths(out: &str) -> Vec<Truth> {
    let lines = out.lines().filter_map(|line| line.split_once("truth "));
    let truth = |(_, line): (&str, &str)| {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| words[index].parse().unwrap();
        Truth {
            mode: words[0].to_owned(),
            line: words[1].parse().unwrap(),
            waits: number(2),
            ns: number(3),
        }
    };
    lines.map(truth).collect()
}

/// The point at a place in the program.
fn point_at(snapshot: &Snapshot, line: u32) -> &Point {
    let is_it =
        |point: &&Point| point.site.line == line && point.site.file.ends_with("run/program.rs");
    let mut points = snapshot.points().iter().filter(is_it);
    match (points.next(), points.next()) {
        (Some(point), None) => point,
        _ => panic!("{line}: {:?}", snapshot.points()),
    }
}

/// Checks that the profile shows everything the program did `times` times, and nothing else.
fn check(seen: &Seen, times: u64) {
    let truths = truths(&seen.run.out);
    assert!(!truths.is_empty(), "{:?}", seen.run);
    for truth in &truths {
        let point = point_at(&seen.snapshot, truth.line);
        assert_eq!(point.mode.as_str(), truth.mode, "{point:?}");
        assert_eq!(point.contentions, truth.waits * times, "{point:?}");
        assert_eq!(point.wait.samples, point.contentions);
        assert!(point.wait.total_ns >= truth.ns * times, "{point:?}");
        assert!(point.wait.max_ns >= truth.ns / truth.waits, "{point:?}");
        let weights = point.wait.reservoir.iter().map(|sample| sample.weight);
        assert_eq!(weights.sum::<f64>(), point.contentions as f64);
        assert_eq!(
            (point.hold.samples, point.hold.unmeasured),
            (0, point.contentions)
        );
    }
    let all: u64 = seen
        .snapshot
        .points()
        .iter()
        .map(|point| point.contentions)
        .sum();
    // Each of several processes tells the same.
    let told: HashMap<u32, u64> = truths
        .iter()
        .map(|truth| (truth.line, truth.waits))
        .collect();
    let told: u64 = told.values().sum();
    assert_eq!(all, told * times, "{:?}", seen.snapshot.points());
}

#[test]
fn std_s_locks() {
    let seen = run("std");
    assert_eq!(seen.run.code, Some(0));
    check(&seen, 1);
    // A variable has a name.
    let exclusive = |point: &&Point| point.mode == AcquireMode::Exclusive && point.contentions == 3;
    let point = seen.snapshot.points().iter().find(exclusive).unwrap();
    assert_eq!(
        point.lock,
        Lock::Named("lockprof::run::program::SHARED".into())
    );
}

#[test]
fn a_thread_that_is_woken_in_abandoned_waits_once() {
    check(&run("again"), 1);
}

#[test]
fn parking_lot_s_locks() {
    check(&run("parking_lot"), 1);
}

#[test]
fn pthread_s_locks() {
    check(&run("pthread"), 1);
}

#[test]
fn waits_for_work_are_no_contention() {
    let seen = run("idle");
    let points = seen.snapshot.points();
    assert!(points.is_empty(), "{points:?}");
    for other in [
        "Waits that are not for locks: Condvar 2 (",
        ", Once 1 (",
        ", thread::park ",
    ] {
        assert!(seen.run.err.contains(other), "{other}: {:?}", seen.run);
    }
    assert!(!seen.run.err.contains("may be for locks"), "{:?}", seen.run);
}

#[test]
fn a_child_that_was_forked_off_has_its_own_waits() {
    let seen = run("fork");
    assert_eq!(seen.run.code, Some(0), "{:?}", seen.run);
    // Parent and child each tell.
    let told = truths(&seen.run.out).len();
    assert_eq!(told, 6);
    check(&seen, 2);
    assert!(seen.run.err.contains("(2 processes)"), "{:?}", seen.run);
}

#[test]
fn what_a_process_did_before_it_became_another_program_stays() {
    check(&run("exec"), 2);
}

#[test]
fn a_program_that_is_killed_leaves_its_waits() {
    let seen = run("killed");
    assert_eq!(seen.run.code, Some(128 + libc::SIGKILL));
    check(&seen, 1);
}

#[test]
fn a_signal_goes_on_to_the_program() {
    let folder = Folder::new();
    let out = folder.path("waits.lockprof");
    let mut command = run_command("sleeps", &out);
    let mut process = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("ready")));
    // SAFETY: the process is our child, and nobody has waited for it yet.
    unsafe { libc::kill(process.id().try_into().unwrap(), libc::SIGTERM) };
    let code = process.wait().unwrap().code();
    assert_eq!(code, Some(128 + libc::SIGTERM));
    let snapshot = Snapshot::read_file(&out).unwrap();
    let waits: u64 = snapshot
        .points()
        .iter()
        .map(|point| point.contentions)
        .sum();
    assert_eq!(waits, 7);
}

#[test]
fn errno_and_results_are_as_without() {
    let seen = run("errno");
    assert!(
        seen.run.code == Some(0) && seen.run.out.contains("as without"),
        "{:?}",
        seen.run
    );
}

/// Compiles the small program.
fn small(folder: &Folder, options: &[&str]) -> String {
    let program = folder.text("small");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lockprof/run/small.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut rustc = Command::new(rustc);
    rustc
        .args([source, "--edition=2024", "-o", &program])
        .args(options);
    assert!(rustc.status().unwrap().success());
    program
}

#[test]
fn a_program_with_one_thread_keeps_one_and_its_exit_code() {
    let folder = Folder::new();
    let program = small(&folder, &[]);
    let theirs = "libm.so.6";
    let run: Run = command(&["run", &program, "quiet", "42"])
        .env("LD_PRELOAD", theirs)
        .output()
        .unwrap()
        .into();
    assert_eq!(run.code, Some(42), "{run:?}");
    assert!(run.out.contains("threads 1\n"), "{run:?}");
    // Another library of the user's comes after ours. Ours stays where nobody else can replace it,
    // because later programs would load the replacement.
    let preload = run
        .out
        .lines()
        .find_map(|line| line.strip_prefix("preload "));
    let ours = preload.unwrap().strip_suffix(":libm.so.6").unwrap();
    let (kept, name) = ours.split_once("/$LIB/").unwrap();
    assert!(
        Path::new(kept).starts_with(env!("CARGO_TARGET_TMPDIR")),
        "{run:?}"
    );
    assert!(Path::new(kept).join("lib64").join(name).exists());
    let mode = std::fs::metadata(kept).unwrap().permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
        0o700
    );
    assert!(
        run.err
            .contains("waits of small:\nNo thread waited for a lock.\n"),
        "{run:?}"
    );
}

#[test]
fn the_report_says_what_is_not_known() {
    let folder = Folder::new();
    let program = small(&folder, &["-g"]);
    let run: Run = command(&["run", &program, "wait", "0"])
        .env_remove("LD_PRELOAD")
        .output()
        .unwrap()
        .into();
    assert_eq!(run.code, Some(0), "{run:?}");
    let source = include_str!("small.rs");
    let line = source
        .lines()
        .position(|line| line.contains("drop(LOCK.lock())"));
    let site = format!("run/small.rs:{}", line.unwrap() + 1);
    for part in [
        "\nsmall::LOCK",
        &site,
        "1 point, 1 wait, mode waits, ",
        "Holds are not known, nor acquisitions without a wait: waits of an unmodified program.",
    ] {
        assert!(run.err.contains(part), "{part}: {run:?}");
    }
    for absent in ["acq ", "hold", "blocked", "%  "] {
        assert!(!run.err.contains(absent), "{absent}: {run:?}");
    }
}

/// All of lockprof's commands read the file. Unknown values are absent.
#[test]
fn other_commands_say_what_is_not_known() {
    let folder = Folder::new();
    let (program, out) = (small(&folder, &["-g"]), folder.text("waits.json"));
    let run: Run = command(&["run", "--out", &out, &program, "wait", "0"])
        .env_remove("LD_PRELOAD")
        .output()
        .unwrap()
        .into();
    assert!(
        run.err
            .starts_with(&format!("lockprof: waits of small: {out}\n")),
        "{run:?}"
    );
    let report = |format| lockprof(&["report", &out, "--format", format]).good();
    let table = report("table");
    assert!(table.contains("1 wait, mode waits"), "{table}");
    let freebsd = report("freebsd");
    let row: Vec<&str> = freebsd.lines().nth(1).unwrap().split_whitespace().collect();
    let [max, _, total, _, count, average, _, cnt_hold, cnt_lock, ..] = row[..] else {
        panic!("{freebsd}")
    };
    assert_eq!([max, total, count, average, cnt_hold], ["-"; 5]);
    assert_eq!(cnt_lock, "1");
    let csv = report("csv");
    let cells: Vec<(&str, &str)> = {
        let mut lines = csv.lines().map(|line| line.split(','));
        lines.next().unwrap().zip(lines.next().unwrap()).collect()
    };
    for name in ["acquisitions", "blocked", "caused_wait_ns", "hold_total_ns"] {
        assert!(cells.contains(&(name, "")), "{name}: {csv}");
    }
    assert!(cells.contains(&("contentions", "1")), "{csv}");
}

#[test]
fn without_symbols_a_lock_is_told_by_its_futex() {
    let folder = Folder::new();
    let program = small(&folder, &["-Cstrip=symbols"]);
    let run: Run = command(&["run", &program, "wait", "7"])
        .env_remove("LD_PRELOAD")
        .output()
        .unwrap()
        .into();
    assert_eq!(run.code, Some(7), "{run:?}");
    assert!(run.err.contains("\nmutex at small+0x"), "{run:?}");
    assert!(run.err.contains("small: no symbols (stripped)"), "{run:?}");
}

#[test]
fn a_program_that_cannot_be_seen_runs_all_the_same() {
    let folder = Folder::new();
    let program = small(&folder, &["-Ctarget-feature=+crt-static"]);
    let run: Run = command(&["run", "--", &program, "wait", "9"])
        .env_remove("LD_PRELOAD")
        .output()
        .unwrap()
        .into();
    assert_eq!(run.code, Some(9), "{run:?}");
    assert!(run.out.ends_with("preload \n"), "{run:?}");
    let why = format!(
        "lockprof: no waits of {program} can be seen: it is statically linked, so nothing can be loaded into it: build it with \
         glibc, dynamically. It runs unprofiled\n"
    );
    assert_eq!(run.err, why);
}

#[test]
fn a_program_that_is_not_there() {
    let run = lockprof(&["run", "no-such-program-anywhere"]);
    assert_eq!(run.failed(), "there is no program no-such-program-anywhere");
    let run = lockprof(&["run", "--out", "/nonexistent/x.json", "true"]);
    assert_eq!(
        run.failed(),
        "--out /nonexistent/x.json: there is no folder /nonexistent"
    );
}
