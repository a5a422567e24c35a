//! Cargo's commands, and the files that they leave.

use crate::support::{MAIN, MANIFEST, Project, err, must, out};
use nexus_lockprof_snapshot::{AcquireMode, Snapshot};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

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
        "not seen",
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
    // Left by a run that was killed before its report.
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
            .filter(|path| path.extension().is_some_and(|ending| ending == "lockprof"))
            .filter_map(|path| Snapshot::read_file(path).ok())
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

/// Also a program with tokio's locks. Tokio is built on locks that we replace, so our replacements
/// must not need it.
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
    // A socket's path must be short.
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
    let output = project.run(&["run", "--offline", "--config", "build.jobs=1"]);
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

/// The project's own runner runs, whichever way it was named.
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
        // `--config` after the dashes is the program's, not cargo's.
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
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(out(&output).contains("runner option"), "{}", out(&output));
    assert!(err(&output).contains("profile of victim"));
}

/// A lock file that changes while the program runs stays changed.
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

/// A crate that the project itself replaced is left alone; another version of it is profiled.
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
        err(&output).contains("parking_lot 0.11.99 (its stand-in does not compile"),
        "{}",
        err(&output)
    );
}

/// Dependencies of only examples and tests are profiled when those are built.
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

/// Refused before anything is built.
#[test]
fn a_profile_that_could_not_be_kept_is_refused() {
    let project = Project::new("unkept", MAIN);
    for (arguments, said) in [
        (["run", "--out", "no/folder.json"], "there is no folder no"),
        (["run", "--out", "src"], "--out src is a folder"),
        (["build", "--out", "profile.json"], "this command runs none"),
        (["build", "--mode", "exact"], "this command runs none"),
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
