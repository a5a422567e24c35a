//! Projects and target folders in odd places.

use crate::support::{MAIN, MANIFEST, Project, err, must, out};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// A target folder may be outside the project, by a path with `..`.
#[test]
fn a_target_folder_beside_the_project() {
    let project = Project::new("beside/project", MAIN);
    let target = project.folder.join("../elsewhere");
    let _ = fs::remove_dir_all(&target);
    let before = project.files();
    let report = project.ends(3, &["run", "--offline", "--target-dir", "../elsewhere"]);
    assert!(report.contains("src/main.rs:12"), "{report}");
    for (name, value) in [
        ("CARGO_TARGET_DIR", "../elsewhere"),
        ("CARGO_BUILD_TARGET_DIR", "../elsewhere/."),
    ] {
        let mut command = project.lockprof(&["run", "--offline"]);
        let output = must(
            command
                .env_remove("CARGO_BUILD_TARGET_DIR")
                .env(name, value)
                .output(),
        );
        assert!(
            err(&output).contains("src/main.rs:12"),
            "{name}: {}",
            err(&output)
        );
    }
    assert!(target.join("lockprof/build/debug/victim").is_file());
    assert_eq!(project.files(), before);
}

#[test]
fn a_path_with_spaces_and_other_letters() {
    let project = Project::new("an ö ☃ 'place'", MAIN);
    let mut command = project.lockprof(&["run", "--offline"]);
    let output = must(command.env_remove("CARGO_BUILD_TARGET_DIR").output());
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(err(&output).contains("src/main.rs:12"), "{}", err(&output));
}

/// The build goes elsewhere if the user may not write to the project. Root may write everywhere.
#[test]
fn a_project_that_is_read_only() {
    let project = Project::new("read-only", MAIN);
    let before = project.files();
    must(fs::set_permissions(
        &project.folder,
        fs::Permissions::from_mode(0o555),
    ));
    let report = project.ends(3, &["run", "--offline"]);
    must(fs::set_permissions(
        &project.folder,
        fs::Permissions::from_mode(0o755),
    ));
    assert!(report.contains("src/main.rs:12"), "{report}");
    assert_eq!(project.files(), before);
}

#[test]
fn two_at_once() {
    let project = Project::new("two", MAIN);
    let start = || {
        let mut command = project.lockprof(&["run", "--offline"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        must(command.spawn())
    };
    for child in [start(), start()] {
        let output = must(child.wait_with_output());
        assert_eq!(output.status.code(), Some(3), "{}", err(&output));
        assert!(err(&output).contains("src/main.rs:12"), "{}", err(&output));
        assert!(
            err(&output).contains("profile of victim (pid"),
            "{}",
            err(&output)
        );
    }
}

/// A program that itself runs cargo gets a normal build, in its own target folder.
#[test]
fn a_program_that_runs_cargo() {
    let main = r#"
fn main() {
    *parking_lot::Mutex::new(0).lock() += 1;
    let inner = concat!(env!("CARGO_MANIFEST_DIR"), "/inner/Cargo.toml");
    let mut command = std::process::Command::new("cargo");
    command.args(["run", "-q", "--offline", "--manifest-path", inner, "--target-dir", "inner/target"]);
    let status = command.status().unwrap();
    std::process::exit(status.code().unwrap_or(1));
}
"#;
    let project = Project::with(
        "outer",
        &MANIFEST.replace("[workspace]", "[workspace]\nexclude = [\"inner\"]"),
        main,
    );
    project.write(
        "inner/Cargo.toml",
        "[package]\nname = \"inner\"\nedition = \"2021\"\n[workspace]\n",
    );
    project.write(
        "inner/src/main.rs",
        "fn main() { drop(std::sync::Mutex::new(0).lock()); std::process::exit(5) }",
    );
    let report = project.ends(5, &["run", "--offline"]);
    assert!(report.contains("profile of victim (pid"), "{report}");
    let inner = must(fs::read(project.folder.join("inner/target/debug/inner")));
    let is_profiled = inner.windows(14).any(|part| part == b"nexus_lockprof");
    assert!(!is_profiled, "the inner program was profiled");
}

/// Runs git, without the settings of the user who runs the tests.
#[track_caller]
fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    for setting in [
        "user.name=tests",
        "user.email=tests",
        "protocol.file.allow=always",
    ] {
        command.args(["-c", setting]);
    }
    command.args(args).current_dir(folder);
    // Tests may run in a git hook.
    for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = must(command.output());
    assert!(output.status.success(), "{args:?}: {}", err(&output));
    out(&output)
}

/// Makes a folder into a repository, and commits all its files.
fn commit(folder: &Path) {
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "all"]);
}

/// A dependency is a submodule. Both repositories stay unchanged, and both can be profiled.
#[test]
fn a_submodule() {
    let project = Project::new(
        "modules/project",
        "fn main() { helper::lock(); drop(std::sync::Mutex::new(0).lock()); }",
    );
    let original = project.folder.join("../original");
    let _ = fs::remove_dir_all(&original);
    must(fs::create_dir_all(&original));
    project.write(
        "../original/Cargo.toml",
        "[package]\nname = \"helper\"\nversion = \"1.2.3\"\nedition = \"2021\"\n[workspace]\n",
    );
    project.write(
        "../original/src/lib.rs",
        "pub fn lock() { drop(std::sync::Mutex::new(0).lock()) }\n#[test]\nfn locks() { lock() }",
    );
    commit(&original);
    git(&project.folder, &["init", "--quiet"]);
    git(
        &project.folder,
        &["submodule", "--quiet", "add", "../original", "helper"],
    );
    project.write(
        "Cargo.toml",
        &format!("{MANIFEST}helper = {{ path = \"helper\" }}\n")
            .replace("[workspace]", "[workspace]\nexclude = [\"helper\"]"),
    );
    project.lock();
    commit(&project.folder);
    let before = project.files();
    let report = project.ends(0, &["run", "--offline"]);
    for line in ["src/main.rs:1", "helper/src/lib.rs:1"] {
        assert!(report.contains(line), "{line}: {report}");
    }
    // In the submodule, which has no lock file.
    let mut command = project.lockprof(&["test", "--offline"]);
    let output = must(command.current_dir(project.folder.join("helper")).output());
    assert!(err(&output).contains("src/lib.rs:1"), "{}", err(&output));
    assert_eq!(project.files(), before);
    assert_eq!(git(&project.folder, &["status", "--porcelain"]), "");
}

/// A second checkout of a repository, where `.git` is a file.
#[test]
fn a_worktree() {
    let project = Project::new("trees/project", MAIN);
    commit(&project.folder);
    let tree = project.folder.join("../tree");
    let _ = fs::remove_dir_all(&tree);
    git(
        &project.folder,
        &["worktree", "add", "--quiet", "--detach", "../tree"],
    );
    let mut command = project.lockprof(&["run", "--offline", "--locked"]);
    // Its own target folder, which git ignores.
    must(fs::write(
        project.folder.join(".git/info/exclude"),
        "target\n",
    ));
    command.env_remove("CARGO_BUILD_TARGET_DIR");
    let output = must(command.current_dir(&tree).output());
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(err(&output).contains("src/main.rs:12"), "{}", err(&output));
    assert!(tree.join("target/lockprof/build/debug/victim").is_file());
    assert_eq!(git(&tree, &["status", "--porcelain"]), "");
    assert_eq!(git(&project.folder, &["status", "--porcelain"]), "");
}
