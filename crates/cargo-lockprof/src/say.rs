//! Messages to the user, on stderr.

use nexus_lockprof_snapshot::printable_lines;
use std::io::Write;

/// Prints a message. A closed stderr is no reason to stop.
pub(crate) fn say(message: std::fmt::Arguments<'_>) {
    tell(&format!("cargo lockprof: {message}\n"));
}

/// Writes text to stderr, made printable: the name of a file or a lock must not control the
/// terminal.
pub(crate) fn tell(text: &str) {
    let _ = write!(std::io::stderr(), "{}", printable_lines(text));
}
