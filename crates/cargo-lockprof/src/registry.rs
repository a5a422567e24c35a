//! Stand-ins for crates of registries. Each is compiled right after its crate, against the very library that cargo has just built, and lies
//! beside it. Crates that depend on it are given the stand-in in its place.

use crate::call::{self, Call};
use crate::runtime::Runtime;
use anyhow::{Context, Result, bail};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Stands in a file's name before what cargo has put there, so that none is taken for the other.
const MARK: &str = "-lp";

/// A stand-in that there is.
pub(crate) struct Kind {
    source: &'static str,
    /// How its source calls the crate that it stands in for.
    real: &'static str,
    /// Whether the adaptor is needed once more, on the project's lock_api.
    own_adaptor: bool,
}

/// The stand-in for a crate.
pub(crate) fn stand_in(package: &str, version: &str, call: &Call) -> Option<Kind> {
    let is_library = call
        .values("--crate-type")
        .any(|kind| kind == "lib" || kind == "rlib");
    if !is_library || call.args.iter().any(|arg| arg == "--test") {
        return None;
    }
    let mut numbers = version.split('.');
    let kind = |source, real, own_adaptor| {
        Some(Kind {
            source,
            real,
            own_adaptor,
        })
    };
    match (package, numbers.next()?, numbers.next()?) {
        // What 0.11 has, 0.12 has too, on the same lock_api.
        ("parking_lot", "0", "11" | "12") => kind("stand-ins/parking_lot-0.12", "real", false),
        ("parking_lot", "0", "13") => kind("stand-ins/parking_lot-0.13", "real", true),
        ("tokio", "1", _) if call.has_feature("sync") => kind("stand-ins/tokio", "tokio", false),
        _ => None,
    }
}

/// `libNAME-HASH` becomes `libNAME-lp-HASH`.
fn stem_of(stem: &str) -> Option<String> {
    let (name, hash) = stem.split_once('-')?;
    Some(format!("{name}{MARK}-{hash}"))
}

/// Removes the stand-in of an earlier build: from now on it is not there.
pub(crate) fn forget(out_dir: &Path, call: &Call) {
    let hash = call.codegen("extra-filename").unwrap_or_default();
    for name in [call.crate_name(), ADAPTOR] {
        for ending in ["rlib", "rmeta"] {
            let file = format!("lib{name}{MARK}{hash}.{ending}");
            let _ = std::fs::remove_file(out_dir.join(file));
        }
    }
}

/// Gives a crate the stand-ins of its dependencies, where there are any.
pub(crate) fn replace(args: &mut [OsString]) {
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
        if let Some(other) = beside(Path::new(path)) {
            let prefix = &whole[..whole.len() - path.len()];
            debug_assert!(prefix.ends_with(&format!("{name}=")));
            let mut replaced = OsString::from(prefix);
            replaced.push(other);
            *arg = replaced;
        }
    }
}

/// The stand-in of a library, if it has one.
fn beside(path: &Path) -> Option<PathBuf> {
    let stem = stem_of(path.file_stem()?.to_str()?)?;
    let files = ["rlib", "rmeta"].map(|ending| path.with_file_name(format!("{stem}.{ending}")));
    files.into_iter().find(|file| file.is_file())
}

const ADAPTOR: &str = "nexus_lockprof_adaptor";

/// Compiles a stand-in.
pub(crate) fn make(kind: &Kind, call: &Call, runtime: &Runtime) -> Result<()> {
    let out_dir = call.out_dir().context("no --out-dir")?;
    let hash = call.codegen("extra-filename").unwrap_or_default();
    let real = out_dir.join(format!("lib{}{hash}.rmeta", call.crate_name()));
    if !real.is_file() {
        bail!("{} is not there", real.display());
    }
    let adaptor = if kind.own_adaptor {
        let lock_api = call.externs().find(|(name, _)| *name == "lock_api");
        let (_, lock_api) = lock_api.context("it is not built on lock_api")?;
        let engine = runtime.library("nexus-lockprof-engine")?;
        let source = runtime.source("nexus-lockprof-adaptor");
        let externs = [("lock_api", lock_api), ("nexus_lockprof_engine", engine)];
        compile(call, runtime, ADAPTOR, &source, &externs, &[])?
    } else {
        runtime.library("nexus-lockprof-adaptor")?
    };
    let externs = [(kind.real, real), (ADAPTOR, adaptor)];
    let source = runtime.source(kind.source);
    let name = call.crate_name();
    let made = compile(call, runtime, name, &source, &externs, &[]);
    // What it is built on may be older.
    made.or_else(|error| compile(call, runtime, name, &source, &externs, &OLD).map_err(|_| error))
        .map(drop)
}

/// For lock_api before 0.4.10.
const OLD: [&str; 2] = ["--cfg", "lockprof_old_lock_api"];

/// Compiles one of our sources as the crate of `call` was compiled, beside it.
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
    let hash = call.codegen("extra-filename").unwrap_or_default();
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
    command.arg("--cfg").arg("feature=\"profile\"").args(more);
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
    // Under another name first: who looks for it finds a whole file.
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
        replace(&mut args);
        assert_eq!(args[1], given(&real));
        let other = folder.join("libparking_lot-lp-12ab.rlib");
        std::fs::write(&other, "").unwrap();
        replace(&mut args);
        assert_eq!(args[1], given(&other));
        assert_eq!(args[3], given(&real));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
