//! Daemons: forked processes that live on and do what the environment asks for.

use super::folder::Folder;
use super::*;
use nexus_lockprof_tests::children;
#[cfg(feature = "serve")]
use nexus_lockprof_tests::http::At;
#[cfg(feature = "serve")]
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon, whose parents are gone. It is killed at the end.
struct Daemon {
    pid: i32,
    err: Lines<BufReader<ChildStderr>>,
}

impl Daemon {
    fn start(command: &mut Command) -> Self {
        let mut child: Child = command
            .arg("daemon")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(child.wait().unwrap().success());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        Daemon {
            pid: line.trim().parse().unwrap(),
            err,
        }
    }

    /// Tells it to end, waits, and returns its output.
    fn end(mut self) -> Vec<String> {
        // SAFETY: the process belongs to this test.
        unsafe { libc::kill(self.pid, libc::SIGTERM) };
        // The end of its standard error means its end.
        self.err.by_ref().map(Result::unwrap).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SAFETY: the process belongs to this test.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
    }
}

fn until<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "it does not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn daemon() -> Command {
    children::command(env!("CARGO_BIN_EXE_child"))
}

#[test]
fn a_daemon_writes_its_file_while_it_runs_and_when_it_ends() {
    let folder = Folder::new("daemon");
    let mut command = daemon();
    command.env("LOCKPROF_OUT", folder.at("x.json"));
    let daemon = Daemon::start(command.env("LOCKPROF_EVERY", "2ms"));
    let path = folder.at(format!("x.json.{}", daemon.pid));
    let seen = |least: u64| {
        until(|| {
            let read = Snapshot::read_json_file(&path).ok()?;
            let seen = acquisitions(&read, "child's");
            (seen >= least).then_some((seen, read.pid()))
        })
    };
    let (first, pid) = seen(1);
    assert_eq!(i32::try_from(pid), Ok(daemon.pid));
    seen(first + 1);
    assert_eq!(daemon.end(), [""; 0]);
    assert_eq!(seen(1).0, 1000, "the file of the exit");
}

#[cfg(feature = "serve")]
#[test]
fn a_daemon_serves() {
    for mode in ["counts", "off"] {
        let folder = Folder::new("daemon-unix");
        let mut command = daemon();
        command
            .env("XDG_RUNTIME_DIR", &folder.0)
            .env("LOCKPROF", mode);
        let daemon = Daemon::start(command.env("LOCKPROF_SERVE", "unix"));
        let at = At::Unix(folder.at(format!("lockprof/{}.sock", daemon.pid)));
        let json = until(|| at.get("/snapshot").ok());
        let snapshot = Snapshot::from_json_slice(&json).unwrap();
        assert_eq!(i32::try_from(snapshot.pid()), Ok(daemon.pid));
        assert_eq!(snapshot.profiler_mode().to_string(), mode);
        let pid = daemon.pid.to_string();
        assert_eq!(daemon.end(), [""; 0]);
        // Its first parent may have served briefly, too. It left with `_exit`, so its socket may
        // remain.
        let names = fs::read_dir(folder.at("lockprof")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<String> = names.filter(|name| name.contains(&pid)).collect();
        assert_eq!(left, [""; 0], "the socket goes with its process");
    }
}

/// A place for only one process: the parent's, until it ends.
#[cfg(feature = "serve")]
#[test]
fn a_daemon_takes_over_its_parents_place() {
    let folder = Folder::new("daemon-path");
    let socket = folder.at("s");
    let mut command = daemon();
    let place = format!("unix:{}", socket.display());
    let daemon = Daemon::start(command.env("LOCKPROF_SERVE", place));
    let json = until(|| At::Unix(socket.clone()).get("/snapshot").ok());
    let snapshot = Snapshot::from_json_slice(&json).unwrap();
    assert_eq!(i32::try_from(snapshot.pid()), Ok(daemon.pid));
    assert_eq!(daemon.end(), [""; 0]);
}

#[test]
fn a_child_has_threads_when_it_locks_and_not_before() {
    let folder = Folder::new("threads");
    let mut command = daemon();
    command.arg("daemon: threads");
    command.env("LOCKPROF_OUT", folder.at("x.json"));
    let ended = children::run(
        command
            .env("LOCKPROF_EVERY", "1h")
            .env("LOCKPROF_EVERY", "60m"),
    );
    ended.expect_success();
    assert_eq!(ended.stderr, "");
}

/// As `cargo lockprof` sets it: some system calls are only for programs with one thread.
#[test]
fn a_program_with_one_thread_gets_no_other() {
    let folder = Folder::new("one-thread");
    let mut command = daemon();
    command.arg("daemon: one thread");
    command.env("LOCKPROF_OUT", folder.at("x.json"));
    let ended = children::run(command.env("LOCKPROF_EVERY", "1ms,threaded"));
    ended.expect_success();
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_child_that_can_have_no_thread_says_so_once() {
    let folder = Folder::new("no-threads");
    let mut command = daemon();
    command.arg("daemon: no threads");
    command
        .env("LOCKPROF_OUT", folder.at("x.json"))
        .env("XDG_RUNTIME_DIR", &folder.0)
        .env("LOCKPROF_EVERY", "60m");
    if cfg!(feature = "serve") {
        command.env("LOCKPROF_SERVE", "unix");
    }
    let ended = children::run(&mut command);
    ended.expect_success();
    let mut said = ended.complaints();
    // It may not write there either.
    said.retain(|line| !line.contains("LOCKPROF_OUT"));
    assert_eq!(
        said.len(),
        1 + usize::from(cfg!(feature = "serve")),
        "{said:?}"
    );
    assert!(said[0].starts_with("lockprof: LOCKPROF_EVERY: no thread for it"));
    if cfg!(feature = "serve") {
        assert!(said[1].starts_with("lockprof: LOCKPROF_SERVE: no thread for it"));
    }
}
