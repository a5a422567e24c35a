//! Calls of cargo, with a lock file beside the project's.

use crate::args;
use crate::shim;
use anyhow::{Context, Result, bail};
use cargo_metadata::Metadata;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Lets cargo take the option that a lock file is named by, which it has but has not yet promised to keep: cargo's own
/// tests set this. rustc and build scripts do not look at it, as they would at RUSTC_BOOTSTRAP.
pub(crate) const CHANNEL: &str = "__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS";

/// The cargo that called us.
pub(crate) fn command() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Cargo's `subcommand`, with `lock` for its lock file.
///
/// All options go after the subcommand, where the user's go: of those that are given before and after it, cargo takes
/// only the latter.
pub(crate) fn with_lock(subcommand: &str, lock: &Path) -> Result<Command> {
    let lock = lock.to_str().with_context(|| {
        format!(
            "{}: a path that is not Unicode cannot be told to cargo",
            lock.display()
        )
    })?;
    let mut command = command();
    command.env(CHANNEL, "nightly");
    command.args([subcommand, "-Zlockfile-path", "--config"]);
    command.arg(format!(
        "resolver.lockfile-path={}",
        toml_edit::Value::from(lock)
    ));
    Ok(command)
}

/// What cargo says of the project that `args` name. Without its dependencies, the lock file is not looked at.
pub(crate) fn without_dependencies(args: &[OsString]) -> Result<Metadata> {
    let mut command = command();
    command.args(["metadata", "--format-version=1", "--no-deps"]);
    command.args(args);
    parse(output(command)?)
}

/// What cargo says of the project and its graph on `platforms`, as `lock` and `config` have it.
///
/// Not on all platforms: what only another one needs may never have been fetched, and would be missed offline.
pub(crate) fn graph(
    args: &[OsString],
    platforms: &[String],
    lock: &Path,
    config: Option<&Path>,
) -> Result<Metadata> {
    let mut command = with_lock("metadata", lock)?;
    command.arg("--format-version=1");
    for platform in platforms {
        command.arg("--filter-platform").arg(platform);
    }
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    command.args(args);
    parse(output(command)?)
}

/// The triple that cargo builds for: what `args` or the settings name, or else the host's.
pub(crate) fn target(args: &[OsString]) -> Result<String> {
    let named = match args::value_of(args, "--target") {
        Some(target) => Some(shim::unicode(Path::new(target))?),
        None => setting("build.target", args).and_then(|target| match &target {
            Value::Array(targets) => Some(targets.first()?.as_str()?.to_owned()),
            target => Some(target.as_str()?.to_owned()),
        }),
    };
    match named {
        Some(target) if target != "host-tuple" => Ok(target),
        _ => host(),
    }
}

/// The platforms that something is built for: macros and build scripts are the host's.
pub(crate) fn platforms(args: &[OsString]) -> Result<Vec<String>> {
    let mut platforms = vec![host()?];
    let target = target(args)?;
    if !platforms.contains(&target) {
        platforms.push(target);
    }
    Ok(platforms)
}

/// What rustc prints.
pub(crate) fn rustc(args: &[&str]) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(args);
    let output = output(command)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn host() -> Result<String> {
    let text = rustc(&["-vV"])?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV does not name its host")?.to_owned())
}

/// The value of a setting, if there is one: what cargo would take from all its places.
pub(crate) fn setting(name: &str, args: &[OsString]) -> Option<Value> {
    let output = settings(args)
        .args(["--format=json-value", name])
        .output()
        .ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

/// The folder that paths of a setting are relative to: the one that has the `.cargo` folder with the file. Of the parts of `name`, those
/// with special characters are not quoted.
pub(crate) fn origin(name: &str, args: &[OsString]) -> Option<PathBuf> {
    let output = settings(args)
        .args(["--format=toml", "--show-origin", name])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    // `target.x.runner = "a b" # /home/me/project/.cargo/config.toml`, or in several lines a list, each with the file.
    let (_, file) = text.lines().find_map(|line| line.rsplit_once(" # "))?;
    Some(Path::new(file).parent()?.parent()?.to_owned())
}

fn settings(args: &[OsString]) -> Command {
    let mut command = command();
    command.env(CHANNEL, "nightly");
    command.args(["-Zunstable-options", "config", "get"]);
    for option in config_options(args) {
        command.arg("--config").arg(option);
    }
    command
}

/// What the user's own `--config` options give.
pub(crate) fn config_options(args: &[OsString]) -> Vec<OsString> {
    let mut options = Vec::new();
    let mut args = args::before_dashes(args).iter();
    while let Some(arg) = args.next() {
        if arg == "--config" {
            options.extend(args.next().cloned());
        } else if let Some(value) = arg.to_str().and_then(|arg| arg.strip_prefix("--config=")) {
            options.push(value.into());
        }
    }
    options
}

fn output(mut command: Command) -> Result<Output> {
    let name = command.get_program().to_owned();
    let output = command
        .output()
        .with_context(|| format!("{} cannot be run", name.display()))?;
    if !output.status.success() {
        let args: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        bail!(
            "{} {} failed:\n{}",
            name.display(),
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(output)
}

fn parse(output: Output) -> Result<Metadata> {
    let text = String::from_utf8(output.stdout).context("cargo metadata is not Unicode")?;
    cargo_metadata::MetadataCommand::parse(text).context("cargo metadata cannot be understood")
}
