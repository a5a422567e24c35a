//! Ways of building: wrappers, runners, settings, toolchains, targets.

use crate::support::{MAIN, MANIFEST, Project, err, must, out};
use nexus_lockprof_snapshot::Snapshot;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Macros and build scripts take locks too, and are not in the profile. Warnings are errors, and
/// the edition is 2015.
#[test]
fn macros_build_scripts_and_an_old_edition() {
    let manifest = "[package]\nname = \"victim\"\nversion = \"0.0.0\"\nbuild = \"build.rs\"\n[workspace]\n[dependencies]\nmacros = { path = \"macros\" }\n\
        helper = { path = \"helper\" }\n[build-dependencies]\nhelper = { path = \"helper\" }\n";
    let main = "#![deny(warnings)]\n#[macro_use]\nextern crate macros;\nextern crate helper;\nuse std::sync::Mutex;\n\
        fn main() {\n    let lock = Mutex::new(answer!());\n    assert_eq!(*lock.lock().unwrap(), 42);\n    helper::lock();\n}\n";
    let project = Project::new("parts", main);
    project.write("Cargo.toml", manifest);
    project.write("build.rs", "extern crate helper;\nfn main() {\n    helper::lock();\n    drop(std::sync::Mutex::new(0).lock());\n}");
    project.write(
        "helper/Cargo.toml",
        "[package]\nname = \"helper\"\nversion = \"0.0.0\"\n",
    );
    project.write(
        "helper/src/lib.rs",
        "use std::sync::Mutex;\npub fn lock() { drop(Mutex::new(0).lock()) }",
    );
    project.write("macros/Cargo.toml", "[package]\nname = \"macros\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n");
    project.write(
        "macros/src/lib.rs",
        "use std::sync::Mutex;\nstatic SEEN: Mutex<u32> = Mutex::new(0);\n#[proc_macro]\n\
         pub fn answer(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n    *SEEN.lock().unwrap() += 1;\n    \"42\".parse().unwrap()\n}\n",
    );
    project.lock();
    let report = project.ends(0, &["run", "--offline"]);
    assert!(report.contains("profile of victim (pid"), "{report}");
    for (seen, line) in [
        (true, "src/main.rs:8"),
        (true, "helper/src/lib.rs:2"),
        (false, "build.rs"),
        (false, "macros/"),
    ] {
        assert_eq!(report.contains(line), seen, "{line}: {report}");
    }
}

