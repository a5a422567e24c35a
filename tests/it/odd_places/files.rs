//! `LOCKPROF_OUT`: which file it writes, and that no process's data is lost.

use super::folder::Folder;
use super::*;
use nexus_lockprof_tests::children::{self, Ended};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

fn child() -> Command {
    children::command(env!("CARGO_BIN_EXE_child"))
}

/// How often each of the two locks was taken, according to the file.
fn counts(folder: &Folder, name: &str) -> [u64; 2] {
    let read = Snapshot::read_json_file(folder.at(name));
    let snapshot = read.unwrap_or_else(|error| panic!("{error}"));
    ["parent's", "child's"].map(|lock| acquisitions(&snapshot, lock))
}

#[test]
fn a_relative_name_is_relative_to_where_the_program_started() {
    for (before, after) in [(".", "/"), ("/", "/")] {
        let folder = Folder::new("chdir");
        let mut command = child();
        command.args(["files: chdir", before, after]);
        command.current_dir(&folder.0).env("LOCKPROF_OUT", "x.json");
        let ended = children::run(&mut command);
        ended.expect_success();
        assert_eq!(ended.stderr, "", "{before}");
        assert_eq!(counts(&folder, "x.json"), [1, 0], "{before}");
    }
}

/// Runs the program that starts itself twice. Returns its output and the content of the files.
fn family(when: &str) -> (Ended, Vec<(String, [u64; 2])>) {
    let folder = Folder::new(when);
    let mut command = child();
    command.args(["files: parent", when]);
    let ended = children::run(command.env("LOCKPROF_OUT", folder.at("x.json")));
    let files = folder.files().into_iter();
    let files = files.map(|name| {
        let counts = counts(&folder, &name);
        (name, counts)
    });
    (ended, files.collect())
}

/// A child has a copy of its parent's memory, including the counts. It must not report the
/// parent's.
#[test]
fn a_forked_child_tells_what_it_did_itself() {
    let expected = [
        ("first locks", Some(100)),
        ("first tries", Some(23)),
        ("only tries", Some(7)),
        ("nothing", None),
        ("thread", Some(40)),
        ("many at once", Some(400)),
        ("signals blocked", Some(9)),
        ("a snapshot first", Some(11)),
        ("grandchild", Some(6)),
        ("of it", Some(6)),
    ];
    for mode in ["counts", "sampled", "exact"] {
        let folder = Folder::new("forks");
        let mut command = child();
        command.arg("files: forks").env("LOCKPROF", mode);
        let ended = children::run(command.env("LOCKPROF_OUT", folder.at("x.json")));
        ended.expect_success();
        assert_eq!(counts(&folder, "x.json"), [18, 0], "{mode}");
        let mut files = 1;
        for line in ended.stderr.lines() {
            let (pid, name) = line.split_once(' ').unwrap_or_default();
            let (_, times) = expected.iter().find(|child| child.0 == name).unwrap();
            let path = folder.at(format!("x.json.{pid}"));
            let snapshot = path
                .exists()
                .then(|| Snapshot::read_json_file(&path).unwrap());
            let told = snapshot
                .as_ref()
                .map(|snapshot| acquisitions(snapshot, "parent's"));
            assert_eq!(told, *times, "{name}, {mode}");
            files += u64::from(told.is_some());
            if let Some(snapshot) = snapshot {
                let point = snapshot.points_of("parent's").next().unwrap();
                assert!(
                    point.hold.events + point.hold.unmeasured <= times.unwrap(),
                    "{name}: {point:?}"
                );
                // The child's tries before its first lock are forgotten with the parent's.
                assert!(snapshot.losses().is_empty(), "{name}: {snapshot}");
            }
        }
        assert_eq!(ended.stderr.lines().count(), expected.len());
        assert_eq!(folder.files().len() as u64, files, "{mode}");
    }
}

#[test]
fn a_parent_and_its_children_have_a_file_each() {
    let (ended, files) = family("first");
    ended.expect_success();
    let [(parents, [1, 0]), (one, [0, 1000]), (other, [0, 1000])] = &files[..] else {
        panic!("{files:?}")
    };
    assert_eq!(parents, "x.json");
    for name in [one, other] {
        assert!(name.starts_with("x.json."), "{name}");
    }
    // Each child has printed where it writes.
    let said = ended.complaints();
    assert_eq!(said.len(), 2, "{said:?}");
    for name in [one, other] {
        let ending = "x.json is another's: writing to ";
        assert!(
            said.iter()
                .any(|line| line.contains(ending) && line.ends_with(name))
        );
    }
}

#[test]
fn a_parent_that_locks_last_does_not_replace_its_childrens_file() {
    let (ended, files) = family("last");
    ended.expect_success();
    let mut counts: Vec<_> = files.iter().map(|(_, counts)| *counts).collect();
    counts.sort_unstable();
    assert_eq!(counts, [[0, 1000], [0, 1000], [1, 0]], "{files:?}");
    assert_eq!(files[0].0, "x.json");
}

#[test]
fn a_parent_that_is_killed_takes_nothing_along() {
    let (ended, files) = family("killed");
    assert!(!ended.status.success());
    let counts: Vec<_> = files.iter().map(|(_, counts)| *counts).collect();
    assert_eq!(counts, [[0, 1000], [0, 1000]], "{files:?}");
}

#[test]
fn a_run_replaces_the_file_of_the_one_before() {
    let folder = Folder::new("loop");
    for _ in 0..20 {
        let mut command = child();
        command.args(["files: chdir", ".", "."]);
        let ended = children::run(command.env("LOCKPROF_OUT", folder.at("x.json")));
        ended.expect_success();
        assert_eq!(ended.stderr, "");
    }
    assert_eq!(folder.files(), ["x.json"]);
}

