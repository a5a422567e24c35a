//! Settings that the front passes to the wrapper in environment variables. Rustc inherits them from
//! cargo.
//!
//! No name begins with `CARGO_`: sccache takes such variables as part of a compilation, and ours
//! name another folder at each run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder of the profiled build. Calls that compile elsewhere are passed on: a program may
/// start a cargo itself.
pub(crate) const BUILD: &str = "LOCKPROF_CARGO_BUILD";
/// The user's own wrapper of rustc.
pub(crate) const WRAPPER: &str = "LOCKPROF_CARGO_WRAPPER";
/// The user's own rustdoc.
pub(crate) const RUSTDOC: &str = "LOCKPROF_CARGO_RUSTDOC";
/// Where doctests write their profiles.
pub(crate) const OUT: &str = "LOCKPROF_CARGO_OUT";
/// The cargo that builds the runtime.
pub(crate) const CARGO: &str = "LOCKPROF_CARGO_CARGO";
/// The rustc that the front asked for its version: name, path and version, in lines.
pub(crate) const RUSTC: &str = "LOCKPROF_CARGO_RUSTC";
/// Set if the runtime has the endpoint.
pub(crate) const SERVE: &str = "LOCKPROF_CARGO_SERVE";
/// Set if cargo may fetch nothing.
pub(crate) const OFFLINE: &str = "LOCKPROF_CARGO_OFFLINE";
/// How many compilers may run at once, if an option says so.
pub(crate) const JOBS: &str = "LOCKPROF_CARGO_JOBS";
/// Crates that get stand-ins, separated by commas. If empty, all do.
pub(crate) const ONLY: &str = "LOCKPROF_CARGO_ONLY";
/// Crates that get none.
pub(crate) const EXCEPT: &str = "LOCKPROF_CARGO_EXCEPT";

pub(crate) const ALL: [&str; 11] = [
    BUILD, WRAPPER, RUSTDOC, OUT, CARGO, RUSTC, SERVE, OFFLINE, JOBS, ONLY, EXCEPT,
];

/// A folder in the build folder: which crates got no stand-in, and why.
pub(crate) const NOTES: &str = "lockprof-notes";

pub(crate) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

pub(crate) fn value(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

pub(crate) fn build_folder() -> Option<PathBuf> {
    value(BUILD).map(PathBuf::from)
}

/// Whether a crate gets stand-ins.
pub(crate) fn is_wanted(package: &str, crate_name: &str) -> bool {
    let names = |name: &str| {
        let list = std::env::var(name).unwrap_or_default();
        let found = list.split(',').any(|name| {
            let name = name.trim();
            name == package || name.replace('-', "_") == crate_name
        });
        (!list.is_empty()).then_some(found)
    };
    names(ONLY).unwrap_or(true) && !names(EXCEPT).unwrap_or(false)
}

/// A folder in the form of `LOCKPROF_OUT`. `None` if it is not Unicode.
pub(crate) fn template(folder: &Path) -> Option<String> {
    Some(folder.to_str()?.replace('%', "%%"))
}
