//! `cargo lockprof` on projects that know nothing of it: what they print, and that their files stay as they are.
//!
//! The projects share a target folder, so that the engine is built once; cargo's lock on it makes the tests take turns.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nexus_lockprof_snapshot::{AcquireMode, Snapshot};

/// Takes its arguments; says `ready`, and waits for a line, if one of them is `wait`; ends with 3.
const MAIN: &str = r#"
use std::io::Write;

static JOBS: parking_lot::Mutex<Vec<String>> = parking_lot::Mutex::new(Vec::new());

fn main() {
    for argument in std::env::args().skip(1) {
        JOBS.lock().push(argument);
    }
    let shared = parking_lot::RwLock::new(0);
    for _ in 0..1_000 {
        let _read = shared.read();
    }
    println!("{}", JOBS.lock().join(" "));
    if JOBS.lock().iter().any(|job| job == "wait") {
        println!("ready");
        let _ = std::io::stdout().flush();
        let _ = std::io::stdin().read_line(&mut String::new());
    }
    std::process::exit(3);
}

#[test]
fn locks() {
    JOBS.lock().push(String::new());
}
"#;

const MANIFEST: &str = r#"[package]
name = "victim"
version = "0.0.0"
edition = "2021"

[workspace]

[dependencies]
parking_lot = "0.12"
"#;

#[track_caller]
fn must<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error:?}"),
    }
}

struct Project {
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Project {
    /// A project of its own, in a new folder, with a lock file that has what this repository has.
    fn new(name: &str, main: &str) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        must(fs::create_dir_all(folder.join("src")));
        must(fs::write(folder.join("Cargo.toml"), MANIFEST));
        must(fs::write(folder.join("src/main.rs"), main));
        let project = Project {
            folder,
            _turn: turn,
        };
        project.lock();
        project
    }

    /// Makes the lock file: of this repository's, what the project needs. So nothing is needed that was not fetched for the
    /// tests themselves, whatever else the registry has.
    fn lock(&self) {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
        must(fs::copy(ours, self.folder.join("Cargo.lock")));
        let locked = self.cargo(&["update", "--workspace", "--offline"]);
        assert!(locked.status.success(), "{}", err(&locked));
    }

    fn cargo(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO"));
        command.args(args).current_dir(&self.folder);
        must(command.output())
    }

    fn lockprof(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-lockprof"));
        command.arg("lockprof").args(args);
        command.current_dir(&self.folder);
        command.env("CARGO", env!("CARGO"));
        for name in ["LOCKPROF", "LOCKPROF_OUT", "CARGO_TARGET_DIR"] {
            command.env_remove(name);
        }
        command.env(
            "CARGO_BUILD_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("target"),
        );
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        must(self.lockprof(args).output())
    }

    /// All files and what is in them.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in must(fs::read_dir(folder)) {
                let path = must(entry).path();
                if path.is_dir() {
                    collect(&path, files);
                } else {
                    files.insert(path.clone(), must(fs::read(&path)));
                }
            }
        }
        let mut files = BTreeMap::new();
        collect(&self.folder, &mut files);
        files
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_program_runs_as_ever_and_is_reported() {
    let project = Project::new("runs", MAIN);
    let before = project.files();
    let output = project.run(&["run", "--offline", "--", "one", "two words"]);
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert_eq!(out(&output), "one two words\n");
    let report = err(&output);
    for expected in [
        "profile of victim",
        "src/main.rs:8",
        "src/main.rs:12",
        "1.00k",
        "locks not seen",
    ] {
        assert!(report.contains(expected), "{expected} is not in {report}");
    }
    assert_eq!(project.files(), before);
}

#[test]
fn a_profile_goes_to_a_file() {
    let project = Project::new("out", MAIN);
    let output = project.run(&["run", "--out", "profile.json", "--offline", "--", "one"]);
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    let text = fs::read_to_string(project.folder.join("profile.json")).unwrap();
    let snapshot = Snapshot::from_json(&text).unwrap();
    let reads = |point: &&nexus_lockprof_snapshot::Point| point.mode == AcquireMode::Shared;
    let point = snapshot.points().iter().find(reads).unwrap();
    assert_eq!((point.acquisitions, point.site.line), (1_000, 12));
    assert!(!err(&output).contains("contended"), "{}", err(&output));
}

#[test]
fn a_build_that_fails_leaves_everything() {
    let project = Project::new("fails", "fn main() { nothing() }");
    let before = project.files();
    let output = project.run(&["run", "--offline"]);
    assert_eq!(output.status.code(), Some(101));
    assert!(
        err(&output).contains("cannot find function"),
        "{}",
        err(&output)
    );
    assert_eq!(project.files(), before);
}

