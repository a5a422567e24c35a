//! Programs that look like build scripts and are none. A profile has the name of its program only,
//! and build scripts are no part of what is profiled.

use crate::call::Call;
use crate::files;
use std::path::{Path, PathBuf};

/// How the name of a build script begins, and that of its crate.
const SCRIPT: &str = "build_script_";

/// Keeps the name of a program that is called as a build script is.
pub(crate) fn keep(build: &Path, call: &Call) {
    let name = call.crate_name();
    if name.starts_with(SCRIPT) && !call.is_of_the_build() {
        let _ = files::write(&path(build, name), "");
    }
}

/// Whether a program is a part of the build.
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
