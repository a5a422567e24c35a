//! The command line.

use clap::{Args, Parser};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What cargo calls: `cargo-lockprof lockprof ...`.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo", version, disable_help_subcommand = true)]
pub(crate) enum Cargo {
    /// Build and run a project as it is, with every parking_lot lock in its dependency graph profiled.
    ///
    /// The project's files stay as they are: a profiled parking_lot of the very version that is locked takes the
    /// place of the real one, in a target folder and with a lock file of its own.
    #[command(subcommand)]
    #[command(version)]
    Lockprof(Command),
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// `cargo run`, and the profile when the program ends.
    ///
    /// Example: cargo lockprof run --release --bin server -- --port 8080
    Run(Options),
    /// `cargo build` of the profiled program; LOCKPROF_OUT=FILE makes it write its profile when it ends.
    Build(Options),
    /// `cargo test`, and the profile of each test program.
    Test(Options),
    /// `cargo bench`, and the profile of each bench.
    Bench(Options),
    /// Write the profiled parking_lot into a folder, for those who want it in their build for good, and print the lines
    /// of Cargo.toml that put it there.
    Vendor {
        /// The folder [default: lockprof], whose content is replaced; then, of cargo's options, those that say which project:
        /// --manifest-path, --offline, --features, ...
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "FOLDER"
        )]
        args: Vec<OsString>,
    },
    /// Runs a program with its profile going to a file: cargo is told to run programs by this.
    #[command(name = "__exec", hide = true)]
    Exec {
        /// The program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

/// Ours, and what is left for cargo.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Write the profile to FILE, as JSON, instead of printing the report. Of further processes to FILE.PID.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// What is measured: off, counts, sampled or exact [default: $LOCKPROF, or sampled].
    #[arg(long, value_parser = ["off", "counts", "sampled", "exact"])]
    pub(crate) mode: Option<String>,
    /// Share of each thread's time that sampling may take, such as 1% [default: $LOCKPROF_BUDGET, or 1%].
    #[arg(long, value_name = "SHARE")]
    pub(crate) budget: Option<String>,
    /// Rows of the report.
    #[arg(long, value_name = "ROWS", default_value_t = 25)]
    pub(crate) top: usize,
    /// Callers shown of each point that waited.
    #[arg(long, value_name = "CALLERS", default_value_t = 3)]
    pub(crate) callers: usize,
    /// Do not capture call stacks of acquisitions that wait.
    #[arg(long)]
    pub(crate) no_stacks: bool,
    /// Serve the profile while the program runs, for `lockprof top` and others: unix, unix:PATH, 127.0.0.1:PORT or
    /// remote:ADDR:PORT [without a value: unix].
    #[arg(
        long,
        value_name = "WHERE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "unix"
    )]
    pub(crate) serve: Option<String>,
    /// Cargo's own options, and after `--` the program's arguments.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CARGO OPTIONS"
    )]
    pub(crate) cargo: Vec<OsString>,
}

/// Our options, and whether they take a value.
const OURS: [(&str, bool); 9] = [
    ("--out", true),
    ("--mode", true),
    ("--budget", true),
    ("--top", true),
    ("--callers", true),
    ("--no-stacks", false),
    ("--serve", false), // its value, if any, is joined
    ("--help", false),
    ("-h", false),
];

/// Puts our options before cargo's, so that they may be mixed: `run --release --out FILE -- ARGUMENT`.
pub(crate) fn ours_first(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args = args.peekable();
    let mut ours: Vec<OsString> = args.by_ref().take(3).collect();
    let mut theirs = Vec::new();
    if ours.get(2).is_some_and(|command| command == "__exec") {
        ours.extend(args);
        return ours;
    }
    while let Some(arg) = args.next() {
        if arg == "--" {
            theirs.push(arg);
            theirs.extend(args);
            break;
        }
        let name = arg
            .to_str()
            .map_or("", |arg| arg.split('=').next().unwrap_or(arg));
        match OURS.iter().find(|(ours, _)| *ours == name) {
            Some((_, takes_value)) => {
                let has_value = arg.len() > name.len();
                ours.push(arg);
                if *takes_value && !has_value {
                    ours.extend(args.next());
                }
            }
            None => theirs.push(arg),
        }
    }
    ours.append(&mut theirs);
    ours
}

/// The options among `args` that say which project it is and what of it is built: cargo's metadata takes those too.
pub(crate) fn for_metadata(args: &[OsString]) -> Vec<OsString> {
    const WITH_VALUE: [&str; 4] = ["--manifest-path", "--features", "-F", "--config"];
    const WITHOUT: [&str; 5] = [
        "--all-features",
        "--no-default-features",
        "--offline",
        "--locked",
        "--frozen",
    ];
    let mut kept = Vec::new();
    let mut args = before_dashes(args).iter();
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        if WITHOUT.contains(&text) || is_short_features(text) {
            kept.push(arg.clone());
        } else if WITH_VALUE.contains(&text) {
            kept.push(arg.clone());
            kept.extend(args.next().cloned());
        } else if WITH_VALUE.iter().any(|name| {
            text.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('='))
        }) {
            kept.push(arg.clone());
        }
    }
    kept
}

/// Whether more is built than programs: what is built for tests has the dependencies for them.
pub(crate) fn builds_more(args: &[OsString]) -> bool {
    const TARGETS: [&str; 7] = [
        "--example",
        "--examples",
        "--test",
        "--tests",
        "--bench",
        "--benches",
        "--all-targets",
    ];
    before_dashes(args).iter().any(|arg| {
        let name = arg
            .to_str()
            .map_or("", |arg| arg.split('=').next().unwrap_or(arg));
        TARGETS.contains(&name)
    })
}