#[test]
fn a_program_that_is_killed_leaves_its_last_profile() {
    let project = Project::new("killed", MAIN);
    let before = project.files();
    let profiles = Path::new(env!("CARGO_TARGET_TMPDIR")).join("target/lockprof/profiles");
    // Of a run that was killed with its report unwritten.
    let _ = fs::remove_dir_all(&profiles);
    let mut command = project.lockprof(&["run", "--offline", "--", "wait"]);
    command.env("LOCKPROF_EVERY", "10ms");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"));
    // The first profiles may be from before the program took a lock. One that is being written has another name.
    let written = || {
        let folders = fs::read_dir(&profiles).into_iter().flatten().flatten();
        folders
            .flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten())
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .filter_map(|path| Snapshot::from_json(&fs::read_to_string(path).ok()?).ok())
            .any(|snapshot| snapshot.points().iter().any(|point| point.site.line == 12))
    };
    while !written() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let mut report = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut report)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15), "{report}");
    assert!(report.contains("profile of victim"), "{report}");
    assert!(report.contains("src/main.rs:12"), "{report}");
    assert_eq!(project.files(), before);
}

/// Also one with tokio's locks in it: tokio is built from what is replaced, and must not be needed by what replaces it.
#[test]
fn a_program_is_asked_while_it_runs() {
    let project = Project::new("serves", MAIN);
    let tokio = "tokio = { version = \"1\", features = [\"parking_lot\", \"sync\"] }\n";
    fs::write(
        project.folder.join("Cargo.toml"),
        format!("{MANIFEST}{tokio}"),
    )
    .unwrap();
    project.lock();
    let before = project.files();
    // Short: the path of a socket may not be long.
    let socket = std::env::temp_dir().join(format!("lp-{}.sock", std::process::id()));
    let serve = format!("--serve=unix:{}", socket.display());
    let mut command = project.lockprof(&["run", &serve, "--offline", "--", "wait"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    if !lines.map_while(Result::ok).any(|line| line == "ready") {
        panic!("{}", err(&child.wait_with_output().unwrap()));
    }
    let mut stream = loop {
        match UnixStream::connect(&socket) {
            Ok(stream) => break stream,
            Err(_) => assert!(child.try_wait().unwrap().is_none()),
        }
        std::thread::yield_now();
    };
    stream
        .write_all(b"GET /snapshot HTTP/1.1\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let snapshot = Snapshot::from_json(body).unwrap();
    let reads = |point: &&nexus_lockprof_snapshot::Point| point.mode == AcquireMode::Shared;
    let point = snapshot.points().iter().find(reads).unwrap();
    assert_eq!((point.acquisitions, point.site.line), (1_000, 12));
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(!socket.exists());
    assert_eq!(project.files(), before);
}

#[test]
fn a_project_without_a_lock_file_has_none_after() {
    let project = Project::new("lockless", MAIN);
    fs::remove_file(project.folder.join("Cargo.lock")).unwrap();
    let before = project.files();
    let output = project.run(&["run", "--offline"]);
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert_eq!(project.files(), before);
}

#[test]
fn settings_of_the_users_own_do_not_undo_ours() {
    let project = Project::new("settings", MAIN);
    let before = project.files();
    let output = project.run(&[
        "run",
        "--offline",
        "--config",
        "build.jobs=1",
        "-Zunstable-options",
    ]);
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(
        err(&output).contains("profile of victim"),
        "{}",
        err(&output)
    );
    assert_eq!(project.files(), before);
}

#[test]
fn a_lock_file_that_is_not_up_to_date_is_refused_if_asked_for() {
    let project = Project::new("outdated", MAIN);
    let manifest = MANIFEST.replace("0.12", "0.13");
    fs::write(project.folder.join("Cargo.toml"), manifest).unwrap();
    let before = project.files();
    let output = project.run(&["run", "--offline", "--locked"]);
    assert_eq!(output.status.code(), Some(101));
    assert!(err(&output).contains("--locked"), "{}", err(&output));
    assert_eq!(project.files(), before);
}

#[test]
fn tests_are_profiled_too() {
    let project = Project::new("tests", MAIN);
    let output = project.run(&["test", "--offline"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).contains("1 passed"), "{}", out(&output));
    assert!(err(&output).contains("src/main.rs:25"), "{}", err(&output));
}

#[test]
fn parking_lot_of_the_projects_own_is_not_replaced_and_that_is_said() {
    let project = Project::new("own", MAIN);
    let own = project.folder.join("own/src");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("lib.rs"), "pub use std::sync::Once;").unwrap();
    let package = "[package]\nname = \"parking_lot\"\nversion = \"0.12.99\"\n[workspace]\n";
    fs::write(project.folder.join("own/Cargo.toml"), package).unwrap();
    let patch = "[patch.crates-io]\nparking_lot = { path = \"own\" }\n";
    fs::write(
        project.folder.join("Cargo.toml"),
        format!("{MANIFEST}\n{patch}"),
    )
    .unwrap();
    fs::write(project.folder.join("src/main.rs"), "fn main() {}").unwrap();
    assert!(
        project
            .cargo(&["update", "--offline", "-p", "parking_lot"])
            .status
            .success()
    );
    let output = project.run(&["run", "--offline"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(
        err(&output)
            .contains("parking_lot 0.12.99 (not from crates.io; used by victim 0.0.0 (^0.12))"),
        "{}",
        err(&output)
    );
}

/// Into the project's own build, for good.
#[test]
fn vendored() {
    let project = Project::new("vendored", MAIN);
    let output = project.run(&["vendor", "locks", "--offline"]);
    assert!(output.status.success(), "{}", err(&output));
    let lines = out(&output);
    assert!(lines.lines().count() <= 10, "{lines}");
    // As the manifest would name it, wherever this was called.
    assert!(
        lines.contains("path = \"locks/parking_lot-0.12."),
        "{lines}"
    );
    fs::write(
        project.folder.join("Cargo.toml"),
        format!("{MANIFEST}\n{lines}"),
    )
    .unwrap();
    must(fs::copy(
        project.folder.join("locks/Cargo.lock"),
        project.folder.join("Cargo.lock"),
    ));
    // Without a folder, options are cargo's.
    let again = project.run(&["vendor", "--offline"]);
    assert!(!again.status.success());
    assert!(
        err(&again).contains("is a profiled one already"),
        "{}",
        err(&again)
    );
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--offline", "--locked"])
        .current_dir(&project.folder);
    command.env(
        "CARGO_TARGET_DIR",
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("target"),
    );
    command.env("LOCKPROF_OUT", "profile.json");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    let text = fs::read_to_string(project.folder.join("profile.json")).unwrap();
    let snapshot = Snapshot::from_json(&text).unwrap();
    assert!(
        snapshot
            .points()
            .iter()
            .any(|point| point.acquisitions == 1_000)
    );
}

/// The project's own runner runs what it always does, however it was named.
#[test]
fn runners_of_the_projects_own() {
    let project = Project::new("runners", MAIN);
    let settings = project.folder.join(".cargo");
    fs::create_dir_all(&settings).unwrap();
    let script = project.folder.join("run.sh");
    fs::write(
        &script,
        "#!/bin/sh\necho runner \"$1\"\nshift\nexec \"$@\"\n",
    )
    .unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let host = out(&must(Command::new("rustc").arg("-vV").output()));
    let host = host
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let nested = project.folder.join("src");
    for (setting, said) in [
        (
            format!("[target.{host}]\nrunner = \"./run.sh text\""),
            "runner text",
        ),
        (
            format!("[target.{host}]\nrunner = [\"./run.sh\", \"a list\"]"),
            "runner a list",
        ),
        (
            "[target.'cfg(unix)']\nrunner = \"./run.sh cfg\"".to_owned(),
            "runner cfg",
        ),
        (
            "[target.'cfg(windows)']\nrunner = \"./nothing\"".to_owned(),
            "one",
        ),
    ] {
        fs::write(settings.join("config.toml"), &setting).unwrap();
        // What is the program's is not cargo's.
        let mut command =
            project.lockprof(&["run", "--offline", "--", "one", "--config", "x.toml"]);
        let output = must(command.current_dir(&nested).output());
        assert_eq!(output.status.code(), Some(3), "{setting}: {}", err(&output));
        assert!(out(&output).contains(said), "{setting}: {}", out(&output));
        assert!(out(&output).contains("one --config x.toml"), "{setting}");
        assert!(
            err(&output).contains("profile of victim"),
            "{setting}: {}",
            err(&output)
        );
    }
    let given = format!("target.{host}.runner='./run.sh option'");
    let output = project.run(&["run", "--offline", "--config", &given]);
    assert_eq!(output.status.code(), Some(101));
    assert!(
        err(&output).contains("is given by --config"),
        "{}",
        err(&output)
    );
}

/// Whoever changes the lock file while the program runs keeps the change.
#[test]
fn a_lock_file_that_is_changed_meanwhile_stays_changed() {
    let project = Project::new("changed", MAIN);
    let mut command = project.lockprof(&["run", "--offline", "--", "wait"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"));
    let lock = project.folder.join("Cargo.lock");
    let changed = fs::read_to_string(&lock).unwrap() + "# changed\n";
    fs::write(&lock, &changed).unwrap();
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(
        err(&output).contains("profile of victim"),
        "{}",
        err(&output)
    );
    assert_eq!(fs::read_to_string(&lock).unwrap(), changed);
}

/// A version that the project has replaced itself is left alone; another is profiled.
#[test]
fn a_patch_of_the_projects_own_stays() {
    let project = Project::new("forked", MAIN);
    let own = project.folder.join("own/src");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("lib.rs"), "pub fn of_the_fork() {}").unwrap();
    let package = "[package]\nname = \"parking_lot\"\nversion = \"0.11.99\"\n[workspace]\n";
    fs::write(project.folder.join("own/Cargo.toml"), package).unwrap();
    let more = "old = { package = \"parking_lot\", version = \"0.11\" }\n\
        [patch.crates-io]\nparking_lot = { path = \"own\" }\n";
    fs::write(
        project.folder.join("Cargo.toml"),
        format!("{MANIFEST}{more}"),
    )
    .unwrap();
    let main = MAIN.replace("fn main() {", "fn main() {\n    old::of_the_fork();");
    fs::write(project.folder.join("src/main.rs"), main).unwrap();
    project.lock();
    let output = project.run(&["run", "--offline"]);
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(
        err(&output).contains("profile of victim"),
        "{}",
        err(&output)
    );
    assert!(
        err(&output).contains("parking_lot 0.11.99 (not from crates.io"),
        "{}",
        err(&output)
    );
}

/// What is only there for examples and tests is profiled where they are built.
#[test]
fn examples_have_the_dependencies_of_tests() {
    let project = Project::new("examples", "fn main() {}");
    let manifest = MANIFEST.replace("[dependencies]", "[dev-dependencies]");
    fs::write(project.folder.join("Cargo.toml"), manifest).unwrap();
    fs::create_dir_all(project.folder.join("examples")).unwrap();
    fs::write(project.folder.join("examples/locks.rs"), MAIN).unwrap();
    let output = project.run(&["run", "--offline", "--example", "locks"]);
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(
        err(&output).contains("examples/locks.rs:12"),
        "{}",
        err(&output)
    );
}

/// Before anything is built.
#[test]
fn a_profile_that_could_not_be_kept_is_refused() {
    let project = Project::new("unkept", MAIN);
    for (arguments, said) in [
        (["run", "--out", "no/folder.json"], "there is no folder no"),
        (["run", "--out", "src"], "--out src is a folder"),
        (["build", "--out", "profile.json"], "build runs none"),
        (["build", "--mode", "exact"], "build runs none"),
    ] {
        let output = project.run(&arguments);
        assert_eq!(output.status.code(), Some(101), "{arguments:?}");
        assert!(
            err(&output).contains(said),
            "{arguments:?}: {}",
            err(&output)
        );
        assert!(!err(&output).contains("Compiling"), "{arguments:?}");
    }
}

/// Another member of the workspace is none of this program's business.
#[test]
fn only_what_is_built_counts() {
    let project = Project::new("members", MAIN);
    let other = project.folder.join("other/src");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("lib.rs"), "").unwrap();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nexus-lockprof");
    let package = format!(
        "[package]\nname = \"other\"\nversion = \"0.0.0\"\n[dependencies]\nnexus-lockprof = {{ path = {ours:?} }}\n"
    );
    fs::write(project.folder.join("other/Cargo.toml"), package).unwrap();
    let manifest = MANIFEST.replace("[workspace]", "[workspace]\nmembers = [\"other\"]");
    fs::write(project.folder.join("Cargo.toml"), manifest).unwrap();
    project.lock();
    for package in [&[][..], &["-p", "victim"]] {
        let output = project.run(&[&["run", "--offline"], package].concat());
        assert_eq!(output.status.code(), Some(3), "{}", err(&output));
        assert!(
            err(&output).contains("profile of victim"),
            "{}",
            err(&output)
        );
    }
    let output = project.run(&["build", "--offline", "--workspace"]);
    assert_eq!(output.status.code(), Some(101));
    assert!(
        err(&output).contains("uses nexus-lockprof 0.1.0 itself"),
        "{}",
        err(&output)
    );
}

#[test]
fn what_is_no_project_is_named() {
    let project = Project::new("nothing", MAIN);
    fs::remove_file(project.folder.join("Cargo.toml")).unwrap();
    let output = project.run(&["run", "--offline", "--manifest-path", "nowhere/Cargo.toml"]);
    assert_eq!(output.status.code(), Some(101));
    assert!(
        err(&output).contains("nowhere/Cargo.toml"),
        "{}",
        err(&output)
    );
}
