//! Projects and target folders in odd places.

use crate::support::{MAIN, MANIFEST, Project, err, must};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

/// What is above a target folder is no part of its name.
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

/// A user who may not write there has a target folder elsewhere; root may write everywhere.
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

/// What a program that runs cargo builds is built as ever, in its own target folder.
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
