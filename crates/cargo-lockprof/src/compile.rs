//! Compiles one crate: with stand-ins, or without if that fails.

use crate::attempt::{Attempt, cannot_run, command};
use crate::call::{self, Call};
use crate::notes;
use crate::programs;
use crate::registry;
use crate::runtime::{self, Runtime};
use crate::settings;
use crate::way::{self, Way};
use anyhow::{Context, Result};
use nexus_lockprof_command::child;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

/// Wraps a call of rustc: `cargo-lockprof [WRAPPER] RUSTC OPTION ...`.
pub(crate) fn wrap(words: Vec<OsString>) -> Result<ExitCode> {
    let call = Call::new(words)?;
    let build = settings::build_folder();
    let is_ours = call.compiles() && is_inside(call.out_dir(), build.as_deref());
    if !is_ours {
        return pass(&call, build.is_none());
    }
    if runtime::has_own_std(&call) {
        return pass(&call, false);
    }
    let (package, version) = package();
    let notes = build.or_else(|| call.out_dir().map(Path::to_owned));
    let crate_ = Crate {
        label: format!("{package} {version}"),
        key: format!("{}{}", call.crate_name(), call.hash()),
        runtime: Runtime::of(&call)?,
        call,
        build: notes.unwrap_or_default(),
        package,
        version,
    };
    crate_.compile()
}

/// Name and version of the package being compiled, from cargo.
fn package() -> (String, String) {
    let value = |name| std::env::var(name).unwrap_or_default();
    (value("CARGO_PKG_NAME"), value("CARGO_PKG_VERSION"))
}

/// Whether a crate is compiled into the profiled build. Without a folder of our own, every build is
/// profiled.
fn is_inside(out_dir: Option<&Path>, build: Option<&Path>) -> bool {
    let (Some(out_dir), Some(build)) = (out_dir, build) else {
        return build.is_none();
    };
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    whole(out_dir).starts_with(whole(build))
}

struct Crate {
    call: Call,
    runtime: Runtime,
    build: PathBuf,
    package: String,
    version: String,
    label: String,
    key: String,
}

impl Crate {
    fn compile(&self) -> Result<ExitCode> {
        programs::keep(&self.build, &self.call);
        registry::keep_externs(&self.call);
        let stand_in = registry::stand_in(&self.package, &self.version, &self.call);
        if let Some(out_dir) = self.call.out_dir() {
            registry::forget(out_dir, &self.call);
        }
        let is_wanted = settings::is_wanted(&self.package, self.call.crate_name());
        let ways = if self.package.starts_with("nexus-lockprof") {
            // Our own crates report to the project's engine.
            &[Way::Plain][..]
        } else if self.call.is_of_the_build() || !is_wanted {
            // Types of its dependencies may contain their stand-ins, so compiling without them may
            // fail.
            &[Way::Plain, Way::Dependencies, Way::Full][..]
        } else {
            &[
                Way::Full,
                Way::WithoutLockApi,
                Way::Dependencies,
                Way::Plain,
            ]
        };
        let mut why = None;
        let mut tried: Vec<Vec<OsString>> = Vec::new();
        for &way in ways {
            let args = self.args(way, stand_in.as_ref())?;
            if tried.contains(&args) {
                continue;
            }
            let mut attempt = Attempt::start(&self.call, &args)?;
            let note = |notes: &mut Vec<String>| {
                notes.extend(self.note(way, is_wanted, why.as_deref()));
                notes.extend(self.other_locks(way, stand_in.is_some()));
                self.keep(notes);
            };
            attempt.run(|| {
                let stand_in = stand_in
                    .as_ref()
                    .filter(|_| registry::is_library(&self.call));
                let stand_in = stand_in.and_then(|stand_in| self.make_stand_in(stand_in));
                note(&mut stand_in.into_iter().collect());
            })?;
            // A killed rustc has not failed to compile the crate.
            let is_over = attempt.is_committed || attempt.status.code().is_none();
            if attempt.status.success() || is_over {
                if !attempt.is_committed {
                    note(&mut Vec::new());
                }
                way::set(&self.build, &self.key, way);
                attempt.flush()?;
                return Ok(code(attempt.status));
            }
            why.get_or_insert_with(|| attempt.first_error());
            tried.push(args);
            if way == Way::Plain && ways.last() == Some(&way) {
                // The error is in the program itself.
                attempt.flush()?;
                return Ok(code(attempt.status));
            }
        }
        let args = self.args(Way::Plain, None)?;
        way::set(&self.build, &self.key, Way::Plain);
        let mut last = Attempt::start(&self.call, &args)?;
        last.run(|| ())?;
        last.flush()?;
        Ok(code(last.status))
    }

