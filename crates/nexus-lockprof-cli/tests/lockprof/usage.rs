//! The command line itself.

use crate::support::{Folder, before, lockprof};

const COMMANDS: &[&str] = &[
    "snapshot",
    #[cfg(unix)]
    "top",
    "run",
    "report",
    "diff",
    "merge",
    "export",
    "reset",
    "set",
    "ps",
    #[cfg(feature = "selftest")]
    "selftest",
    "completions",
    "man",
];

#[test]
fn every_command_has_help_with_examples() {
    let all = lockprof(&["--help"]).good();
    assert!(all.contains("Exit codes:"), "{all}");
    for command in COMMANDS {
        assert!(all.contains(&format!("\n  {command} ")), "{command}: {all}");
        let help = lockprof(&[command, "--help"]).good();
        let shows = help.contains("Examples:\n  lockprof ") || *command == "selftest";
        assert!(shows, "{help}");
    }
}

#[test]
fn mistakes() {
    for args in [
        &[][..],
        &["no-such-command"],
        &["report"],
        &["report", "x", "--sort", "mood"],
        &["report", "x", "--seconds", "0"],
        &["merge", "-o", "x"],
        &["report", "x", "--top", "0"],
        &["report", "x", "--width", "0"],
        &["run", "--top", "0", "true"],
        &["set", "1"],
        &["set", "1", "exact"],
        &["set", "1", "mode=exact&mode=off"],
    ] {
        let run = lockprof(args);
        assert_eq!(run.code, Some(2), "{args:?} {run:?}");
        assert!(
            run.out.is_empty() && !run.err.is_empty(),
            "{args:?} {run:?}"
        );
    }
    let run = lockprof(&["set", "1", "exact"]);
    assert!(
        run.err
            .contains("expected NAME=VALUE, such as mode=exact or budget=2%"),
        "{run:?}"
    );
}

#[test]
fn help_and_the_version() {
    let help = lockprof(&["help", "report"]).good();
    assert_eq!(help, lockprof(&["report", "--help"]).good());
    let version = lockprof(&["--version"]).good();
    assert_eq!(
        version,
        concat!("lockprof ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

/// An option that a format does not have is an error that names both.
#[test]
fn options_of_other_formats() {
    let folder = Folder::new();
    let file = folder.with("run.json", &before());
    for (format, option, message) in [
        (
            "csv",
            ["--kind", "block"],
            "--kind is only for pprof, folded and flamegraph, not for csv",
        ),
        (
            "openmetrics",
            ["--kind", "mutex"],
            "--kind is only for pprof, folded and flamegraph, not for openmetrics",
        ),
        (
            "pprof",
            ["--top", "3"],
            "--top is only for prometheus and openmetrics, not for pprof",
        ),
    ] {
        let args = [&["export", &file, "--format", format][..], &option].concat();
        let run = lockprof(&args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
        assert!(run.err.contains(message), "{}", run.err);
    }
}

#[cfg(feature = "selftest")]
#[test]
fn the_build_profiles() {
    assert_eq!(
        lockprof(&["selftest"]).good(),
        "lockprof: on\nSELFTEST: lock hot ok\n"
    );
}

#[test]
fn completions_for_each_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = lockprof(&["completions", shell]).good();
        assert!(
            script.contains("lockprof") && script.contains("snapshot"),
            "{shell}"
        );
    }
    assert_eq!(lockprof(&["completions", "dosh"]).code, Some(2));
}

#[test]
fn a_page_for_each_command() {
    let folder = Folder::new();
    let pages = folder.text("deep/pages");
    lockprof(&["man", &pages]).good();
    for command in COMMANDS {
        let page = std::fs::read_to_string(format!("{pages}/lockprof-{command}.1")).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    assert!(
        std::fs::read_to_string(format!("{pages}/lockprof.1"))
            .unwrap()
            .contains("Exit codes")
    );
    let file = folder.text("file");
    std::fs::write(&file, "").unwrap();
    let error = lockprof(&["man", &file]).failed();
    assert!(
        error.starts_with(&format!("the pages cannot be written to {file}: ")),
        "{error}"
    );
}