/// All test programs have one report, including doctests.
#[test]
fn many_test_programs_make_one_report() {
    let project = Project::new("many", "fn main() {}");
    project.write("src/lib.rs", "/// ```\n/// victim::lock(); assert_eq!(2 + 2, 4);\n/// ```\npub fn lock() { drop(std::sync::Mutex::new(0).lock()) }");
    for name in ["a", "b", "c"] {
        project.write(
            &format!("tests/{name}.rs"),
            "#[test]\nfn locks() { victim::lock() }",
        );
    }
    let output = project.run(&["test", "--offline", "--out", "all.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(
        out(&output).contains("src/lib.rs - lock (line 1) ... ok"),
        "{}",
        out(&output)
    );
    let snapshot = must(Snapshot::read_file(project.folder.join("all.json")));
    let points = snapshot
        .points()
        .iter()
        .filter(|point| point.site.file.ends_with("src/lib.rs") && point.site.line == 4);
    assert_eq!(points.map(|point| point.acquisitions).sum::<u64>(), 4);
    let report = project.ends(0, &["test", "--offline"]);
    assert_eq!(report.matches("\nprofile of ").count(), 1, "{report}");
    let report = project.ends(0, &["test", "--offline", "--per-process"]);
    assert!(report.matches("\nprofile of ").count() >= 4, "{report}");
}

/// The project's own wrapper of rustc is still called, from its variable and from cargo's settings.
#[test]
fn wrappers_of_the_projects_own() {
    let project = Project::new("wrapper", MAIN);
    project.script(
        "wrap.sh",
        "#!/bin/sh\necho \"$CARGO_PKG_NAME\" >>\"$WRAPPED\"\nexec \"$@\"\n",
    );
    let wrapped = project.folder.join("wrapped");
    for by_setting in [false, true] {
        let _ = fs::remove_file(&wrapped);
        project.write("src/main.rs", &format!("{MAIN}\n// {by_setting}\n"));
        let mut command = project.lockprof(&["run", "--offline"]);
        if by_setting {
            project.write(
                ".cargo/config.toml",
                "[build]\nrustc-wrapper = \"./wrap.sh\"\n",
            );
        } else {
            command.env("RUSTC_WRAPPER", project.folder.join("wrap.sh"));
        }
        let output = must(command.env("WRAPPED", &wrapped).output());
        assert_eq!(output.status.code(), Some(3), "{}", err(&output));
        assert!(err(&output).contains("src/main.rs:12"), "{}", err(&output));
        assert!(
            must(fs::read_to_string(&wrapped)).contains("victim"),
            "{by_setting}"
        );
    }
}

/// A wrapper such as sccache identifies a compilation by its arguments and cargo's variables. They
/// are the same each time.
#[test]
fn a_compilation_is_known_again() {
    let project = Project::new("known", MAIN);
    project.script(
        "wrap.sh",
        "#!/bin/sh\nif [ \"$CARGO_PKG_NAME\" = victim ]; then\n\
        { printf '%s\\n' \"$@\"; env | grep '^CARGO_' | grep -v '^CARGO_MAKEFLAGS=' | sort; } >>\"$WRAPPED\"\nfi\nexec \"$@\"\n",
    );
    let wrapped = project.folder.join("wrapped");
    let compile = || {
        let _ = fs::remove_file(&wrapped);
        project.write("src/main.rs", MAIN);
        let mut command = project.lockprof(&["run", "--offline"]);
        command.env("RUSTC_WRAPPER", project.folder.join("wrap.sh"));
        let output = must(command.env("WRAPPED", &wrapped).output());
        assert_eq!(output.status.code(), Some(3), "{}", err(&output));
        must(fs::read_to_string(&wrapped))
    };
    assert_eq!(compile(), compile());
}

/// Nextest builds as `cargo test` does, asks each test program for its tests, and runs each test in
/// its own process. The script does the same.
#[test]
fn each_test_in_a_process_of_its_own() {
    let project = Project::new("nextest", "fn main() {}");
    project.write(
        "src/lib.rs",
        "use std::sync::Mutex;\npub static LOCK: Mutex<u32> = Mutex::new(0);\npub fn lock() {\n    *LOCK.lock().unwrap() += 1;\n}\n\
        #[test]\nfn once() {\n    lock();\n}\n#[test]\nfn twice() {\n    (0..2).for_each(|_| lock());\n}\n",
    );
    project.write(
        "tests/more.rs",
        "#[test]\nfn four_times() {\n    (0..4).for_each(|_| victim::lock());\n    assert_eq!(*victim::LOCK.lock().unwrap(), 4);\n}\n",
    );
    project.script(
        "tools/cargo-nextest",
        "#!/bin/sh\nset -e\n[ \"$1 $2 $3\" = 'nextest --no-pager run' ]\nshift 3\n\
        \"$CARGO\" test --no-run --message-format=json-render-diagnostics \"$@\" |\n\
        sed -n 's/.*\"executable\":\"\\([^\"]*\\)\".*/\\1/p' | while read -r program; do\n\
        \"$program\" --list --format terse | sed -n 's/: test$//p' | while read -r name; do\n\
        echo \"run: $name\"\n\"$program\" --exact \"$name\" --nocapture\ndone\ndone\n",
    );
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", project.folder.join("tools").display());
    let nextest = |more: &[&str]| {
        // Nextest's options may come first.
        let words = [&["nextest", "--no-pager", "run", "--offline"], more].concat();
        let output = must(project.lockprof(&words).env("PATH", &path).output());
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        assert_eq!(out(&output).matches("run: ").count(), 3, "{}", out(&output));
        err(&output)
    };
    let said = nextest(&[]);
    for expected in [
        "1 other program (3 processes)",
        "src/lib.rs:4",
        "8 acquisitions",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let said = nextest(&["--per-process"]);
    assert_eq!(said.matches("\nprofile of ").count(), 3, "{said}");
}

/// With two lines in cargo's settings, every build is profiled.
#[test]
fn for_good() {
    let project = Project::new("for-good", MAIN);
    let us = env!("CARGO_BIN_EXE_cargo-lockprof");
    project.write(
        ".cargo/config.toml",
        &format!("[build]\nrustc-wrapper = {us:?}\n"),
    );
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--offline", "--locked"])
        .current_dir(&project.folder);
    let like = project.lockprof(&[]);
    command.envs(
        like.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
        .env_remove("RUSTC_WRAPPER")
        .env_remove("CARGO_BUILD_TARGET_DIR");
    command.env("LOCKPROF_OUT", "profile.lockprof");
    let output = must(command.output());
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    let snapshot = must(Snapshot::read_file(project.folder.join("profile.lockprof")));
    assert!(
        snapshot
            .points()
            .iter()
            .any(|point| point.acquisitions == 1_000)
    );
}

/// It is refused before anything is built, in one sentence.
#[test]
fn a_toolchain_that_is_too_old() {
    let project = Project::new("old", MAIN);
    project.write("rust-toolchain.toml", "[toolchain]\nchannel = \"1.70.0\"\n");
    project.write(
        "rustc.sh",
        "#!/bin/sh\necho rustc 1.70.0\necho host: x\necho release: 1.70.0\n",
    );
    must(fs::set_permissions(
        project.folder.join("rustc.sh"),
        fs::Permissions::from_mode(0o755),
    ));
    let mut command = project.lockprof(&["run", "--offline"]);
    let output = must(
        command
            .env("RUSTC", project.folder.join("rustc.sh"))
            .output(),
    );
    assert_eq!(output.status.code(), Some(101));
    let file = project.folder.join("rust-toolchain.toml");
    let said = format!(
        "cargo lockprof: error: this is rustc 1.70.0, which {} pins, and the profiler needs 1.95 or later\n",
        file.display()
    );
    assert_eq!(err(&output), said);
}

/// The target names the host. Then cargo compiles crates separately for the build and for the
/// program.
#[test]
fn the_host_as_target() {
    let manifest = format!(
        "{}helper = {{ path = \"helper\" }}\nmacros = {{ path = \"macros\" }}\n[build-dependencies]\nhelper = {{ path = \"helper\" }}\n",
        MANIFEST.replace("edition", "build = \"build.rs\"\nedition")
    );
    let main = "fn main() {\n    helper::lock();\n    drop(parking_lot::Mutex::new(macros::answer!()).lock());\n}";
    let project = Project::new("host", main);
    project.write("Cargo.toml", &manifest);
    project.write("build.rs", "fn main() { helper::lock() }");
    project.write(
        "helper/Cargo.toml",
        "[package]\nname = \"helper\"\nedition = \"2021\"\n",
    );
    project.write(
        "helper/src/lib.rs",
        "pub fn lock() { drop(std::sync::Mutex::new(0).lock()) }",
    );
    project.write("macros/Cargo.toml", "[package]\nname = \"macros\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n[dependencies]\nhelper = { path = \"../helper\" }\n");
    project.write(
        "macros/src/lib.rs",
        "#[proc_macro]\npub fn answer(_: proc_macro::TokenStream) -> proc_macro::TokenStream { helper::lock(); \"42\".parse().unwrap() }",
    );
    project.lock();
    let before = project.files();
    let mut rustc = Command::new("rustc");
    let host = must(
        rustc
            .args(["--print", "host-tuple"])
            .current_dir(&project.folder)
            .output(),
    );
    let host = out(&host);
    for target in [host.trim(), "host-tuple"] {
        let report = project.ends(0, &["run", "--offline", "--locked", "--target", target]);
        assert!(report.contains("2 points, 2 acquisitions"), "{report}");
        for line in ["src/main.rs:3", "helper/src/lib.rs:1"] {
            assert!(report.contains(line), "{line}: {report}");
        }
    }
    assert_eq!(project.files(), before);
}