    /// Rustc's options.
    fn args(&self, way: Way, stand_in: Option<&registry::StandIn>) -> Result<Vec<OsString>> {
        let is_under = stand_in.is_some_and(registry::StandIn::is_on_lock_api);
        let args = way.args(&self.call.args, is_under, &self.runtime)?;
        Ok(with_lines(args))
    }

    /// Makes the stand-in for this crate, or says why it cannot be made.
    fn make_stand_in(&self, stand_in: &registry::StandIn) -> Option<String> {
        let error = registry::make(stand_in, &self.call, &self.runtime).err()?;
        let error = format!("{error:#}");
        let mut lines = error.lines().filter(|line| !line.trim().is_empty());
        let first = lines.next().unwrap_or_default();
        Some(format!(
            "{} (its stand-in does not compile: {first})",
            self.label
        ))
    }

    /// Says why the crate's locks are not seen.
    fn note(&self, way: Way, is_wanted: bool, why: Option<&str>) -> Option<String> {
        match way {
            Way::Full => None,
            _ if self.package.starts_with("nexus-lockprof") => None,
            _ if !is_wanted => Some(format!("{} (as asked for)", self.label)),
            _ => {
                let of = match way {
                    Way::WithoutLockApi => "lock_api",
                    _ => "std",
                };
                Some(format!(
                    "{} (does not compile with the stand-in for {of}: {})",
                    self.label,
                    why.unwrap_or_default()
                ))
            }
        }
    }

    /// Names locks that have no stand-in.
    fn other_locks(&self, way: Way, has_stand_in: bool) -> Option<String> {
        let lock_api = self.call.library(registry::LOCK_API);
        let is_seen = way == Way::Full && lock_api.as_deref().and_then(registry::beside).is_some();
        let why = match self.package.as_str() {
            "parking_lot" | "async-lock" if has_stand_in => return None,
            "parking_lot" | "async-lock" => "nothing stands in for this version",
            "spin" if is_seen => "spin locks of its own, but for those on lock_api",
            "spin" => "spin locks of its own",
            _ if is_seen => return None,
            // `note` says so.
            _ if way == Way::WithoutLockApi && lock_api.is_some() => return None,
            _ if lock_api.is_some() => "raw locks of its own, on lock_api",
            _ if self.call.library("parking_lot_core").is_some() => {
                "locks of its own, on parking_lot_core"
            }
            _ => return None,
        };
        Some(format!("{} ({why})", self.label))
    }

    /// Keeps notes for the report.
    fn keep(&self, own: &[String]) {
        if self.call.is_of_the_build() {
            return;
        }
        let libraries = self.call.externs();
        let dependencies = libraries.filter_map(|(_, path)| Some(call::key_of(&path)?.to_owned()));
        notes::set(&self.build, &self.key, own, dependencies);
    }
}

/// Adds line tables for call stacks if cargo asked for less. The code stays the same. Crates that
/// cargo fetched get none: they are most of the code, and their functions have names anyway.
fn with_lines(args: Vec<OsString>) -> Vec<OsString> {
    const NONE: [&str; 2] = ["debuginfo=0", "debuginfo=none"];
    // Cargo caps lints for crates that the user cannot change.
    let mut has_lines = call::values(&args, "--cap-lints").next().is_some();
    let mut kept: Vec<OsString> = Vec::new();
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        let is_apart = text == "-C" || text == "--codegen";
        // The option is one word or two.
        let option = match args.peek() {
            Some(next) if is_apart => next.to_str(),
            _ => text
                .strip_prefix("--codegen=")
                .or_else(|| text.strip_prefix("-C")),
        };
        let option = option.unwrap_or_default();
        if option.starts_with("strip=") {
            if is_apart {
                args.next();
            }
            continue;
        }
        has_lines |= text == "-g" || (option.starts_with("debuginfo=") && !NONE.contains(&option));
        kept.push(arg);
    }
    if !has_lines {
        kept.extend(["-C".into(), "debuginfo=line-tables-only".into()]);
    }
    kept
}