#[test]
fn what_a_process_wanted_is_free_when_it_was_killed() {
    let folder = Folder::new("killed-claim");
    let mut first = child();
    first
        .arg("files: child")
        .env("LOCKPROF_OUT", folder.at("x.json"));
    let mut first = first
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Waits until it has locked.
    let mut ready = [0];
    std::io::Read::read_exact(&mut first.stdout.take().unwrap(), &mut ready).unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(folder.files(), [""; 0]);
    let mut command = child();
    command.args(["files: chdir", ".", "."]);
    let ended = children::run(command.env("LOCKPROF_OUT", folder.at("x.json")));
    assert_eq!(ended.stderr, "");
    assert_eq!(folder.files(), ["x.json"]);
}

/// Exits with 7 as without a profiler, or with 8 if it has no special rights.
fn once(command: &mut Command) -> Ended {
    let ended = children::run(command.arg("files: once"));
    let code = ended.status.code();
    assert!(
        matches!(code, Some(7 | 8)),
        "{}: {}",
        ended.status,
        ended.stderr
    );
    ended
}

#[test]
fn a_pipe_that_nobody_reads_does_not_keep_the_program_from_ending() {
    let folder = Folder::new("pipe");
    let pipe = folder.at("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let ended = once(child().env("LOCKPROF_OUT", &pipe));
    let name = pipe.display();
    assert_eq!(
        ended.complaints(),
        [format!(
            "lockprof: LOCKPROF_OUT: {name}: nobody reads it: the snapshot is not written"
        )]
    );
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read(pipe).unwrap()
    });
    // Once it is open, there is a reader.
    let keep = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let ended = once(child().env("LOCKPROF_OUT", &pipe));
    drop(keep);
    assert_eq!(ended.stderr, "");
    let snapshot = Snapshot::from_json_slice(&reader.join().unwrap()).unwrap();
    assert_eq!(acquisitions(&snapshot, "parent's"), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn the_standard_output_keeps_what_the_program_wrote() {
    let folder = Folder::new("stdout");
    let mut command = child();
    command.args(["files: child"]).stdin(Stdio::null());
    let log = File::create(folder.at("log")).unwrap();
    let status = command
        .env("LOCKPROF_OUT", "/dev/stdout")
        .stdout(log)
        .status();
    assert!(status.unwrap().success());
    let log = fs::read_to_string(folder.at("log")).unwrap();
    let (own, ours) = log.split_once('\n').unwrap();
    assert_eq!(own, "");
    let snapshot = Snapshot::from_json(ours).unwrap();
    assert_eq!(acquisitions(&snapshot, "child's"), 1000);
    let ended = once(child().env("LOCKPROF_OUT", "/dev/null"));
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_limit_of_a_files_size_does_not_end_the_program() {
    let folder = Folder::new("limit");
    let mut command = child();
    command.env("LOCKPROF_OUT", folder.at("x.json"));
    // SAFETY: sets a limit of the child.
    unsafe {
        command.pre_exec(|| {
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            match libc::setrlimit(libc::RLIMIT_FSIZE, &raw const none) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let ended = once(&mut command);
    let [complaint] = ended.complaints()[..] else {
        panic!("{}", ended.stderr)
    };
    assert!(complaint.contains("File too large"), "{complaint}");
    assert_eq!(folder.files(), [""; 0]);
}

/// Copies a program. In a process of its own: one that another test forks meanwhile would have the
/// copy open for writing, and the kernel executes no such file ("text file busy").
#[cfg(target_os = "linux")]
fn copy_program(from: &str, to: &std::path::Path) {
    let status = Command::new("cp").arg(from).arg(to).status().unwrap();
    assert!(status.success(), "{status}");
}

/// A set-user-ID copy of the program, run by a user with fewer rights. It writes nothing where only
/// its owner may, and nothing at all.
#[cfg(target_os = "linux")]
#[test]
fn a_set_user_id_program_ignores_the_environment() {
    use std::os::unix::fs::PermissionsExt;
    const NOBODY: u32 = 65_534;
    // SAFETY: only asks for the user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("NOT RUN: only root can make a set-user-ID program that is another user's");
        return;
    }
    let folder = Folder::new("setuid");
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.at("program");
    copy_program(env!("CARGO_BIN_EXE_child"), &program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    let out = folder.at("out");
    fs::create_dir(&out).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).unwrap();
    let run = || {
        let mut command = children::command(&program.display().to_string());
        command
            .uid(NOBODY)
            .gid(NOBODY)
            .env("XDG_RUNTIME_DIR", &out)
            .env("LOCKPROF_OUT", out.join("x.json"))
            .env("LOCKPROF_EVERY", "1ms")
            .env("LOCKPROF", "loud")
            .env("LOCKPROF_BUDGET", "lots")
            .env("LOCKPROF_STACKS", "maybe")
            .env(
                "LOCKPROF_SERVE",
                format!("unix:{}", out.join("s").display()),
            );
        once(&mut command)
    };
    let ended = run();
    if ended.status.code() == Some(8) {
        eprintln!(
            "NOT RUN: set-user-ID has no effect in {}",
            folder.0.display()
        );
        return;
    }
    assert_eq!(ended.stderr, "");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    // Without the bit, the same program does as it is told.
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let ended = run();
    assert_eq!(ended.status.code(), Some(8));
    assert!(out.join("x.json").exists());
    assert!(ended.complaints().len() >= 2, "{}", ended.stderr);
}
