//! The source of what is served.

use std::fmt::Arguments;
use std::io::Write;
use std::time::Duration;

use nexus_lockprof_snapshot::Snapshot;

use super::{Series, Settings};

/// An engine, or anything else that has snapshots.
///
/// The server's threads call it, several at a time.
pub trait Source: Send + Sync {
    /// Everything since the start or the last reset. It must not disturb the program's own
    /// intervals.
    fn snapshot(&self) -> Snapshot;

    /// The same for a client that may come often. Its counts are those of now. Its samples may be
    /// older by `samples_behind`, if that is cheaper.
    fn peek(&self, samples_behind: Duration) -> Snapshot {
        let _ = samples_behind;
        self.snapshot()
    }

    /// A new series of intervals; `None` if the source has none, which is the default.
    fn series(&self) -> Option<Box<dyn Series>> {
        None
    }

    /// Resets all counts to 0.
    fn reset(&self);

    /// The current settings.
    fn settings(&self) -> Settings;

    /// Replaces all settings.
    ///
    /// # Errors
    /// One line for the client that says what is wrong. Then nothing changes.
    fn configure(&self, settings: &Settings) -> Result<(), String>;

    /// Called on each thread of the server before anything else.
    fn enter(&self) {}

    /// Reports a problem of the server itself, such as a thread that cannot be started. Prints to
    /// stderr by default.
    fn trouble(&self, message: Arguments<'_>) {
        // A closed stderr is no reason to stop.
        let message = nexus_lockprof_snapshot::printable_message(message);
        let _ = writeln!(std::io::stderr(), "lockprof: {message}");
    }
}
