//! How programs end, and which profiles they leave.

use super::support::{Project, err, must};
use nexus_lockprof_snapshot::Snapshot;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Locks 5 times in one thread, then ends as its argument says.
const PROGRAM: &str = r#"
use std::sync::Mutex;

extern "C" {
    fn fork() -> i32;
    fn setsid() -> i32;
    fn close(fd: i32) -> i32;
    fn _exit(code: i32) -> !;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
}

fn locks(n: u32) {
    let lock = Mutex::new(0);
    for _ in 0..n {
        *lock.lock().unwrap() += 1;
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let how = arguments.next().unwrap();
    locks(5);
    match how.as_str() {
        "exit" => std::process::exit(3),
        "_exit" => unsafe { _exit(4) },
        "abort" => std::process::abort(),
        "fork" => unsafe {
            let child = fork();
            locks(if child == 0 { 100 } else { 10 });
            if child != 0 {
                waitpid(child, &mut 0, 0);
            }
        },
        "daemon" => unsafe {
            if fork() != 0 {
                return;
            }
            setsid();
            if fork() != 0 {
                _exit(0);
            }
            for fd in 0..3 {
                close(fd);
            }
            locks(1_000);
            let go = arguments.next().unwrap();
            while !std::path::Path::new(&go).exists() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        },
        _ => unreachable!(),
    }
}
"#;

const MANIFEST: &str =
    "[package]\nname = \"victim\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n";

#[test]
fn what_is_missing_is_said() {
    let project = Project::with("endings", MANIFEST, PROGRAM);
    let said = project.ends(3, &["run", "--quiet", "exit"]);
    assert!(said.contains("1 point, 5 acquisitions"), "{said}");
    assert!(!said.contains("ended by"), "{said}");
    // Cargo got `--target-dir`, and the program did not.
    assert!(!project.folder.join("target").exists());
    for (how, code) in [("_exit", 4), ("abort", 101)] {
        let output = project.run(&["run", "--quiet", how]);
        let said = err(&output);
        // Cargo turns a signal into its own exit code.
        assert!(
            output.status.code() == Some(code) || how == "abort",
            "{said}"
        );
        assert!(
            said.contains("was ended by a signal, abort, _exit or exec, and left no profile"),
            "{said}"
        );
    }
    // Each process writes its own profile.
    let said = project.ends(0, &["run", "--quiet", "fork"]);
    assert!(
        said.contains("victim (2 processes)") && said.contains("115 acquisitions"),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_daemon_goes_on() {
    let project = Project::with("daemon", MANIFEST, PROGRAM);
    let go = project.folder.join("go");
    let said = project.ends(0, &["run", "--quiet", "daemon", &go.to_string_lossy()]);
    assert!(said.contains("5 acquisitions"), "{said}");
    let (_, folder) = said
        .split_once("still runs: its profile will be in ")
        .unwrap_or_default();
    let folder = PathBuf::from(folder.lines().next().unwrap_or_default());
    assert!(folder.is_absolute(), "{said}");
    must(fs::write(&go, ""));
    let since = Instant::now();
    let is_whole = || {
        let profiles = must(fs::read_dir(&folder)).map(|entry| must(entry).path());
        let profiles =
            profiles.filter(|path| path.extension().is_some_and(|ending| ending == "lockprof"));
        let snapshots = profiles.filter_map(|path| Snapshot::read_file(path).ok());
        snapshots
            .into_iter()
            .any(|snapshot| snapshot.table().acquisitions == 1_000)
    };
    while !is_whole() {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "no profile in {}",
            folder.display()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    must(fs::remove_dir_all(&folder));
}

/// Build scripts are not profiled. They are known by their names.
#[test]
fn a_program_is_called_as_build_scripts_are() {
    let manifest =
        format!("{MANIFEST}[[bin]]\nname = \"build-script-tool\"\npath = \"src/main.rs\"\n");
    let main = "fn locks(n: u32) {\n    let lock = std::sync::Mutex::new(0);\n    (0..n).for_each(|_| drop(lock.lock()));\n}\n\
        fn main() {\n    locks(5);\n}\n#[test]\nfn test() {\n    locks(7);\n}\n";
    let project = Project::with("script", &manifest, main);
    project.write(
        "build.rs",
        "fn main() { drop(std::sync::Mutex::new(0).lock()) }",
    );
    let said = project.ends(0, &["run", "--quiet"]);
    assert!(said.contains("1 point, 5 acquisitions"), "{said}");
    let said = project.ends(0, &["test", "--quiet"]);
    assert!(said.contains("1 point, 7 acquisitions"), "{said}");
}
