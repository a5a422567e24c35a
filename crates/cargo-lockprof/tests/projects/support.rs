//! Projects that know nothing of us.
//!
//! They share a target folder, so that dependencies are built once, and a cache folder for the
//! runtime. They run one at a time.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Prints its arguments. If one of them is `wait`, says `ready` and waits for a line. Exits with 3.
pub(crate) const MAIN: &str = r#"
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

pub(crate) const MANIFEST: &str = r#"[package]
name = "victim"
version = "0.0.0"
edition = "2021"

[workspace]

[dependencies]
parking_lot = "0.12"
"#;

#[track_caller]
pub(crate) fn must<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error:?}"),
    }
}

pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Project {
    /// A project in a new folder, with versions from this repository's lock file.
    pub(crate) fn new(name: &str, main: &str) -> Self {
        Self::with(name, MANIFEST, main)
    }

    /// The same with another manifest.
    pub(crate) fn with(name: &str, manifest: &str, main: &str) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        must(fs::create_dir_all(folder.join("src")));
        must(fs::write(folder.join("Cargo.toml"), manifest));
        must(fs::write(folder.join("src/main.rs"), main));
        let project = Project {
            folder,
            _turn: turn,
        };
        project.lock();
        project
    }

    /// Makes the project's lock file from this repository's. So the project needs only crates that
    /// were fetched for the tests themselves.
    pub(crate) fn lock(&self) {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
        must(fs::copy(ours, self.folder.join("Cargo.lock")));
        let locked = self.cargo(&["update", "--workspace", "--offline"]);
        assert!(locked.status.success(), "{}", err(&locked));
    }

    pub(crate) fn cargo(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO"));
        command.args(args).current_dir(&self.folder);
        must(command.output())
    }

    pub(crate) fn lockprof(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-lockprof"));
        command.arg("lockprof").args(args);
        command.current_dir(&self.folder);
        command.env("CARGO", env!("CARGO"));
        for name in [
            "LOCKPROF",
            "LOCKPROF_OUT",
            "CARGO_TARGET_DIR",
            "RUSTC_WRAPPER",
        ] {
            command.env_remove(name);
        }
        command.env(
            "LOCKPROF_CACHE",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
        );
        command.env(
            "CARGO_BUILD_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("target"),
        );
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        must(self.lockprof(args).output())
    }

    /// Runs a command, which must exit with `code`. Returns its stderr.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}: {}",
            err(&output)
        );
        err(&output)
    }

    /// Writes a file of the project.
    #[track_caller]
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.folder.join(name);
        must(fs::create_dir_all(path.parent().unwrap_or(&path)));
        must(fs::write(path, content));
    }

    /// Writes a script of the project.
    #[track_caller]
    pub(crate) fn script(&self, name: &str, content: &str) {
        self.write(name, content);
        let path = self.folder.join(name);
        must(fs::set_permissions(path, fs::Permissions::from_mode(0o755)));
    }

    /// All files and their contents.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
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

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
