//! The command line.

use crate::call;
use anyhow::{Context, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Args, CommandFactory, Parser};
use clap_complete::Shell;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The command line as cargo gives it: `cargo-lockprof lockprof ...`.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo", version, disable_help_subcommand = true)]
pub(crate) enum Cargo {
    /// Run a cargo command with every lock of the program profiled, and print the profile at its
    /// end.
    ///
    /// The project's files, versions and features stay as they are. Any command will do: run, test,
    /// bench, nextest run, an alias.
    ///
    /// Example: cargo lockprof run --release --bin server -- --port 8080
    #[command(version, display_name = "cargo-lockprof")]
    Lockprof(Options),
}

/// Our options, and the words for cargo.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Write the profile to FILE instead of printing the report: as JSON, or in lockprof's own form
    /// if FILE ends in `.lockprof`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// What to measure: off, counts, sampled or exact [default: $LOCKPROF, or sampled].
    #[arg(long, value_parser = ["off", "counts", "sampled", "exact"])]
    pub(crate) mode: Option<String>,
    /// Share of each thread's time that sampling may take, such as 1% [default: $LOCKPROF_BUDGET,
    /// or 1%].
    #[arg(long, value_name = "SHARE")]
    pub(crate) budget: Option<String>,
    /// Number of rows in the report.
    #[arg(long, value_name = "ROWS", default_value_t = 25, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) top: usize,
    /// Number of callers to show of each point that waited.
    #[arg(long, value_name = "CALLERS", default_value_t = 3)]
    pub(crate) callers: usize,
    /// Do not capture call stacks of acquisitions that wait.
    #[arg(long)]
    pub(crate) no_stacks: bool,
    /// Print a report for each process instead of one for all.
    #[arg(long)]
    pub(crate) per_process: bool,
    /// Profile only the locks that these crates take, separated by commas.
    #[arg(long, value_name = "CRATE")]
    pub(crate) only: Vec<String>,
    /// Do not profile the locks that these crates take.
    #[arg(long, value_name = "CRATE")]
    pub(crate) except: Vec<String>,
    /// Serve the profile while the program runs, for `lockprof top` and others: unix, unix:PATH,
    /// 127.0.0.1:PORT or remote:ADDR:PORT [without a value: unix].
    #[arg(
        long,
        value_name = "WHERE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "unix"
    )]
    pub(crate) serve: Option<String>,
    /// Print completions for a shell.
    #[arg(long, value_name = "SHELL", value_enum, exclusive = true)]
    pub(crate) completions: Option<Shell>,
    /// Write the manual page to a folder.
    #[arg(long, value_name = "FOLDER", exclusive = true)]
    pub(crate) man: Option<PathBuf>,
    /// A cargo command with its options, and after `--` the program's arguments.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required_unless_present_any = ["completions", "man"],
        value_name = "COMMAND"
    )]
    pub(crate) cargo: Vec<OsString>,
}

/// Our options, and whether they take a value.
const OURS: [(&str, bool); 14] = [
    ("--out", true),
    ("--mode", true),
    ("--budget", true),
    ("--top", true),
    ("--callers", true),
    ("--no-stacks", false),
    ("--per-process", false),
    ("--only", true),
    ("--except", true),
    ("--serve", false), // its value, if any, is joined
    ("--completions", true),
    ("--man", true),
    ("--help", false),
    ("-h", false),
];

/// Puts our options before cargo's. The user may mix them: `run --release --out FILE -- ARGUMENT`.
pub(crate) fn ours_first(mut args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut ours: Vec<OsString> = args.by_ref().take(2).collect();
    let mut theirs = Vec::new();
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

/// The command for completions and manual page: shells know it as `cargo-lockprof`.
fn command() -> clap::Command {
    let options = Options::augment_args(clap::Command::new("cargo-lockprof"));
    let about = Cargo::command().find_subcommand("lockprof").cloned();
    let about = about.and_then(|lockprof| lockprof.get_about().cloned());
    options.about(about.unwrap_or_default())
}

/// Prints completions.
pub(crate) fn completions(shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "cargo-lockprof", &mut script);
    // A closed pipe is no reason to complain.
    let _ = std::io::stdout().write_all(&script);
    Ok(ExitCode::SUCCESS)
}

