//! Cargo's commands, with profiles of what they run.

use crate::args::{self, Options};
use crate::cargo;
use crate::profiles;
use crate::project::{self, Project};
use crate::say;
use crate::shim;
use anyhow::{Context, Result, bail};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs cargo's `subcommand` on the profiled project, and shows the profiles of the programs that it has run.
pub(crate) fn profiled(subcommand: &str, options: &Options) -> Result<ExitCode> {
    let runs = subcommand != "build";
    let dev = matches!(subcommand, "test" | "bench");
    let project = Project::prepare(&options.cargo, dev)?;
    let folder = Folder::new(&project.directory)?;

    let mut command = cargo::with_lock(subcommand, &project.lock)?;
    command.arg("--config").arg(&project.config);
    if runs {
        command.arg("--config");
        command.arg(runner(options, &variables(options, &folder.0)?)?);
    }
    command
        .arg("--target-dir")
        .arg(project.directory.join("build"));
    command.args(for_cargo(&options.cargo));
    let child = command.spawn().context("cargo cannot be run")?;
    let status = wait(child)?;
    project.guard.check()?;

    if runs {
        let shown = profiles::Shown {
            top: options.top,
            callers: options.callers,
            unseen: &project.unseen,
        };
        profiles::present(&folder.0, options.out.as_deref(), &shown, status.success())?;
    }
    Ok(exit_code(status))
}

/// Writes the shims into `directory`, and prints what goes into Cargo.toml.
#[allow(clippy::print_stdout, reason = "what is asked for")]
pub(crate) fn vendor(directory: &Path, cargo: &[OsString]) -> Result<ExitCode> {
    let lines = project::vendor(directory, cargo)?;
    say(format_args!(
        "{} is written. For Cargo.toml:",
        directory.display()
    ));
    print!("{lines}");
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
    let unless_set = |name: &str, value| std::env::var_os(name).is_none().then_some(value);
    // A program that is killed leaves its last profile.
    default("LOCKPROF_EVERY", unless_set("LOCKPROF_EVERY", "1s"));
    let stacks = if options.no_stacks { "off" } else { "on" };
    default("LOCKPROF_STACKS", unless_set("LOCKPROF_STACKS", stacks));
    Ok(set)
}

/// The setting that has cargo run programs by way of [`exec`]: of no other process than those, so build scripts are not
/// profiled.
fn runner(options: &Options, variables: &[String]) -> Result<String> {
    let target = cargo::target(&options.cargo)?;
    let ours = std::env::current_exe().context("where this program is cannot be found out")?;
    let mut list = toml_edit::Array::new();
    list.push(shim::unicode(&ours)?);
    list.push("lockprof");
    list.push("__exec");
    list.extend(variables.iter().map(String::as_str));
    list.push("--");
    // The project's own runner runs what it always does.
    let variable = format!(
        "CARGO_TARGET_{}_RUNNER",
        target.to_uppercase().replace(['-', '.'], "_")
    );
    let theirs = match std::env::var(&variable) {
        Ok(command) => Some(serde_json::Value::String(command)),
        Err(_) => cargo::setting(&format!("target.{target}.runner"), &options.cargo),
    };
    match theirs {
        Some(serde_json::Value::String(command)) => list.extend(command.split_whitespace()),
        Some(serde_json::Value::Array(words)) => {
            list.extend(words.iter().filter_map(|word| word.as_str()));
        }
        _ => {}
    }
    Ok(format!("target.{target}.runner={list}"))
}

/// Runs a program: `NAME=VALUE ... -- PROGRAM ARGUMENT ...`.
pub(crate) fn exec(args: &[OsString]) -> Result<ExitCode> {
    let end = args::before_dashes(args).len();
    let [program, arguments @ ..] = args.get(end + 1..).unwrap_or_default() else {
        bail!("there is no program to run");
    };
    let mut command = Command::new(program);
    command.args(arguments).env_remove(cargo::CHANNEL);
    for assignment in &args[..end] {
        let text = assignment.to_str().and_then(|text| text.split_once('='));
        let (name, value) =
            text.with_context(|| format!("{} is not NAME=VALUE", assignment.display()))?;
        command.env(name, value);
    }
    replace_by(command, program)
}

#[cfg(unix)]
fn replace_by(mut command: Command, program: &OsStr) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).with_context(|| format!("{} cannot be run", program.display()))
}

#[cfg(not(unix))]
fn replace_by(mut command: Command, program: &OsStr) -> Result<ExitCode> {
    let status = command.status();
    Ok(exit_code(status.with_context(|| {
        format!("{} cannot be run", program.display())
    })?))
}

/// Where the programs of one run write their profiles.
struct Folder(PathBuf);

impl Folder {
    fn new(directory: &Path) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_nanos());
        let name = format!("{}-{now}", std::process::id());
        let folder = directory.join("profiles").join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Folder(fs::canonicalize(&folder).unwrap_or(folder)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What was to be kept was moved away. A program that outlives this one may still write there: then it stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits for cargo. What would end this process meanwhile ends cargo and what it runs, and this goes on to the report.
#[cfg(unix)]
fn wait(mut child: Child) -> Result<ExitStatus> {
    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals cannot be handled")?;
    let handle = signals.handle();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let forwarding = std::thread::spawn(move || {
        for signal in signals.forever() {
            // An interrupt from the terminal goes to all processes there by itself.
            let forwarded = match signal {
                SIGTERM => Signal::TERM,
                SIGHUP => Signal::HUP,
                _ => continue,
            };
            if let Some(pid) = pid {
                // It may be gone already.
                let _ = kill_process(pid, forwarded);
            }
        }
    });
    let status = child.wait().context("cargo cannot be waited for");
    handle.close();
    // It has nothing to return.
    let _ = forwarding.join();
    status
}

#[cfg(not(unix))]
fn wait(mut child: Child) -> Result<ExitStatus> {
    child.wait().context("cargo cannot be waited for")
}

/// Cargo's own; of a signal, as shells say it.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return ExitCode::from(128_u8.saturating_add(u8::try_from(signal).unwrap_or(127)));
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(1))
}
