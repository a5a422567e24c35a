//! Ways to compile a crate. The one that worked is kept beside the build, because rustdoc compiles
//! the crate's examples later.

use crate::files;
use crate::registry;
use crate::runtime::{self, Runtime};
use anyhow::Result;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// A way to compile a crate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// With the stand-ins of std and of the dependencies.
    Full,
    /// The same without lock_api's stand-in: the crate's own raw locks do not compile with it.
    WithoutLockApi,
    /// With the stand-ins of the dependencies only.
    Dependencies,
    /// As without this program.
    Plain,
}

/// Their names in files. `Full` has no file.
const NAMES: [(Way, &str); 3] = [
    (Way::WithoutLockApi, "without-lock-api"),
    (Way::Dependencies, "dependencies"),
    (Way::Plain, "plain"),
];

impl Way {
    /// The options of rustc or rustdoc instead of cargo's `args`. `is_under` says that the crate's
    /// own stand-in uses lock_api's.
    pub(crate) fn args(
        self,
        args: &[OsString],
        is_under: bool,
        runtime: &Runtime,
    ) -> Result<Vec<OsString>> {
        let mut args = args.to_vec();
        if self != Way::Plain {
            registry::replace(&mut args, self != Way::WithoutLockApi && !is_under);
        }
        args.extend(runtime::search(runtime));
        if matches!(self, Way::Full | Way::WithoutLockApi) {
            args.extend(runtime::stand_in(runtime)?);
        }
        Ok(args)
    }
}

/// Keeps the way that a crate was compiled in. If that fails, its examples are compiled as `Full`.
pub(crate) fn set(build: &Path, key: &str, way: Way) {
    let path = path(build, key);
    match NAMES.iter().find(|(known, _)| *known == way) {
        Some((_, name)) => {
            let _ = files::write(&path, name);
        }
        None => {
            let _ = fs::remove_file(path);
        }
    }
}

/// The way that a crate was compiled in.
pub(crate) fn of(build: &Path, key: &str) -> Option<Way> {
    let text = fs::read_to_string(path(build, key)).ok()?;
    let found = NAMES.iter().find(|(_, name)| *name == text);
    found.map(|&(way, _)| way)
}

fn path(build: &Path, key: &str) -> PathBuf {
    build.join("lockprof-ways").join(key)
}
