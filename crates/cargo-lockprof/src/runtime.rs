//! The runtime is linked into profiled programs. It is built once for a toolchain, a target and the
//! flags that must agree, and kept in the user's cache folder.

use crate::call::{self, Call};
use crate::files;
use crate::settings;
use crate::sources::{self, HASH, STD};
use anyhow::{Context, Result, bail};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A runtime that is built.
pub(crate) struct Runtime {
    folder: PathBuf,
}

/// The compiler and options that the runtime for a call is built with.
struct RuntimeKind {
    rustc: OsString,
    target: String,
    /// Options of rustc that all crates of a program must share, or that make the code faster.
    flags: Vec<String>,
    features: &'static str,
    key: String,
}

/// Options that must agree in all crates of a program, or that make the code faster.
const CODEGEN: [&str; 7] = [
    "target-cpu",
    "target-feature",
    "relocation-model",
    "code-model",
    "control-flow-guard",
    "force-frame-pointers",
    "soft-float",
];
/// The same for unstable options.
const UNSTABLE: [&str; 8] = [
    "sanitizer",
    "branch-protection",
    "cf-protection",
    "fixed-x18",
    "retpoline",
    "regparm",
    "reg-struct-return",
    "stack-protector",
];

impl RuntimeKind {
    fn of(call: &Call) -> Result<Self> {
        let rustc = call.program.last().context("no rustc is named")?.clone();
        let version = known_version(&rustc)?;
        let target = match call.text("--target") {
            Some(target) => target.to_owned(),
            None => host(&version)?.to_owned(),
        };
        let mut flags = Vec::new();
        for (letter, known) in [("-C", &CODEGEN[..]), ("-Z", &UNSTABLE[..])] {
            for value in call.values(letter).filter_map(OsStr::to_str) {
                let name = value.split('=').next().unwrap_or(value);
                if known.iter().any(|known| name.starts_with(known)) {
                    flags.push(format!("{letter}{value}"));
                }
            }
        }
        flags.dedup();
        let has_front = settings::build_folder().is_some();
        let features = features(&target, settings::is_set(settings::SERVE), has_front);
        let key = key(&version, &target, features, &flags);
        Ok(RuntimeKind {
            rustc,
            target,
            flags,
            features,
            key,
        })
    }
}

/// Features of the runtime. Call stacks stay addresses if this program can look up the names
/// afterwards and the system tells which file an address is in. Code that looks them up makes each
/// program larger and slower to build.
fn features(target: &str, serve: bool, has_front: bool) -> &'static str {
    match serve {
        true => "stacks,serve",
        false if has_front && target.contains("-linux-") => "addresses",
        false => "stacks",
    }
}

fn key(version: &str, target: &str, features: &str, flags: &[String]) -> String {
    let mut parts = vec![HASH, version, target, features];
    parts.extend(flags.iter().map(String::as_str));
    files::hash(&parts)
}

impl Runtime {
    /// The runtime for a call. Builds it if necessary.
    pub(crate) fn of(call: &Call) -> Result<Self> {
        let kind = RuntimeKind::of(call)?;
        let cache = files::cache()?.join("runtime");
        let folder = cache.join(&kind.key);
        if !folder.is_dir() {
            files::create(&cache)?;
            let lock = cache.join(format!("{}.lock", kind.key));
            let lock = File::create(&lock)
                .with_context(|| format!("{} cannot be written", lock.display()))?;
            lock.lock()
                .with_context(|| format!("{} cannot be locked", cache.display()))?;
            // Another process may have built it in the meantime.
            if !folder.is_dir() {
                build(&kind, &folder)?;
            }
        }
        Ok(Runtime { folder })
    }

    /// Whether the runtime for `target` is probably built. The flags are known only once something
    /// is compiled.
    pub(crate) fn is_there(version: &str, target: &str, serve: bool) -> Result<bool> {
        let key = key(version, target, features(target, serve, true), &[]);
        Ok(files::cache()?.join("runtime").join(key).is_dir())
    }

    /// The folder of the runtime's libraries.
    pub(crate) fn libraries(&self) -> PathBuf {
        self.folder.join("lib")
    }

