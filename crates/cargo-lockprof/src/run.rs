//! Runs a cargo command and profiles the programs that it runs.

use crate::args::{self, Options};
use crate::cargo_config;
use crate::files;
use crate::notes;
use crate::profiles;
use crate::project::{self, Project};
use crate::runtime::{self, Runtime};
use crate::say::say;
use crate::settings;
use anyhow::{Context, Result, bail};
use nexus_lockprof_command::child::{self, Signals};
use nexus_lockprof_command::out;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

/// Commands that take `--target-dir`. Others get a variable, which the programs that they start
/// inherit.
const BUILDERS: [&str; 11] = [
    "run", "r", "build", "b", "test", "t", "bench", "check", "c", "clippy", "rustc",
];

/// Commands of `cargo nextest` that take `--target-dir`.
const OF_NEXTEST: [&str; 6] = ["run", "r", "list", "archive", "bench", "b"];

/// Commands that run nothing.
const QUIET: [&str; 6] = ["build", "b", "check", "c", "clippy", "rustc"];

/// Commands whose purpose includes writing the lock file.
const LOCKERS: [&str; 7] = [
    "add",
    "generate-lockfile",
    "package",
    "publish",
    "remove",
    "update",
    "vendor",
];

/// Runs cargo, and shows the profile of the programs that it ran.
pub(crate) fn command(options: &Options) -> Result<ExitCode> {
    if let Some(shell) = options.completions {
        return args::completions(shell);
    }
    if let Some(folder) = &options.man {
        return args::manual(folder);
    }
    let name = name_of(&options.cargo)?;
    let runs = !QUIET.contains(&name);
    if !runs {
        refuse(options)?;
    }
    out::check(options.out.as_deref())?;
    if name == "fetch" {
        runtime::fetch()?;
        let mut command = Command::new(project::cargo());
        let cargo = command.args(&options.cargo).spawn();
        let status = child::wait(cargo.context("cargo cannot be run")?, Signals::End)?;
        return Ok(child::exit_code(status).into());
    }
    let (rustc, version) = project::rustc(&options.cargo)?;
    let project = Project::of(&options.cargo, &kind(options))?;
    announce(options, &version)?;
    let mut folder = Folder::new(&project.folder)?;

    let mut command = Command::new(project::cargo());
    set_wrapper(&mut command, options, &project, (rustc, version))?;
    if runs {
        set_profile(&mut command, options, &folder.path)?;
    }
    set_arguments(&mut command, options, name, &project.build);
    let child = command.spawn().context("cargo cannot be run")?;
    let status = child::wait(child, Signals::End)?;
    if !LOCKERS.contains(&name) {
        project.tidy();
    }

    let unseen = notes::all(&project.build, &project.root);
    if runs {
        let folders = (&*folder.path, &*project.build);
        match profiles::present(folders, options, &unseen, status.success()) {
            Ok(goes_on) => folder.keep = goes_on,
            Err(error) => {
                // The run cannot be repeated: keep its profiles.
                folder.keep = true;
                say(format_args!(
                    "error: {error:#}; the profiles are in {}",
                    folder.path.display()
                ));
            }
        }
    } else if status.success() {
        say(format_args!(
            "built in {}. With LOCKPROF_OUT=FILE the program writes its profile there when it ends",
            project.build.display()
        ));
        profiles::tell_unseen(&unseen);
    }
    Ok(child::exit_code(status).into())
}

/// Announces the first build of the runtime, which takes a while. The wrapper that builds it
/// cannot: cargo repeats the wrapper's messages later.
fn announce(options: &Options, version: &str) -> Result<()> {
    let host = runtime::host(version)?;
    let target = args::value_of(&options.cargo, "--target").and_then(|target| target.to_str());
    let target = target
        .filter(|target| *target != "host-tuple")
        .unwrap_or(host);
    if !Runtime::is_there(version, target, options.serve.is_some())? {
        say(format_args!(
            "the profiler is built first, once for this toolchain"
        ));
    }
    Ok(())
}

/// The command, which must be the first of cargo's words.
fn name_of(words: &[OsString]) -> Result<&str> {
    let first = words
        .first()
        .and_then(|word| word.to_str())
        .unwrap_or_default();
    if first.is_empty() || first.starts_with(['-', '+']) {
        bail!("a cargo command comes first: cargo lockprof run ...");
    }
    Ok(first)
}

/// Part of the build folder's name: builds that do not link with each other have folders of their
/// own.
fn kind(options: &Options) -> String {
    let mut kind = String::new();
    if options.serve.is_some() {
        kind.push_str("-serve");
    }
    if !options.only.is_empty() || !options.except.is_empty() {
        let (only, except) = (options.only.join(","), options.except.join(","));
        kind.push('-');
        kind.push_str(&files::hash([only, except]));
    }
    kind
}