/// Runs the program as it was called. If every build is profiled, adds our version to rustc's, so
/// that cargo rebuilds when the runtime changes.
fn pass(call: &Call, is_every_build: bool) -> Result<ExitCode> {
    let mut command = command(call);
    command.args(&call.args);
    let status = command.status().with_context(|| cannot_run(&command))?;
    if is_every_build && status.success() && call.args.iter().any(|arg| arg == "-vV") {
        let _ = writeln!(std::io::stdout(), "lockprof: {}", crate::sources::HASH);
    }
    Ok(code(status))
}

pub(crate) fn code(status: ExitStatus) -> ExitCode {
    ExitCode::from(child::exit_code(status))
}

/// The way to compile a library's examples: the one that the library was compiled in.
fn way_of_examples(call: &Call, build: Option<&Path>) -> Way {
    let mut externs = call.externs();
    let library = externs.find(|(name, _)| *name == call.crate_name());
    let way = build.zip(library).and_then(|(build, (_, path))| {
        let key = call::key_of(&path)?;
        way::of(build, key)
    });
    way.unwrap_or(match settings::is_wanted(&package().0, call.crate_name()) {
        true => Way::Full,
        false => Way::Plain,
    })
}

/// Wraps a call of rustdoc, which compiles examples and runs them like tests.
pub(crate) fn wrap_rustdoc(args: Vec<OsString>) -> Result<ExitCode> {
    let rustdoc = settings::value(settings::RUSTDOC).unwrap_or_else(|| "rustdoc".into());
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut call = Call {
        program: vec![rustdoc.clone()],
        args,
    };
    let build = settings::build_folder();
    let found = call::values(&call.args, "-L").filter_map(OsStr::to_str);
    let folder = found
        .filter_map(|path| path.strip_prefix("dependency="))
        .map(PathBuf::from)
        .next();
    let mut command = Command::new(rustdoc);
    if folder.is_some() && is_inside(folder.as_deref(), build.as_deref()) {
        let asked = Call {
            program: vec![rustc],
            args: call.args.clone(),
        };
        let runtime = Runtime::of(&asked)?;
        let way = way_of_examples(&call, build.as_deref().or(folder.as_deref()));
        call.args = way.args(&call.args, false, &runtime)?;
        if let Some(out) = settings::value(settings::OUT) {
            command.env("LOCKPROF_OUT", out);
        }
    }
    command.args(&call.args);
    let status = command.status().with_context(|| cannot_run(&command))?;
    Ok(code(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_has_lines() {
        let os = |args: &[&str]| -> Vec<OsString> { args.iter().map(OsString::from).collect() };
        for (args, expected) in [
            (
                &["-C", "opt-level=3", "-C", "strip=debuginfo"][..],
                &["-C", "opt-level=3", "-C", "debuginfo=line-tables-only"][..],
            ),
            (
                &["-C", "debuginfo=2", "x.rs"],
                &["-C", "debuginfo=2", "x.rs"],
            ),
            (
                &["-C", "debuginfo=0"],
                &["-C", "debuginfo=0", "-C", "debuginfo=line-tables-only"],
            ),
            (&["-Cdebuginfo=2", "-Cstrip=symbols"], &["-Cdebuginfo=2"]),
            (
                &["--cap-lints", "allow", "-Cstrip=symbols"],
                &["--cap-lints", "allow"],
            ),
            (&["-g", "--codegen=strip=symbols"], &["-g"]),
            (
                &["-Cdebuginfo=none", "--codegen", "strip=none"],
                &["-Cdebuginfo=none", "-C", "debuginfo=line-tables-only"],
            ),
        ] {
            assert_eq!(with_lines(os(args)), os(expected));
        }
    }
}
