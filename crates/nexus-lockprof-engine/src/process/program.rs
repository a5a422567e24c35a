//! What the program is called.

use std::ffi::OsString;
use std::path::PathBuf;

/// The file name of the program.
pub(crate) fn name() -> Option<OsString> {
    let path = std::env::current_exe().ok();
    let path = path.or_else(|| std::env::args_os().next().map(PathBuf::from));
    let name = path?.file_name()?.to_owned();
    // Linux says so of a program whose file was replaced while it runs.
    match name
        .to_str()
        .and_then(|name| name.strip_suffix(" (deleted)"))
    {
        Some(name) => Some(name.into()),
        None => Some(name),
    }
}

/// The same as text.
pub(crate) fn text() -> Option<String> {
    name().map(|name| name.to_string_lossy().into_owned())
}
