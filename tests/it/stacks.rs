//! Callers: two callers of one line are distinguished.

use nexus_lockprof::Snapshot;
use nexus_lockprof::engine::Mode;
use nexus_lockprof::{Point, Stack};
use nexus_lockprof_tests::bench::{Bench, Mutex};
use nexus_lockprof_tests::children;
use std::thread;

type Lock = Mutex<()>;

/// A wrapper of all of a program's locks, as in some async runtimes.
#[inline(never)]
fn wrapper(lock: &Lock) {
    drop(lock.lock());
}

#[inline(never)]
fn reader(lock: &Lock) {
    wrapper(lock);
    // Keeps identical functions from being merged.
    std::hint::black_box(1);
}

#[inline(never)]
fn writer(lock: &Lock) {
    wrapper(lock);
    std::hint::black_box(2);
}

/// Makes `work` wait for `ns` nanoseconds in a new thread.
fn wait(bench: &Bench, work: fn(&Lock), ns: u64) {
    let lock = &bench.mutex("wrapped", ());
    thread::scope(|scope| {
        let guard = lock.lock();
        scope.spawn(move || work(lock));
        // SAFETY: only asks how many are blocked.
        unsafe { lock.raw() }.raw().await_blocked(1);
        bench.pass(ns);
        drop(guard);
    });
}

fn waiting(bench: &Bench) -> Point {
    let snapshot = bench.engine.snapshot();
    let mut points = snapshot.points_of("wrapped").filter(|p| p.contentions > 0);
    match (points.next(), points.next()) {
        (Some(point), None) => point.clone(),
        _ => panic!("{snapshot}"),
    }
}

/// The functions of a stack, without their modules.
fn functions(stack: &Stack) -> Vec<&str> {
    let functions = stack.frames.iter().map(|frame| {
        let function = frame.function.as_deref().unwrap_or("?");
        function.rsplit("::").next().unwrap_or(function)
    });
    functions.collect()
}

#[test]
fn two_callers_through_one_line_are_told_apart() {
    let bench = Bench::new(Mode::DEFAULT);
    let on = bench.engine.config().stacks(true);
    assert_eq!(bench.engine.configure(on), Ok(()));
    wait(&bench, reader, 300);
    wait(&bench, reader, 300);
    wait(&bench, writer, 500);
    let point = waiting(&bench);
    assert_eq!(point.wait.total_ns, 1_100);
    let [first, second] = &point.callers[..] else {
        panic!("{:#?}", point.callers);
    };
    for (stack, caller, samples, wait_ns) in [(first, "reader", 2, 600), (second, "writer", 1, 500)]
    {
        assert_eq!((stack.samples, stack.waits), (samples, samples));
        assert_eq!(stack.wait_ns, wait_ns);
        // The lock's own functions are cut, and so are those that start each thread.
        let functions = functions(stack);
        assert_eq!(functions[..2], ["wrapper", caller], "{stack:#?}");
        assert!(!functions.contains(&"__rust_begin_short_backtrace"));
        let top = &stack.frames[0];
        assert_eq!(top.line, Some(point.site.line));
        let file = top.file.as_deref().unwrap_or_default();
        assert!(file.ends_with("it/stacks.rs"), "{file}");
    }
}

#[test]
fn nobody_asked() {
    let bench = Bench::new(Mode::DEFAULT);
    wait(&bench, reader, 300);
    assert_eq!(waiting(&bench).callers, []);
}

/// From the environment to the report: in a separate program, with its own lock libraries.
#[test]
fn the_environment_asks() {
    let path = std::env::temp_dir().join(format!("lockprof-{}-stacks.json", std::process::id()));
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    let asked = command
        .arg("stacks")
        .env("LOCKPROF_STACKS", "on")
        .env("LOCKPROF_OUT", &path);
    let ended = children::run(asked);
    let read = Snapshot::read_json_file(&path);
    let _ = std::fs::remove_file(&path);
    ended.expect_success();
    assert_eq!(ended.stderr, "");
    let snapshot = read.unwrap_or_else(|error| panic!("{error}"));
    let report = nexus_lockprof_export::text::table(&snapshot)
        .width(200)
        .to_string();
    for caller in ["first_caller (", "second_caller ("] {
        let lines = report.lines().filter(|line| line.contains(caller));
        assert_eq!(lines.count(), 1, "{caller} in\n{report}");
    }
    assert!(!report.contains("wrapper ("), "the row has it:\n{report}");
    assert!(snapshot.losses().is_empty());
}

/// The reader of the file resolves names: the file says which code file contains each address.
#[cfg(target_os = "linux")]
#[test]
fn the_environment_asks_for_addresses() {
    let path = std::env::temp_dir().join(format!("lockprof-{}-at.json", std::process::id()));
    let program = env!("CARGO_BIN_EXE_child");
    let mut command = children::command(program);
    let asked = command
        .arg("stacks")
        .env("LOCKPROF_STACKS", "addresses")
        .env("LOCKPROF_OUT", &path);
    let ended = children::run(asked);
    let read = Snapshot::read_json_file(&path);
    let _ = std::fs::remove_file(&path);
    ended.expect_success();
    let snapshot = read.unwrap_or_else(|error| panic!("{error}"));
    let stacks: Vec<_> = snapshot
        .points_of("shared")
        .flat_map(|point| &point.callers)
        .collect();
    assert!(stacks.len() >= 2, "{snapshot}");
    let program = std::fs::canonicalize(program).unwrap();
    for frame in stacks.iter().flat_map(|stack| &stack.frames) {
        assert_eq!((&frame.function, frame.line), (&None, None));
        let file = frame.file.as_deref().unwrap_or_default();
        assert!(
            file == program.to_string_lossy() || file.contains("libc"),
            "{frame:?}"
        );
    }
}

/// Sampling a stack allocates nothing that locks, takes no lock that a fork leaves locked, and does
/// nothing that a signal handler must not.
#[cfg(unix)]
#[test]
fn in_odd_places() {
    for part in ["fork", "signal"] {
        let mut command = children::command(env!("CARGO_BIN_EXE_child"));
        children::run(command.arg(part).env("LOCKPROF_STACKS", "on")).expect_success();
    }
    if cfg!(feature = "deadlock_detection") {
        return; // It allocates for each lock taken: no lock can guard an allocator then.
    }
    for mode in ["1", "2"] {
        let mut command = children::command(env!("CARGO_BIN_EXE_allocator"));
        children::run(command.arg(mode).env("LOCKPROF_STACKS", "on")).expect_success();
    }
}
