//! One line to the user.

/// Tells the user something, on stderr, in one line: a value of the environment may be in it. A closed stderr is no reason to stop.
///
/// Not by way of the standard library's stderr, which may be locked for good in a child that was forked off.
#[cfg(unix)]
pub(crate) fn say(message: std::fmt::Arguments<'_>) {
    let message = nexus_lockprof_snapshot::printable_message(message);
    let line = format!("lockprof: {message}\n");
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the bytes are there; a descriptor that is none is an error.
        let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written @ 1..) => rest = &rest[written.min(rest.len())..],
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {
            }
            _ => return,
        }
    }
}

/// The same where nothing forks.
#[cfg(not(unix))]
pub(crate) fn say(message: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let message = nexus_lockprof_snapshot::printable_message(message);
    let _ = writeln!(std::io::stderr(), "lockprof: {message}");
}