fn set_wrapper(
    command: &mut Command,
    options: &Options,
    project: &Project,
    (rustc, version): (OsString, String),
) -> Result<()> {
    let us = project::this_program()?;
    for name in settings::ALL {
        command.env_remove(name);
    }
    for (setting, ours, name) in [
        ("rustc-wrapper", "cargo-lockprof", settings::WRAPPER),
        ("rustdoc", project::RUSTDOC, settings::RUSTDOC),
    ] {
        let set = cargo_config::build_setting(setting, &options.cargo);
        let is_ours = |set: &OsString| Path::new(set).file_stem().is_some_and(|stem| stem == ours);
        // The setting names us if the project always uses us, or if we run inside a profiled
        // program. Then take the wrapper behind us.
        let theirs = match set {
            Some(set) if is_ours(&set) => settings::value(name),
            set => set,
        };
        if let Some(theirs) = theirs {
            command.env(name, theirs);
        }
    }
    command.env("RUSTC_WRAPPER", us);
    command.env("RUSTDOC", project.rustdoc()?);
    command.env(settings::BUILD, &project.build);
    command.env(settings::CARGO, project::cargo());
    command.env(settings::RUSTC, runtime::known(&rustc, &version)?);
    command.env(settings::ONLY, options.only.join(","));
    command.env(settings::EXCEPT, options.except.join(","));
    if options.serve.is_some() {
        command.env(settings::SERVE, "1");
    }
    if project::is_offline(&options.cargo) {
        command.env(settings::OFFLINE, "1");
    }
    let jobs = ["--jobs", "-j"].map(|name| args::value_of(&options.cargo, name));
    if let Some(jobs) = jobs.into_iter().flatten().next() {
        command.env(settings::JOBS, jobs);
    }
    Ok(())
}

/// Sets the environment of profiled programs. Build scripts get it too; their profiles are not
/// shown.
fn set_profile(command: &mut Command, options: &Options, folder: &Path) -> Result<()> {
    let out = settings::template(folder)
        .with_context(|| format!("{}: not Unicode", folder.display()))?
        + "/%p.%e.lockprof";
    command.env("LOCKPROF_OUT", &out).env(settings::OUT, &out);
    let given = [
        ("LOCKPROF", &options.mode),
        ("LOCKPROF_BUDGET", &options.budget),
        ("LOCKPROF_SERVE", &options.serve),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    // Written every second, so that a killed program leaves its last profile.
    let mut defaults = vec![("LOCKPROF_EVERY", "1s,threaded")];
    if options.no_stacks {
        command.env("LOCKPROF_STACKS", "off");
    } else {
        // This program looks up the names later. A program that serves its profile must do it
        // itself.
        let stacks = if options.serve.is_some() {
            "on"
        } else {
            "addresses"
        };
        defaults.push(("LOCKPROF_STACKS", stacks));
    }
    for (name, value) in defaults {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    Ok(())
}

/// Passes cargo its own options.
fn set_arguments(command: &mut Command, options: &Options, name: &str, build: &Path) {
    let args = args::without(&options.cargo, "--target-dir");
    // `--target-dir` goes right after the command's name: the program's own arguments may follow
    // without dashes.
    let end = if BUILDERS.contains(&name) {
        Some(1)
    } else if name == "nextest" {
        // Nextest's own options may come first.
        let mut words = args.iter();
        let position = words.position(|word| OF_NEXTEST.iter().any(|known| word == known));
        position.map(|position| position + 1)
    } else {
        None
    };
    let (command_name, rest) = args.split_at(end.unwrap_or(1).min(args.len()));
    command.args(command_name);
    match end {
        Some(_) => command.arg("--target-dir").arg(build),
        None => command.env("CARGO_TARGET_DIR", build),
    };
    command.args(rest);
}

/// Refuses options that need a program to run.
fn refuse(options: &Options) -> Result<()> {
    let given = [
        ("--out", options.out.is_some()),
        ("--mode", options.mode.is_some()),
        ("--budget", options.budget.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => bail!(
            "{name} says how a program is profiled, and this command runs none: set LOCKPROF_OUT, LOCKPROF and \
             LOCKPROF_BUDGET when you run it"
        ),
        None => Ok(()),
    }
}

/// The folder into which the programs of one run write their profiles.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn new(directory: &Path) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_nanos());
        let name = format!("{}-{now}", std::process::id());
        let path = directory.join("profiles").join(name);
        files::create(&path)?;
        Ok(Folder { path, keep: false })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // Profiles to keep were copied elsewhere. The folder stays if a program still writes
            // into it.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
