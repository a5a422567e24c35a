//! What is served.

use std::fmt::Arguments;
use std::io::Write;

use nexus_lockprof_snapshot::Snapshot;

use super::Settings;

/// What is served: an engine, or anything that has snapshots.
///
/// It is called by the server's threads, several at a time.
pub trait Source: Send + Sync {
    /// Everything since the start or the last reset. The program's own intervals must go on as if
    /// nobody had looked.
    fn snapshot(&self) -> Snapshot;

    /// Starts anew from 0.
    fn reset(&self);

    /// The settings now.
    fn settings(&self) -> Settings;

    /// Changes the settings, to all of these.
    ///
    /// # Errors
    /// One line for whoever asked that says what is wrong; nothing is changed then.
    fn configure(&self, settings: &Settings) -> Result<(), String>;

    /// Called on each thread of the server before anything else.
    fn enter(&self) {}

    /// Hears what goes wrong with the server itself, such as a thread that cannot be started. On
    /// stderr, by default.
    fn trouble(&self, message: Arguments<'_>) {
        // A closed stderr is no reason to stop.
        let message = nexus_lockprof_snapshot::printable_message(message);
        let _ = writeln!(std::io::stderr(), "lockprof: {message}");
    }
}
