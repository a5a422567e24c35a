//! Programs whose names look like build scripts'. A profile has only the name of its program, and
//! build scripts are not profiled.

use crate::call::Call;
use crate::files;
use std::path::{Path, PathBuf};

/// The beginning of a build script's name and of its crate's name.
const SCRIPT: &str = "build_script_";

/// Keeps the name of a program that is named like a build script.
pub(crate) fn keep(build: &Path, call: &Call) {
    let name = call.crate_name();
    if name.starts_with(SCRIPT) && !call.is_of_the_build() {
        let _ = files::write(&path(build, name), "");
    }
}

/// Whether a program is part of the build.
pub(crate) fn is_of_the_build(build: &Path, program: &str) -> bool {
    let name = program.replace('-', "_");
    // A test's program has a hash in its name.
    let test = name.rsplit_once('_').map(|(name, _)| name);
    let is_kept = |name: &str| path(build, name).is_file();
    name.starts_with(SCRIPT) && !is_kept(&name) && !test.is_some_and(is_kept)
}

fn path(build: &Path, name: &str) -> PathBuf {
    build.join("lockprof-programs").join(name)
}
