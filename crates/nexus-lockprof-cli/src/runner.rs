//! How cargo is told to run programs by way of us, and how a program is run then.
//!
//! A runner is set by cargo's own environment variable for it: a setting given by `--config` would be merged with the project's,
//! which cargo refuses where one is a text and the other a list. Only the programs that are run get a runner, so build scripts
//! are not profiled.

use crate::cargo;
use crate::shim;
use anyhow::{Context, Result, bail};
use cargo_platform::{Cfg, Platform};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::str::FromStr;

/// Tells the runner what to do, as a list in JSON: how many words the project's own runner has, these, then the environment of the
/// program, as `NAME=VALUE`.
const ORDER: &str = "LOCKPROF_EXEC";

/// Has `command`, which is cargo, run programs of `target` by way of us, with `environment`.
pub(crate) fn set(
    command: &mut Command,
    target: &str,
    args: &[OsString],
    directory: &Path,
    environment: &[String],
) -> Result<()> {
    let variable = format!(
        "CARGO_TARGET_{}_RUNNER",
        target.to_uppercase().replace(['-', '.'], "_")
    );
    let theirs = match std::env::var(&variable) {
        Ok(words) => words.split_whitespace().map(str::to_owned).collect(),
        Err(_) => configured(target, args)?,
    };
    let us = shim::unicode(&without_spaces(directory)?)?;
    command.env(variable, format!("{us} lockprof __exec"));
    let mut order = vec![theirs.len().to_string()];
    order.extend(theirs);
    order.extend_from_slice(environment);
    command.env(ORDER, Value::from(order).to_string());
    Ok(())
}

/// The words of the runner that the project's settings name for `target`, if they do.
fn configured(target: &str, args: &[OsString]) -> Result<Vec<String>> {
    let Some(Value::Object(targets)) = cargo::setting("target", args) else {
        return Ok(Vec::new());
    };
    let mut cfgs = None;
    // A target's own goes before what holds for several.
    let own = targets.get_key_value(target);
    for (name, settings) in own.into_iter().chain(&targets) {
        let Some(runner) = settings.get("runner") else {
            continue;
        };
        let applies = match Platform::from_str(name) {
            Ok(Platform::Name(name)) => name == target,
            Ok(platform) => {
                if cfgs.is_none() {
                    cfgs = Some(cfgs_of(target)?);
                }
                platform.matches(target, cfgs.as_deref().unwrap_or_default())
            }
            Err(_) => false,
        };
        if !applies {
            continue;
        }
        let mut words: Vec<String> = match runner {
            Value::String(words) => words.split_whitespace().map(str::to_owned).collect(),
            Value::Array(words) => {
                let words = words.iter().filter_map(Value::as_str);
                words.map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        if by_option(args, name) {
            bail!(
                "the runner {} is given by --config, which goes before the one that profiles: put it into \
                 .cargo/config.toml",
                words.join(" ")
            );
        }
        // A path is relative to the folder that has the settings' folder.
        if let Some(program) = words.first_mut()
            && program.contains(['/', '\\'])
            && Path::new(program).is_relative()
            && let Some(root) = cargo::origin(&format!("target.{name}.runner"), args)
        {
            *program = shim::unicode(&root.join(&program))?;
        }
        return Ok(words);
    }
    Ok(Vec::new())
}

/// Whether a `--config KEY=VALUE` of the user's sets the runner of a target.
fn by_option(args: &[OsString], target: &str) -> bool {
    cargo::config_options(args).iter().any(|option| {
        let key = option.to_str().and_then(|option| option.split_once('='));
        key.is_some_and(|(key, _)| key.trim().ends_with(".runner") && key.contains(target))
    })
}

fn cfgs_of(target: &str) -> Result<Vec<Cfg>> {
    cargo::rustc(&["--print=cfg", "--target", target])?
        .lines()
        .map(|line| Cfg::from_str(line).with_context(|| format!("rustc says cfg {line}")))
        .collect()
}

/// This program, by a path that cargo, which splits the variable at white space, takes for one word.
fn without_spaces(directory: &Path) -> Result<PathBuf> {
    let us = std::env::current_exe().context("where this program is cannot be found out")?;
    let has_space = |path: &Path| {
        path.to_str()
            .is_none_or(|path| path.contains(char::is_whitespace))
    };
    if !has_space(&us) {
        return Ok(us);
    }
    for folder in [directory, &std::env::temp_dir()] {
        let link = folder.join(format!("cargo-lockprof-{}", std::process::id()));
        if !has_space(&link) && link_to(&us, &link).is_ok() {
            return Ok(link);
        }
    }
    bail!(
        "{}: cargo cannot be told to run programs by a path with a space in it, and neither the target folder nor the \
         folder for temporary files is without one",
        us.display()
    )
}

#[cfg(unix)]
fn link_to(original: &Path, link: &Path) -> std::io::Result<()> {
    // Of a process that had our number.
    let _ = fs::remove_file(link);
    std::os::unix::fs::symlink(original, link)
}

#[cfg(not(unix))]
fn link_to(original: &Path, link: &Path) -> std::io::Result<()> {
    fs::copy(original, link).map(drop)
}

/// Runs a program, as [`set`] has ordered: `PROGRAM ARGUMENT ...`.
pub(crate) fn exec(args: &[OsString]) -> Result<ExitCode> {
    let order = std::env::var(ORDER)
        .with_context(|| format!("{ORDER} is not set: cargo lockprof calls this"))?;
    let order: Vec<String> =
        serde_json::from_str(&order).with_context(|| format!("{ORDER}={order} is not a list"))?;
    let bad = || format!("{ORDER} is not an order");
    let (count, rest) = order.split_first().with_context(bad)?;
    let count: usize = count.parse().with_context(bad)?;
    let (theirs, environment) = rest.split_at_checked(count).with_context(bad)?;

    let words: Vec<&OsStr> = theirs
        .iter()
        .map(OsStr::new)
        .chain(args.iter().map(OsString::as_os_str))
        .collect();
    let Some((program, arguments)) = words.split_first() else {
        bail!("there is no program to run");
    };
    let mut command = Command::new(program);
    command.args(arguments);
    command.env_remove(cargo::CHANNEL).env_remove(ORDER);
    for assignment in environment {
        let (name, value) = assignment.split_once('=').with_context(bad)?;
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
    Ok(crate::run::exit_code(status.with_context(|| {
        format!("{} cannot be run", program.display())
    })?))
}
