//! Stand-ins for crates of registries. Each is compiled right after its crate, against the library
//! that cargo has just built, and lies beside it. Crates that depend on that crate get the stand-in
//! instead.

use crate::call::{self, Call};
use crate::files;
use crate::runtime::Runtime;
use anyhow::{Context, Result, bail};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Precedes cargo's hash in the file name of a stand-in, so that nobody mistakes it for the crate
/// itself.
const MARK: &str = "-lp";

/// A stand-in.
pub(crate) struct StandIn {
    source: &'static str,
    /// The name by which its source calls the crate that it replaces.
    real: &'static str,
    on: On,
}

/// The other crates that a stand-in needs.
#[derive(Clone, Copy, PartialEq)]
enum On {
    Adaptor,
    /// The adaptor and the replaced crate's own dependencies, because the stand-in implements
    /// traits of the optional ones.
    Dependencies,
    /// The adaptor, compiled again, on the project's lock_api.
    OwnAdaptor,
    /// The stand-in for lock_api.
    LockApi,
}

impl StandIn {
    /// Whether its crate is compiled against lock_api itself. Then the stand-in uses lock_api's
    /// stand-in.
    pub(crate) fn is_on_lock_api(&self) -> bool {
        self.on == On::LockApi
    }
}

/// Whether the call makes a library that other crates can use. A test program gets no stand-in.
pub(crate) fn is_library(call: &Call) -> bool {
    let mut kinds = call.values("--crate-type");
    let is_library = kinds.any(|kind| kind == "lib" || kind == "rlib");
    is_library && !call.args.iter().any(|arg| arg == "--test")
}

/// The stand-in for a package.
pub(crate) fn stand_in(package: &str, version: &str, call: &Call) -> Option<StandIn> {
    let mut numbers = version.split('.');
    let made = |source, real, on| Some(StandIn { source, real, on });
    match (package, numbers.next()?, numbers.next()?) {
        // 0.12 has everything that 0.11 has, on the same lock_api.
        ("parking_lot", "0", "11" | "12") => {
            made("stand-ins/parking_lot-0.12", "real", On::LockApi)
        }
        ("parking_lot", "0", "13") => made("stand-ins/parking_lot-0.13", "real", On::OwnAdaptor),
        ("lock_api", "0", "4") => made("stand-ins/lock_api-0.4", "real", On::Dependencies),
        ("async-lock", "2" | "3", _) => made("stand-ins/async-lock", "real", On::Adaptor),
        ("tokio", "1", _) if call.has_feature("sync") => {
            made("stand-ins/tokio", "tokio", On::Adaptor)
        }
        _ => None,
    }
}

/// `libNAME-HASH` becomes `libNAME-lp-HASH`.
fn stem_of(stem: &str) -> Option<String> {
    let (name, hash) = stem.split_once('-')?;
    Some(format!("{name}{MARK}-{hash}"))
}

/// Removes the stand-in of an earlier build.
pub(crate) fn forget(out_dir: &Path, call: &Call) {
    let hash = call.hash();
    for name in [call.crate_name(), ADAPTOR] {
        for ending in ["rlib", "rmeta"] {
            let file = format!("lib{name}{MARK}{hash}.{ending}");
            let _ = std::fs::remove_file(out_dir.join(file));
        }
    }
}

/// Replaces a crate's dependencies by their stand-ins, if they have any; lock_api only if
/// `with_lock_api`.
pub(crate) fn replace(args: &mut [OsString], with_lock_api: bool) {
    let mut is_next = false;
    for arg in args {
        let whole = arg.to_str().unwrap_or_default();
        let value = if is_next {
            Some(whole)
        } else {
            whole.strip_prefix("--extern=")
        };
        is_next = arg == "--extern";
        let Some((name, path)) = value.and_then(|value| value.split_once('=')) else {
            continue;
        };
        let path = Path::new(path);
        if !with_lock_api && call::is_of(path, LOCK_API) {
            continue;
        }
        if let Some(other) = beside(path) {
            let prefix = &whole[..whole.len() - path.as_os_str().len()];
            debug_assert!(prefix.ends_with(&format!("{name}=")));
            let mut replaced = OsString::from(prefix);
            replaced.push(other);
            *arg = replaced;
        }
    }
}