/// Writes `cargo-lockprof.1`. `cargo help lockprof` shows it too.
pub(crate) fn manual(folder: &Path) -> Result<ExitCode> {
    let unwritten = || format!("the page cannot be written to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(unwritten)?;
    let usage = "cargo lockprof [OPTIONS] <COMMAND>...";
    let command = command().override_usage(usage);
    clap_mangen::generate_to(command, folder).with_context(unwritten)?;
    Ok(ExitCode::SUCCESS)
}

/// The options among `args` that `cargo metadata --no-deps` needs to find the project.
pub(crate) fn for_metadata(args: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    for name in ["--manifest-path", "--config"] {
        for value in values_of(args, name) {
            kept.extend([OsString::from(name), value.to_owned()]);
        }
    }
    kept
}

/// All values of the option `name` among `args`, before `--`.
pub(crate) fn values_of<'a>(args: &'a [OsString], name: &str) -> impl Iterator<Item = &'a OsStr> {
    call::values(before_dashes(args), name)
}

/// The first value of the option `name` among `args`, before `--`.
pub(crate) fn value_of<'a>(args: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    values_of(args, name).next()
}

/// `args` without the option `name` and its values before `--`.
pub(crate) fn without(args: &[OsString], name: &str) -> Vec<OsString> {
    let before = before_dashes(args);
    let mut kept = call::without(before, &[name]);
    kept.extend_from_slice(&args[before.len()..]);
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
        let mut all = vec!["cargo-lockprof", "lockprof"];
        all.extend(args);
        match Cargo::try_parse_from(ours_first(os(&all).into_iter())) {
            Ok(Cargo::Lockprof(options)) => options,
            Err(error) => panic!("{args:?}: {error}"),
        }
    }

    #[test]
    fn ours_and_cargos_may_be_mixed() {
        let options = parse(&[
            "run",
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
            os(&["run", "--release", "--bin=x", "--", "--out", "g"])
        );
        let options = parse(&["--except", "a,b", "nextest", "run", "--except=c"]);
        assert_eq!(options.except, ["a,b", "c"]);
        assert_eq!(options.cargo, os(&["nextest", "run"]));
    }

    #[test]
    fn completions_and_a_page_need_no_command() {
        let options = parse(&["--completions", "fish"]);
        assert_eq!(options.completions, Some(Shell::Fish));
        assert_eq!(parse(&["--man", "pages"]).man, Some("pages".into()));
        let args = ["cargo-lockprof", "lockprof"].map(OsString::from);
        assert!(Cargo::try_parse_from(args).is_err());
        command().debug_assert();
    }

    #[test]
    fn what_metadata_takes() {
        let args = os(&[
            "--release",
            "-F",
            "a,b",
            "--manifest-path=p/Cargo.toml",
            "--config",
            "x=1",
            "--",
            "--config",
            "y=1",
        ]);
        assert_eq!(
            for_metadata(&args),
            os(&["--manifest-path", "p/Cargo.toml", "--config", "x=1"])
        );
    }

    #[test]
    fn an_option_is_found_and_taken_out_before_the_dashes() {
        let args = os(&["--target-dir", "t", "--x", "--", "--target-dir", "u"]);
        assert_eq!(value_of(&args, "--target-dir"), Some(OsStr::new("t")));
        assert_eq!(
            without(&args, "--target-dir"),
            os(&["--x", "--", "--target-dir", "u"])
        );
        let args = os(&["--target-dir=t", "--locked"]);
        assert_eq!(value_of(&args, "--target-dir"), Some(OsStr::new("t")));
        assert_eq!(without(&args, "--target-dir"), os(&["--locked"]));
        assert_eq!(value_of(&args, "--target"), None);
    }

    #[test]
    fn serving_has_a_value_or_none() {
        assert_eq!(
            parse(&["run", "--serve", "--release"]).serve.as_deref(),
            Some("unix")
        );
        assert_eq!(
            parse(&["--serve=unix:s", "run"]).serve.as_deref(),
            Some("unix:s")
        );
    }
}
