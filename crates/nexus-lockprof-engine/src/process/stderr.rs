//! One line to the user.

/// Tells the user something in one line on stderr. The message may contain a value from the
/// environment. A closed stderr is no reason to stop.
///
/// Does not use the standard library's stderr, which may be locked for good in a forked child.
pub(crate) fn say(message: std::fmt::Arguments<'_>) {
    let message = nexus_lockprof_snapshot::printable_message(message);
    write(&format!("lockprof: {message}\n"));
}

/// Writes an event's marker line to stderr. The line is printable.
pub(crate) fn say_line(event: impl std::fmt::Display) {
    write(&format!("{event}\n"));
}

#[cfg(unix)]
fn write(line: &str) {
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the pointer and length are those of a slice. An invalid descriptor is only an
        // error.
        let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written @ 1..) => rest = &rest[written.min(rest.len())..],
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {
            }
            _ => return,
        }
    }
}

/// The same for systems that do not fork.
#[cfg(not(unix))]
fn write(line: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(line.as_bytes());
}