    /// The sources of the stand-ins for crates of registries.
    pub(crate) fn source(&self, package: &str) -> PathBuf {
        self.folder
            .join("sources/crates")
            .join(package)
            .join("src/lib.rs")
    }

    /// The file of a crate.
    pub(crate) fn library(&self, name: &str) -> Result<PathBuf> {
        let folder = self.libraries();
        let prefix = format!("lib{}-", name.replace('-', "_"));
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("{} cannot be listed", folder.display()))?;
        let is_it = |path: &PathBuf| {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            name.starts_with(&prefix) && name.ends_with(".rlib")
        };
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths
            .find(is_it)
            .with_context(|| format!("{}: there is no {name} in it; remove it", folder.display()))
    }
}

/// The output of `rustc -vV`, from the environment if the front already asked this rustc.
pub(crate) fn known_version(rustc: &OsStr) -> Result<String> {
    let known = settings::value(settings::RUSTC).and_then(|known| known.into_string().ok());
    let mut known = known.as_deref().unwrap_or_default().splitn(3, '\n');
    if let (Some(name), Some(path), Some(version)) = (known.next(), known.next(), known.next())
        && [name, path].iter().any(|known| OsStr::new(known) == rustc)
    {
        return Ok(version.to_owned());
    }
    version(rustc)
}

/// The output of `rustc -vV`.
pub(crate) fn version(rustc: &OsStr) -> Result<String> {
    ask(rustc, &["-vV"])
}

fn ask(rustc: &OsStr, args: &[&str]) -> Result<String> {
    let output = Command::new(rustc).args(args).output();
    let output = output.with_context(|| format!("{} cannot be run", rustc.display()))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The name, path and version of a rustc, so that the wrapper need not ask again. Cargo may call it
/// by name or path.
pub(crate) fn known(rustc: &OsStr, version: &str) -> Result<OsString> {
    let sysroot = ask(rustc, &["--print", "sysroot"])?;
    let path = Path::new(sysroot.trim_end())
        .join("bin")
        .join(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    let mut known = rustc.to_owned();
    for part in [path.as_os_str(), OsStr::new(version)] {
        known.push("\n");
        known.push(part);
    }
    Ok(known)
}

pub(crate) fn host(version: &str) -> Result<&str> {
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.context("rustc -vV does not name its host")
}

/// Builds the runtime in a folder beside `folder`, and renames that at the end. The folder's name
/// is always the same, because the result depends on its path.
fn build(kind: &RuntimeKind, folder: &Path) -> Result<()> {
    let work = folder.with_extension("new");
    files::remove(&work)?;
    let sources = work.join("sources");
    sources::write(&sources)?;
    let target = work.join("target");
    let output = cargo(kind, &sources, &target)
        .output()
        .context("cargo cannot be run")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let errors = errors.trim_end();
        if settings::is_set(settings::OFFLINE) {
            bail!(
                "the profiler for {} has to be built, and a crate that it is made of was never fetched. Run `cargo lockprof \
                 fetch` once with a network, or leave --offline out the first time:\n{errors}",
                kind.target
            );
        }
        bail!(
            "the profiler cannot be built for {}:\n{errors}",
            kind.target
        );
    }
    let libraries = work.join("lib");
    files::create(&libraries)?;
    let name = Path::new(&kind.target).file_stem().unwrap_or_default();
    // The second folder has the macros, which are built for the host. Rustc looks for every crate
    // that another one names.
    for from in [
        target.join(name).join("release/deps"),
        target.join("release/deps"),
    ] {
        take(&from, &libraries)?;
    }
    files::remove(&target)?;
    fs::rename(&work, folder).with_context(|| format!("{} cannot be renamed", work.display()))
}

/// Moves the files of a folder that rustc reads.
fn take(from: &Path, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).with_context(|| format!("{} is not there", from.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("{} cannot be listed", from.display()))?
            .path();
        let is_wanted = path.extension().is_some_and(|ending| {
            ["rlib", "so", "dylib", "dll"]
                .iter()
                .any(|known| ending == *known)
        });
        if let Some(name) = path.file_name().filter(|_| is_wanted) {
            fs::rename(&path, to.join(name))
                .with_context(|| format!("{} cannot be moved", path.display()))?;
        }
    }
    Ok(())
}