/// The stand-in of a library, if it has one.
pub(crate) fn beside(path: &Path) -> Option<PathBuf> {
    let stem = stem_of(path.file_stem()?.to_str()?)?;
    let files = ["rlib", "rmeta"].map(|ending| path.with_file_name(format!("{stem}.{ending}")));
    files.into_iter().find(|file| file.is_file())
}

/// The name of lock_api's library.
pub(crate) const LOCK_API: &str = "lock_api";

const ADAPTOR: &str = "nexus_lockprof_adaptor";

/// Keeps the dependencies of lock_api. Its stand-in may name them, and the folder may have another
/// build of the same crate.
pub(crate) fn keep_externs(call: &Call) {
    let hash = call.hash();
    let lines = call
        .externs()
        .map(|(name, path)| format!("{name}={}\n", path.display()));
    if let Some(out_dir) = call.out_dir().filter(|_| call.crate_name() == LOCK_API) {
        let _ = files::write(&externs_of(out_dir, hash), &lines.collect::<String>());
    }
}

/// The dependencies that were kept for the library at this path.
fn kept_externs(lock_api: &Path) -> Vec<(String, PathBuf)> {
    let hash = call::key_of(lock_api).and_then(|key| key.strip_prefix(LOCK_API));
    let file = externs_of(
        lock_api.parent().unwrap_or(lock_api),
        hash.unwrap_or_default(),
    );
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, path)| (name.to_owned(), path.into()))
        .collect()
}

fn externs_of(folder: &Path, hash: &str) -> PathBuf {
    folder.join(format!("lib{LOCK_API}{MARK}{hash}.externs"))
}

/// Compiles a stand-in.
pub(crate) fn make(stand_in: &StandIn, call: &Call, runtime: &Runtime) -> Result<()> {
    let out_dir = call.out_dir().context("no --out-dir")?;
    let hash = call.hash();
    let real = out_dir.join(format!("lib{}{hash}.rmeta", call.crate_name()));
    if !real.is_file() {
        bail!("{} is not there", real.display());
    }
    let lock_api = || {
        let found = call.library(LOCK_API);
        found.context("it is not built on lock_api")
    };
    let mut externs = vec![(stand_in.real, real)];
    let below;
    match stand_in.on {
        On::Adaptor => externs.push((ADAPTOR, runtime.library("nexus-lockprof-adaptor")?)),
        On::Dependencies => {
            externs.push((ADAPTOR, runtime.library("nexus-lockprof-adaptor")?));
            externs.extend(call.externs());
        }
        On::OwnAdaptor => {
            let engine = runtime.library("nexus-lockprof-engine")?;
            let source = runtime.source("nexus-lockprof-adaptor");
            let own = [(LOCK_API, lock_api()?), ("nexus_lockprof_engine", engine)];
            externs.push((
                ADAPTOR,
                compile(call, runtime, ADAPTOR, &source, &own, &[])?,
            ));
            externs.push((LOCK_API, lock_api()?));
            // Its features may name a crate that only lock_api depends on, such as serde.
            below = kept_externs(&lock_api()?);
            externs.extend(below.iter().map(|(name, path)| (&**name, path.clone())));
        }
        On::LockApi => {
            let lock_api = beside(&lock_api()?).context("nothing stands in for its lock_api")?;
            externs.push((LOCK_API, lock_api));
        }
    }
    let source = runtime.source(stand_in.source);
    let name = call.crate_name();
    let mut first = None;
    for &more in stand_in.on.versions() {
        match compile(call, runtime, name, &source, &externs, more) {
            Ok(_) => return Ok(()),
            Err(error) => drop(first.get_or_insert(error)),
        }
    }
    Err(first.context("there is no way to compile it")?)
}

/// For lock_api before 0.4.10, which includes those before 0.4.3.
const OLD: &str = "lockprof_old_lock_api";
/// For async-lock before 3.5, whose semaphore does not tell how many permits it has.
const NO_PERMITS: &str = "lockprof_no_permits";
/// For async-lock 2, which has no blocking functions.
const NO_BLOCKING: &str = "lockprof_no_blocking";
/// For lock_api with a reentrant mutex. Early versions have it without a feature.
const REMUTEX: &str = "lockprof_remutex";

