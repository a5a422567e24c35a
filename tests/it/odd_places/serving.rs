//! Programs with an endpoint: the environment's settings, and what happens to socket and file.

use super::folder::Folder;
use super::*;
use nexus_lockprof::engine::ServeEngine as _;
use nexus_lockprof_tests::children;
use nexus_lockprof_tests::http::At;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

/// A running program, killed if the test fails.
struct Program {
    child: Child,
    input: ChildStdin,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Program {
    fn start(part: &str, place: &str, folder: &Folder) -> Self {
        let command = children::command(env!("CARGO_BIN_EXE_child"));
        Self::spawn(command, part, place, folder)
    }

    fn spawn(mut command: Command, part: &str, place: &str, folder: &Folder) -> Self {
        command
            .arg(part)
            .env("LOCKPROF_SERVE", place)
            .env("XDG_RUNTIME_DIR", &folder.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Program {
            child,
            input,
            out,
            err,
        }
    }

    fn says(&mut self) -> String {
        self.out.next().unwrap().unwrap()
    }

    fn complains(&mut self) -> String {
        self.err.next().unwrap().unwrap()
    }

    fn tell(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    /// Waits until it serves, and returns the address. Its stderr names the port.
    fn port(&mut self) -> At {
        let line = self.complains();
        let address = line
            .strip_prefix("lockprof: LOCKPROF_SERVE=127.0.0.1:0: serving http://")
            .unwrap_or_else(|| panic!("{line}"));
        At::Tcp(address.parse().unwrap())
    }

    /// The same for the socket in the runtime directory.
    fn socket(&self, folder: &Folder) -> At {
        let name = format!("lockprof/{}.sock", self.child.id());
        let at = At::Unix(folder.0.join(name));
        while at.connect().is_err() {
            std::thread::yield_now();
        }
        at
    }

    fn end(mut self) {
        self.tell();
        assert!(self.child.wait().unwrap().success());
        let said: Vec<_> = self.err.by_ref().map(Result::unwrap).collect();
        assert_eq!(said, [""; 0]);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn snapshot(at: &At) -> Snapshot {
    Snapshot::from_json_slice(&at.get("/snapshot").unwrap()).unwrap()
}

#[test]
fn a_program_is_found_by_its_number() {
    let folder = Folder::new("pid");
    let mut program = Program::start("serving", "unix", &folder);
    assert_eq!(program.says(), "ready");
    let at = program.socket(&folder);
    let snapshot = snapshot(&at);
    assert_eq!(snapshot.pid(), program.child.id());
    assert_eq!(acquisitions(&snapshot, "jobs"), 300);
    assert_eq!(
        snapshot.table().shards,
        1,
        "the endpoint's threads have none"
    );
    assert!(snapshot.losses().is_empty());
    assert_eq!(
        at.ask("POST", "/config", "mode=exact").unwrap().1,
        br#"{"mode":"exact"}"#
    );
    assert_eq!(at.ask("POST", "/reset", "").unwrap().0, 204);
    let after = self::snapshot(&at);
    assert_eq!(
        (after.profiler_mode().to_string(), after.resets()),
        ("exact".into(), 1)
    );
    assert_eq!(acquisitions(&after, "jobs"), 0);
    program.end();
    let left = fs::read_dir(folder.0.join("lockprof")).unwrap().count();
    assert_eq!(left, 0, "the socket goes with its process");
}

/// Another constructor may run before the endpoint's.
#[cfg(target_os = "linux")]
#[test]
fn a_program_that_locks_before_main_is_served() {
    let folder = Folder::new("before-main");
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    command.env("CHILD_LOCKS_BEFORE_MAIN", "1");
    let mut program = Program::spawn(command, "serving", "unix", &folder);
    assert_eq!(program.says(), "ready");
    let snapshot = snapshot(&program.socket(&folder));
    assert_eq!(acquisitions(&snapshot, "jobs"), 301);
    program.end();
}

#[test]
fn a_port_that_is_free_is_said() {
    let folder = Folder::new("port");
    let mut program = Program::start("serving", "127.0.0.1:0", &folder);
    assert_eq!(program.says(), "ready");
    let at = program.port();
    assert_eq!(acquisitions(&snapshot(&at), "jobs"), 300);
    // For those who know the process and not the port.
    let link = folder
        .0
        .join(format!("lockprof/{}.url", program.child.id()));
    let At::Tcp(address) = at else {
        panic!("a port")
    };
    let url = fs::read_link(&link).unwrap();
    assert_eq!(url.to_str(), Some(&*format!("http://{address}")));
    program.end();
    assert!(
        fs::read_link(&link).is_err(),
        "the link goes with its process"
    );
}

#[test]
fn what_cannot_be_served_is_said_and_the_program_goes_on() {
    let folder = Folder::new("bad");
    let check = |place: &str, message: &str| {
        let mut program = Program::start("serving", place, &folder);
        assert_eq!(program.says(), "ready");
        assert_eq!(
            program.complains(),
            format!("lockprof: LOCKPROF_SERVE={message}: not serving")
        );
        program.end();
    };
    let unknown = "is not one of unix, unix:PATH, 127.0.0.1:PORT, remote:ADDR:PORT";
    check("yes", &format!("yes {unknown}"));
    check("", &format!(" {unknown}"));
    check(
        "0.0.0.0:80",
        "0.0.0.0:80 can be reached from other machines: say remote:0.0.0.0:80 if that is wanted",
    );
    check(
        "unix:/nonexistent/s",
        "unix:/nonexistent/s: /nonexistent/s: No such file or directory (os error 2)",
    );
    // Accessible to others.
    fs::create_dir(folder.0.join("lockprof")).unwrap();
    let directory = folder.0.join("lockprof").display().to_string();
    check(
        "unix",
        &format!(
            "unix: {directory} is open to other users: it must be a directory of this user's alone (mode 0700)"
        ),
    );
}

/// The child's copies of the sockets must not keep a client waiting: nobody would answer on them.
#[test]
fn a_forked_child_does_not_keep_its_parents_port() {
    let folder = Folder::new("fork");
    let mut program = Program::start("serving: fork", "127.0.0.1:0", &folder);
    assert_eq!(program.says(), "before");
    let at = program.port();
    program.tell();
    let child = program.says();
    assert_eq!(snapshot(&at).pid(), program.child.id());
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    // The child is alive: it waits for a line.
    assert!(fs::exists(format!("/proc/{child}")).unwrap() || cfg!(not(target_os = "linux")));
    // The child knows that it is one, but may not have closed its copy yet. It does that before
    // anything else.
    let started = std::time::Instant::now();
    while at.connect().is_ok() {
        let patience = std::time::Duration::from_secs(60);
        assert!(
            started.elapsed() < patience,
            "the parent's port is still in use"
        );
        std::thread::yield_now();
    }
    program.tell();
}

#[test]
fn a_forked_child_says_that_its_parent_has_the_place() {
    let folder = Folder::new("in-use");
    let path = folder.at("s").display().to_string();
    let place = format!("unix:{path}");
    let mut program = Program::start("serving: fork", &place, &folder);
    assert_eq!(program.says(), "before");
    let at = At::Unix(folder.at("s"));
    while at.connect().is_err() {
        std::thread::yield_now();
    }
    program.tell();
    program.says();
    assert_eq!(
        program.complains(),
        format!(
            "lockprof: LOCKPROF_SERVE={place}: {path} is in use by another server: not serving"
        )
    );
    assert_eq!(snapshot(&at).pid(), program.child.id());
    program.tell();
}

#[test]
fn a_forked_child_leaves_its_parents_socket() {
    let folder = Folder::new("leave");
    let mut program = Program::start("serving: fork", "unix", &folder);
    assert_eq!(program.says(), "before");
    let at = program.socket(&folder);
    program.tell();
    let child = program.says();
    program.tell();
    // A zombie: gone but not waited for. Its exit handlers have run.
    let state = || fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    while cfg!(target_os = "linux") && !state().contains(") Z") {
        std::thread::yield_now();
    }
    assert_eq!(snapshot(&at).pid(), program.child.id());
}

#[test]
fn a_server_ends_though_a_child_has_copies_of_its_files() {
    let folder = Folder::new("end");
    let mut program = Program::start("serving: end after fork", "unix", &folder);
    assert_eq!(program.says(), "child");
    program.tell();
    assert_eq!(program.says(), "ended");
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_that_is_forked_meanwhile_does_not_keep_the_place() {
    let folder = Folder::new("meanwhile");
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    command.arg("serving: fork meanwhile").arg(folder.at("s"));
    children::run(&mut command).expect_success();
}

#[cfg(not(feature = "deadlock_detection"))]
#[test]
fn an_allocator_under_a_lock_is_served_too() {
    let mut command = children::command(env!("CARGO_BIN_EXE_served-allocator"));
    children::run(&mut command).expect_success();
}

#[test]
fn handlers_that_a_request_calls_are_recorded() {
    let engine = engine(Mode::Counts);
    let server = engine.serve(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let at = At::Tcp(server.local_addr().unwrap());
    let mutex = mutex(&engine, "handler's");
    // A threshold that every hold passes. `Exact` has no budget.
    assert_eq!(
        engine.configure(
            Config::default()
                .mode(Mode::Exact)
                .hot_hold(std::time::Duration::ZERO)
                .hot_min_samples(1)
        ),
        Ok(())
    );
    let locked = Arc::clone(&mutex);
    engine.on_event(move |_| *locked.lock() += 1);
    *mutex.lock() += 1;
    assert_eq!(at.ask("POST", "/reset", "").unwrap().0, 204);
    // Once here, and once by the handler on the server's thread. The first is before the reset.
    assert_eq!(*mutex.lock(), 2);
    assert_eq!(acquisitions(&engine.snapshot(), "handler's"), 2);
    assert!(engine.snapshot().losses().is_empty());
}
