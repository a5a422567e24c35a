//! The project: where its builds go, and which rustc it uses.

use crate::args;
use crate::cargo_config;
use crate::files;
use crate::runtime;
use crate::say::say;
use crate::sources::HASH;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name by which cargo calls this program as rustdoc.
pub(crate) const RUSTDOC: &str = "lockprof-rustdoc";

/// The oldest rustc that can build the runtime.
const OLDEST: (u32, u32) = (1, 95);

pub(crate) struct Project {
    /// `lockprof` in the target folder: all our files are in it.
    pub(crate) folder: PathBuf,
    /// The target folder of the profiled build.
    pub(crate) build: PathBuf,
    /// The root of the workspace.
    pub(crate) root: PathBuf,
    /// The lock file, if there was none before. It is removed afterwards.
    new_lock: Option<PathBuf>,
}

/// The cargo that called us.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Where this program is.
pub(crate) fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("where this program is cannot be found out")
}

impl Project {
    /// Finds the project from a cargo command's options. Builds of different `kind` have folders of
    /// their own.
    pub(crate) fn of(options: &[OsString], kind: &str) -> Result<Self> {
        let (target, root) = folders(options)?;
        let target = match args::value_of(options, "--target-dir") {
            Some(folder) => std::path::absolute(folder).context("--target-dir")?,
            None => target,
        };
        let folder = target.join("lockprof");
        let folder = match fs::create_dir_all(&folder) {
            Ok(()) => folder,
            // The project is read-only.
            Err(error) => {
                let path = root.to_string_lossy();
                let other = files::cache()?
                    .join("projects")
                    .join(files::hash([path.as_bytes()]));
                say(format_args!(
                    "{}: {error}: building in {}",
                    folder.display(),
                    other.display()
                ));
                files::create(&other)?;
                other
            }
        };
        let folder = fs::canonicalize(&folder)
            .with_context(|| format!("{} cannot be found", folder.display()))?;
        let build = folder.join(format!("build{kind}"));
        renew(&build)?;
        let lock = root.join("Cargo.lock");
        Ok(Project {
            folder,
            build,
            new_lock: (!lock.exists()).then_some(lock),
            root,
        })
    }

    /// Leaves the project as it was.
    pub(crate) fn tidy(&self) {
        if let Some(lock) = &self.new_lock {
            // Not every command creates one.
            let _ = fs::remove_file(lock);
        }
    }

    /// A link to this program, by its name as rustdoc.
    pub(crate) fn rustdoc(&self) -> Result<PathBuf> {
        let us = this_program()?;
        let link = self
            .folder
            .join(RUSTDOC)
            .with_extension(std::env::consts::EXE_EXTENSION);
        let is_it = fs::read_link(&link).is_ok_and(|target| target == us);
        if !is_it {
            let _ = fs::remove_file(&link);
            if let Err(error) = link_to(&us, &link)
                // Another process may have made the link first.
                && !link.exists()
            {
                return Err(error).with_context(|| format!("{} cannot be made", link.display()));
            }
        }
        Ok(link)
    }
}

#[cfg(unix)]
fn link_to(original: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(original, link)
}

#[cfg(not(unix))]
fn link_to(original: &Path, link: &Path) -> std::io::Result<()> {
    fs::copy(original, link).map(drop)
}

/// Removes a build that was made with another runtime, because it does not link with this one.
fn renew(build: &Path) -> Result<()> {
    let stamp = build.join(".lockprof-runtime");
    if fs::read_to_string(&stamp).is_ok_and(|hash| hash == HASH) {
        return Ok(());
    }
    files::remove(build)?;
    files::write(&stamp, HASH)
}

/// The target folder and the root of the workspace.
fn folders(options: &[OsString]) -> Result<(PathBuf, PathBuf)> {
    let mut command = Command::new(cargo());
    command.args(["metadata", "--format-version=1", "--no-deps", "--offline"]);
    command.args(args::for_metadata(options));
    let output = command.output().context("cargo cannot be run")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{}", errors.trim_start_matches("error: ").trim_end());
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
    let folder = |name: &str| {
        let folder = metadata.get(name).and_then(Value::as_str);
        folder
            .map(PathBuf::from)
            .with_context(|| format!("cargo metadata has no {name}"))
    };
    Ok((folder("target_directory")?, folder("workspace_root")?))
}

/// The rustc that cargo will call, and its version. Too old a rustc is an error in one sentence.
pub(crate) fn rustc(options: &[OsString]) -> Result<(OsString, String)> {
    let rustc = cargo_config::build_setting("rustc", options).unwrap_or_else(|| "rustc".into());
    let version = runtime::version(&rustc)?;
    let release = version
        .lines()
        .find_map(|line| line.strip_prefix("release: "));
    let release = release.context("rustc -vV does not say its release")?;
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|number| number.parse().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < OLDEST {
        let pin = pin(release).unwrap_or_default();
        bail!(
            "this is rustc {release}{pin}, and the profiler needs {}.{} or later",
            OLDEST.0,
            OLDEST.1
        );
    }
    Ok((rustc, version))
}

/// Names the setting that selects this release.
fn pin(release: &str) -> Option<String> {
    let by_file = cargo_config::toolchain_file().ok().flatten();
    let toolchain = std::env::var("RUSTUP_TOOLCHAIN").ok();
    let line = release.rsplit_once('.').map_or(release, |(line, _)| line);
    match by_file {
        Some((file, text)) if text.contains(line) => {
            Some(format!(", which {} pins", file.display()))
        }
        _ => Some(format!(", of the toolchain {}", toolchain?)),
    }
}

/// Whether cargo may not use the network.
pub(crate) fn is_offline(options: &[OsString]) -> bool {
    let before = args::before_dashes(options);
    let is = |name: &str| before.iter().any(|arg| arg == name);
    let by_variable =
        std::env::var_os("CARGO_NET_OFFLINE").is_some_and(|value| value == OsStr::new("true"));
    is("--offline") || is("--frozen") || by_variable
}