impl On {
    /// The `--cfg` options to try in turn. The crate or one of its dependencies may be older.
    fn versions(self) -> &'static [&'static [&'static str]] {
        match self {
            On::Adaptor => &[&[], &[NO_PERMITS], &[NO_PERMITS, NO_BLOCKING]],
            On::OwnAdaptor => &[&[]],
            On::LockApi => &[&[], &[OLD]],
            On::Dependencies => &[&[REMUTEX], &[], &[REMUTEX, OLD]],
        }
    }
}

/// Compiles one of our sources with the options of `call`, into the same folder.
fn compile(
    call: &Call,
    runtime: &Runtime,
    name: &str,
    source: &Path,
    externs: &[(&str, PathBuf)],
    more: &[&str],
) -> Result<PathBuf> {
    const OTHERS: [&str; 11] = [
        "--crate-name",
        "--edition",
        "--emit",
        "--error-format",
        "--json",
        "--extern",
        "--check-cfg",
        "--cap-lints",
        "--crate-type",
        "--diagnostic-width",
        "--out-dir",
    ];
    let out_dir = call.out_dir().context("no --out-dir")?;
    let hash = call.hash();
    let is_link = call
        .values("--emit")
        .filter_map(OsStr::to_str)
        .any(|emit| emit.contains("link"));
    let ending = if is_link { "rlib" } else { "rmeta" };
    let file = out_dir.join(format!("lib{name}{MARK}{hash}.{ending}"));

    let rustc = call.program.last().context("no rustc")?;
    let mut command = Command::new(rustc);
    command.args([
        "--crate-name",
        name,
        "--edition=2024",
        "--crate-type=rlib",
        "--cap-lints=allow",
    ]);
    command.arg(source);
    let mut rest = call::without(&call.args, &OTHERS).into_iter().peekable();
    while let Some(arg) = rest.next() {
        if arg == "-C" {
            let value = rest.next().unwrap_or_default();
            let text = value.to_str().unwrap_or_default();
            if !["metadata=", "extra-filename=", "incremental="]
                .iter()
                .any(|name| text.starts_with(name))
            {
                command.arg("-C").arg(value);
            }
        } else if arg.to_str().is_none_or(|arg| !arg.ends_with(".rs")) {
            command.arg(arg);
        }
    }
    command.arg("-C").arg(format!("metadata=lockprof{hash}"));
    command
        .arg("-C")
        .arg(format!("extra-filename={MARK}{hash}"));
    for cfg in ["feature=\"profile\""].iter().chain(more) {
        command.args(["--cfg", cfg]);
    }
    for (name, path) in externs {
        let mut given = OsString::from(format!("{name}="));
        given.push(path);
        command.arg("--extern").arg(given);
    }
    command.arg("-L").arg({
        let mut folder = OsString::from("dependency=");
        folder.push(runtime.libraries());
        folder
    });
    // Written under another name first, so that nobody finds half a file.
    let unfinished = out_dir.join(format!("lib{name}{MARK}{hash}.new"));
    command.arg("-o").arg(&unfinished);
    command.arg(if is_link {
        "--emit=link"
    } else {
        "--emit=metadata"
    });
    let output = command.output().context("rustc cannot be run")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::rename(&unfinished, &file)
        .with_context(|| format!("{} cannot be renamed", unfinished.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_beside_its_crate() {
        let folder = std::env::temp_dir().join(format!("lockprof-beside-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let real = folder.join("libparking_lot-12ab.rmeta");
        let given = |path: &Path| OsString::from(format!("pl={}", path.display()));
        let mut args = vec!["--extern".into(), given(&real), "-C".into(), given(&real)];
        replace(&mut args, true);
        assert_eq!(args[1], given(&real));
        let other = folder.join("libparking_lot-lp-12ab.rlib");
        std::fs::write(&other, "").unwrap();
        replace(&mut args, true);
        assert_eq!(args[1], given(&other));
        assert_eq!(args[3], given(&real));
        let lock_api = folder.join("liblock_api-34cd.rmeta");
        std::fs::write(folder.join("liblock_api-lp-34cd.rlib"), "").unwrap();
        let mut args = vec!["--extern".into(), given(&lock_api)];
        replace(&mut args, false);
        assert_eq!(args[1], given(&lock_api));
        replace(&mut args, true);
        assert_ne!(args[1], given(&lock_api));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