fn cargo(kind: &RuntimeKind, sources: &Path, target: &Path) -> Command {
    let cargo = settings::value(settings::CARGO).or_else(|| std::env::var_os("CARGO"));
    let mut command = Command::new(cargo.unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_the_build) {
            command.env_remove(name);
        }
    }
    command.current_dir(sources).stdin(Stdio::null());
    command.args([
        "build",
        "--release",
        "--locked",
        "--package",
        STD,
        "--target",
    ]);
    command.arg(&kind.target).arg("--target-dir").arg(target);
    if settings::is_set(settings::OFFLINE) {
        command.arg("--offline");
    }
    if let Some(jobs) = settings::value(settings::JOBS) {
        command.arg("--jobs").arg(jobs);
    }
    command.args(["--features", kind.features]);
    // `metadata` tells these crates from the project's own builds of the same crates.
    let mut flags = vec![
        "-Cmetadata=lockprof".to_owned(),
        "-Cembed-bitcode=yes".to_owned(),
    ];
    flags.extend_from_slice(&kind.flags);
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    command.env("RUSTC", &kind.rustc);
    // Empty means no wrapper, even if cargo's settings name one. It may be this program, which
    // would wait for itself.
    for wrapper in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        command.env(wrapper, "");
    }
    command
}

/// Whether a variable says how the project is built. The runtime is built differently. The
/// variables that remain say how cargo reaches registries, and how many compilers run at once. That
/// is not the pipe that the project's processes share: all of them may be waiting for the runtime,
/// which would then be built by one compiler at a time.
fn is_of_the_build(name: &str) -> bool {
    const KEPT: [&str; 7] = [
        "CARGO_BUILD_JOBS",
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
    ];
    let is_cargos =
        name.starts_with("CARGO") || name.starts_with("RUSTC") || name.starts_with("RUSTDOC");
    (is_cargos && !KEPT.iter().any(|kept| name.starts_with(kept)))
        || [
            "MAKEFLAGS",
            "MFLAGS",
            "RUSTFLAGS",
            "LOCKPROF_OUT",
            "LOCKPROF_SERVE",
            "LOCKPROF_EVERY",
            "LOCKPROF_SLOW",
        ]
        .contains(&name)
        || ["TARGET", "HOST", "OUT_DIR", "PROFILE", "OPT_LEVEL", "DEBUG"].contains(&name)
}

/// Fetches the runtime's dependencies for later use without a network.
pub(crate) fn fetch() -> Result<()> {
    let folder = files::cache()?.join("fetch");
    sources::write(&folder)?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&folder).args(["fetch", "--locked"]);
    let status = command.status().context("cargo cannot be run")?;
    if !status.success() {
        bail!("what the profiler is made of cannot be fetched");
    }
    Ok(())
}

/// The options that let rustc find the runtime's libraries.
pub(crate) fn search(runtime: &Runtime) -> [OsString; 2] {
    let mut path = OsString::from("dependency=");
    path.push(runtime.libraries());
    ["-L".into(), path]
}

/// `--extern std=...`: gives a crate our std.
pub(crate) fn stand_in(runtime: &Runtime) -> Result<[OsString; 2]> {
    let mut given = OsString::from("std=");
    given.push(runtime.library(STD)?);
    Ok(["--extern".into(), given])
}

/// Whether a call already names another std.
pub(crate) fn has_own_std(call: &Call) -> bool {
    call::values(&call.args, "--extern")
        .filter_map(OsStr::to_str)
        .any(|value| {
            value
                .split('=')
                .next()
                .is_some_and(|name| name.rsplit(':').next() == Some("std"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_has_compilers_of_its_own() {
        for pipe in ["CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS"] {
            assert!(is_of_the_build(pipe), "{pipe}");
        }
        for kept in [
            "CARGO_BUILD_JOBS",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "PATH",
        ] {
            assert!(!is_of_the_build(kept), "{kept}");
        }
    }
}