/// The packages that `--package` names; `None` if all of a workspace are meant.
pub(crate) fn packages(args: &[OsString]) -> Option<Vec<String>> {
    let mut packages = Vec::new();
    let mut args = before_dashes(args).iter();
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        let value = match text {
            "--workspace" | "--all" => return None,
            "-p" | "--package" => args
                .next()
                .map(|value| value.to_string_lossy().into_owned()),
            _ => ["--package=", "-p"]
                .iter()
                .find_map(|name| text.strip_prefix(name))
                .map(|value| value.trim_start_matches('=').to_owned()),
        };
        packages.extend(value);
    }
    Some(packages)
}

/// Of those, the options that say which project it is, and nothing of what is built: `--features` and the like need the graph.
pub(crate) fn project_only(args: &[OsString]) -> Vec<OsString> {
    let mut args = without(args, "--locked", false);
    for (name, takes_value) in [
        ("--features", true),
        ("-F", true),
        ("--all-features", false),
        ("--no-default-features", false),
        ("--frozen", false),
    ] {
        args = without(&args, name, takes_value);
    }
    args.retain(|arg| !arg.to_str().is_some_and(|arg| arg.starts_with("-F")));
    args
}

fn is_short_features(text: &str) -> bool {
    text.starts_with("-F") && text.len() > 2
}

/// The value of the option `name` among `args`, before `--`.
pub(crate) fn value_of<'a>(args: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    let args = before_dashes(args);
    args.iter().enumerate().find_map(|(index, arg)| {
        if arg == name {
            return args.get(index + 1).map(OsString::as_os_str);
        }
        let value = arg.to_str()?.strip_prefix(name)?.strip_prefix('=')?;
        Some(OsStr::new(value))
    })
}

/// `args` without the flag, or option and value, `name`, as far as they come before `--`.
pub(crate) fn without(args: &[OsString], name: &str, takes_value: bool) -> Vec<OsString> {
    let end = before_dashes(args).len();
    let mut kept = Vec::new();
    let mut index = 0;
    while index < args.len() {
        let arg = &args[index];
        let ours = index < end;
        let joined = arg
            .to_str()
            .and_then(|arg| arg.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('='));
        if ours && arg == name {
            index += 1 + usize::from(takes_value);
        } else if ours && takes_value && joined {
            index += 1;
        } else {
            kept.push(arg.clone());
            index += 1;
        }
    }
    kept
}

pub(crate) fn before_dashes(args: &[OsString]) -> &[OsString] {
    let end = args.iter().position(|arg| arg == "--");
    &args[..end.unwrap_or(args.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    fn parse(args: &[&str]) -> Options {
        let mut all = vec!["cargo-lockprof", "lockprof", "run"];
        all.extend(args);
        let Ok(Cargo::Lockprof(Command::Run(options))) =
            Cargo::try_parse_from(ours_first(os(&all).into_iter()))
        else {
            panic!("{args:?}")
        };
        options
    }

    #[test]
    fn ours_and_cargos_may_be_mixed() {
        let options = parse(&[
            "--release",
            "--out",
            "f",
            "--bin=x",
            "--top=3",
            "--",
            "--out",
            "g",
        ]);
        assert_eq!(options.out, Some("f".into()));
        assert_eq!(options.top, 3);
        assert_eq!(
            options.cargo,
            os(&["--release", "--bin=x", "--", "--out", "g"])
        );
    }

    #[test]
    fn what_metadata_takes() {
        let args = os(&[
            "--release",
            "-F",
            "a,b",
            "--bin",
            "x",
            "--manifest-path=p/Cargo.toml",
            "-Fc",
            "--offline",
            "--",
            "--locked",
        ]);
        assert_eq!(
            for_metadata(&args),
            os(&[
                "-F",
                "a,b",
                "--manifest-path=p/Cargo.toml",
                "-Fc",
                "--offline"
            ])
        );
    }

    #[test]
    fn an_option_is_found_and_taken_out_before_the_dashes() {
        let args = os(&["--target-dir", "t", "--x", "--", "--target-dir", "u"]);
        assert_eq!(value_of(&args, "--target-dir"), Some(OsStr::new("t")));
        assert_eq!(
            without(&args, "--target-dir", true),
            os(&["--x", "--", "--target-dir", "u"])
        );
        let args = os(&["--target-dir=t", "--locked"]);
        assert_eq!(value_of(&args, "--target-dir"), Some(OsStr::new("t")));
        assert_eq!(without(&args, "--target-dir", true), os(&["--locked"]));
        assert_eq!(without(&args, "--locked", false), os(&["--target-dir=t"]));
        assert_eq!(value_of(&args, "--target"), None);
    }

    #[test]
    fn serving_has_a_value_or_none() {
        assert_eq!(parse(&["--release"]).serve, None);
        let options = parse(&["--serve", "--release"]);
        assert_eq!(options.serve.as_deref(), Some("unix"));
        assert_eq!(options.cargo, os(&["--release"]));
        let options = parse(&["--release", "--serve=127.0.0.1:0", "--", "--serve"]);
        assert_eq!(options.serve.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(options.cargo, os(&["--release", "--", "--serve"]));
    }

    #[test]
    fn a_bad_mode_is_refused() {
        let args = os(&["cargo-lockprof", "lockprof", "run", "--mode", "loud"]);
        let error = Cargo::try_parse_from(ours_first(args.into_iter())).unwrap_err();
        assert!(error.to_string().contains("loud"), "{error}");
    }
}
