//! Cargo's commands, with profiles of what they run.

use crate::args::{self, Options};
use crate::cargo;
use crate::profiles;
use crate::project::{self, Project};
use crate::runner;
use crate::say;
use crate::shim;
use crate::wait::wait;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs cargo's `subcommand` on the profiled project, and shows the profiles of the programs that it has run.
pub(crate) fn profiled(subcommand: &str, options: &Options) -> Result<ExitCode> {
    let runs = subcommand != "build";
    if !runs {
        refuse_for_build(options)?;
    }
    check_out(options.out.as_deref())?;
    let dev = matches!(subcommand, "test" | "bench") || args::builds_more(&options.cargo);
    let project = Project::prepare(&options.cargo, dev, options.serve.is_some())?;
    let mut folder = Folder::new(&project.directory)?;

    let mut command = cargo::with_lock(subcommand, &project.lock)?;
    command.arg("--config").arg(&project.config);
    if runs {
        let target = cargo::target(&options.cargo)?;
        let environment = variables(options, &folder.path)?;
        runner::set(
            &mut command,
            &target,
            &options.cargo,
            &folder.path,
            &environment,
        )?;
    }
    command
        .arg("--target-dir")
        .arg(project.directory.join("build"));
    command.args(for_cargo(&options.cargo));
    let child = command.spawn().context("cargo cannot be run")?;
    let status = wait(child)?;

    if runs {
        let shown = profiles::Shown {
            top: options.top,
            callers: options.callers,
            unseen: &project.unseen,
        };
        let shown = profiles::present(
            &folder.path,
            options.out.as_deref(),
            &shown,
            status.success(),
        );
        if let Err(error) = shown {
            // What was measured is not to be had again.
            folder.keep = true;
            say(format_args!(
                "error: {error:#}; the profiles are in {}",
                folder.path.display()
            ));
        }
    } else if status.success() {
        say(format_args!(
            "built in {}. LOCKPROF_OUT=FILE has the program write its profile there when it ends",
            project.directory.join("build").display()
        ));
        profiles::tell_unseen(&project.unseen);
    }
    Ok(exit_code(status))
}

/// What only means something when a program is run.
fn refuse_for_build(options: &Options) -> Result<()> {
    let given = [
        ("--out", options.out.is_some()),
        ("--mode", options.mode.is_some()),
        ("--budget", options.budget.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => bail!(
            "{name} says how a program is profiled, and build runs none: set LOCKPROF_OUT, LOCKPROF and LOCKPROF_BUDGET \
             when you run it"
        ),
        None => Ok(()),
    }
}

/// Before anything is built: a profile that cannot be kept is found out too late.
fn check_out(out: Option<&Path>) -> Result<()> {
    let Some(out) = out else { return Ok(()) };
    let folder = match out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    if out.is_dir() {
        bail!("--out {} is a folder", out.display());
    }
    if !folder.is_dir() {
        bail!(
            "--out {}: there is no folder {}",
            out.display(),
            folder.display()
        );
    }
    Ok(())
}

/// Writes the shims into a folder, and prints what goes into Cargo.toml: `[FOLDER] [CARGO OPTIONS]`.
#[allow(clippy::print_stdout, reason = "what is asked for")]
pub(crate) fn vendor(args: &[OsString]) -> Result<ExitCode> {
    let is_option = |arg: &OsString| arg.to_string_lossy().starts_with('-');
    let (directory, cargo) = match args.split_first() {
        Some((first, rest)) if !is_option(first) => (Path::new(first), rest),
        _ => (Path::new("lockprof"), args),
    };
    let lines = project::vendor(directory, cargo)?;
    say(format_args!(
        "{} is written. Put {} in the place of the project's Cargo.lock: it has the versions that the profiler was tested \
         with, where cargo would take the newest. For Cargo.toml:",
        directory.display(),
        directory.join("Cargo.lock").display()
    ));
    match std::io::stdout().is_terminal() {
        true => print!("{}", nexus_lockprof_snapshot::printable_lines(&lines)),
        // TOML, for a program.
        false => print!("{lines}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// What cargo is to get of its own options.
fn for_cargo(args: &[OsString]) -> Vec<OsString> {
    let args = args::without(args, "--target-dir", true);
    // The copy of the lock file is not up to date before cargo has put our packages into it. That the project's own is,
    // was checked.
    project::frozen_is_offline(args::without(&args, "--locked", false))
}

/// The environment of profiled programs.
fn variables(options: &Options, folder: &Path) -> Result<Vec<String>> {
    let out = shim::unicode(folder)?.replace('%', "%%") + "/%p.%e.json";
    let mut set = vec![format!("LOCKPROF_OUT={out}")];
    let mut default = |name: &str, ours: Option<&str>| {
        if let Some(ours) = ours {
            set.push(format!("{name}={ours}"));
        }
    };
    default("LOCKPROF", options.mode.as_deref());
    default("LOCKPROF_BUDGET", options.budget.as_deref());
    default("LOCKPROF_SERVE", options.serve.as_deref());
    let unless_set = |name: &str, value| std::env::var_os(name).is_none().then_some(value);
    // A program that is killed leaves its last profile. One that has one thread keeps to that: some calls of the system refuse others.
    default(
        "LOCKPROF_EVERY",
        unless_set("LOCKPROF_EVERY", "1s,threaded"),
    );
    if options.no_stacks {
        default("LOCKPROF_STACKS", Some("off"));
    } else {
        default("LOCKPROF_STACKS", unless_set("LOCKPROF_STACKS", "on"));
    }
    Ok(set)
}

/// Where the programs of one run write their profiles.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn new(directory: &Path) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_nanos());
        let name = format!("{}-{now}", std::process::id());
        let folder = directory.join("profiles").join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let path = fs::canonicalize(&folder).unwrap_or(folder);
        Ok(Folder { path, keep: false })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // What was to be kept was copied away. A program that outlives this one may still write there: then it stays.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Cargo's own; of a signal, as shells say it.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return ExitCode::from(128_u8.saturating_add(u8::try_from(signal).unwrap_or(127)));
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(1))
}
