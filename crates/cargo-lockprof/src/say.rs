//! What the user is told, on stderr.

use nexus_lockprof_snapshot::printable_lines;
use std::io::Write;

/// Tells the user something, on stderr. A closed stderr is no reason to stop.
pub(crate) fn say(message: std::fmt::Arguments<'_>) {
    tell(&format!("cargo lockprof: {message}\n"));
}

/// Writes text to stderr. Nothing in it steers the terminal, be it the name of a file or of a lock.
pub(crate) fn tell(text: &str) {
    let _ = write!(std::io::stderr(), "{}", printable_lines(text));
}
