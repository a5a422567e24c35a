//! The process-wide engine's functions.

#[cfg(not(feature = "profile"))]
mod disabled;
#[cfg(feature = "profile")]
mod enabled;

#[cfg(not(feature = "profile"))]
use disabled::{effective, engine};
#[cfg(feature = "profile")]
use enabled::{effective, engine};

use nexus_lockprof_engine::{Config, ConfigError, Event, HandlerId, Reporter};
#[cfg(all(feature = "serve", unix))]
use nexus_lockprof_serve::{Limits, Listen, ServeEngine as _, ServeError, Server};
use nexus_lockprof_snapshot::Snapshot;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Changes the settings, live. Start from [`config`] to keep what the environment asks for.
///
/// A change of mode takes effect at each thread's next acquisition; a lock that is held across it
/// keeps what was begun, so nothing bogus is recorded.
///
/// # Errors
/// [`ConfigError`] names the setting that makes no sense; nothing is changed then.
///
/// ```
/// use nexus_lockprof::{Config, Mode};
///
/// nexus_lockprof::configure(Config::default().mode(Mode::Exact))?;
/// # Ok::<(), nexus_lockprof::ConfigError>(())
/// ```
pub fn configure(config: Config) -> Result<(), ConfigError> {
    engine().configure(effective(config))
}

/// The settings now; before the first use, those that the environment asks for.
///
/// ```
/// // Changes one setting and keeps the others: also `LOCKPROF=exact` of whoever started the program.
/// nexus_lockprof::configure(nexus_lockprof::config().hot_min_samples(32))?;
/// # Ok::<(), nexus_lockprof::ConfigError>(())
/// ```
#[must_use]
pub fn config() -> Config {
    engine().config()
}

/// Everything since the start or the last [`reset`], merged from all threads.
///
/// Also ends an interval: points are compared to their thresholds, and handlers called on this
/// thread. Never waits for a thread that uses locks; concurrent collections wait for one another.
///
/// ```
/// let earlier = nexus_lockprof::snapshot();
/// // ...
/// let later = nexus_lockprof::snapshot();
/// let interval = later.since(&earlier)?;
/// assert!(interval.elapsed_ns() <= later.elapsed_ns());
/// # Ok::<(), nexus_lockprof::SinceError>(())
/// ```
#[must_use]
pub fn snapshot() -> Snapshot {
    engine().snapshot()
}

/// Ends an interval like [`snapshot`], and [publishes](published) it instead of returning it.
///
/// ```
/// nexus_lockprof::tick();
/// assert!(nexus_lockprof::published().is_some());
/// ```
pub fn tick() {
    engine().tick();
}

/// The snapshot of the last [`tick`]: for any number of readers, at no cost to anyone.
#[must_use]
pub fn published() -> Option<Arc<Snapshot>> {
    engine().published()
}

/// Starts anew from 0, and returns what there was: each event is in that snapshot or in later ones.
///
/// ```
/// let before = nexus_lockprof::reset();
/// assert_eq!(nexus_lockprof::snapshot().resets(), before.resets() + 1);
/// ```
pub fn reset() -> Snapshot {
    engine().reset()
}

/// Calls `handler` with every event, on the thread whose snapshot, tick or reset found it.
///
/// Handlers may use profiled locks and take snapshots. One that panics is reported on stderr and kept.
///
/// ```
/// use nexus_lockprof::Event;
///
/// let id = nexus_lockprof::on_event(|event| {
///     if let Event::Hot(hot) = event {
///         eprintln!("{hot}"); // lock.hot lock=... site=... metric=...
///     }
/// });
/// assert!(nexus_lockprof::remove_handler(id));
/// ```
pub fn on_event(handler: impl Fn(&Event) + Send + Sync + 'static) -> HandlerId {
    engine().on_event(handler)
}

/// Removes a handler. `false` if it was not there any more.
pub fn remove_handler(id: HandlerId) -> bool {
    engine().remove_handler(id)
}

/// Starts a thread that [ticks](tick) every `every`, until the reporter is dropped. There is none unless asked for.
///
/// # Errors
/// The operating system's, when the thread cannot be started.
///
/// ```
/// use std::time::Duration;
///
/// let reporter = nexus_lockprof::reporter(Duration::from_secs(10))?;
/// // ...
/// drop(reporter);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn reporter(every: Duration) -> io::Result<Reporter> {
    engine().reporter(every)
}

/// Calibrates the clock now, instead of at the first timed acquisition: some milliseconds, once in a process.
///
/// ```
/// nexus_lockprof::warm_up(); // at the start of main
/// ```
pub fn warm_up() {
    engine().warm_up();
}

/// Serves the statistics over HTTP, on threads of the profiler's own, until the [`Server`] is dropped; or until the process ends, with
/// [`Server::detach`].
///
/// `LOCKPROF_SERVE=unix` does the same without a line of code. Any number of servers may run at one time. What can be asked, and who may, is in
/// `docs/guide/endpoint.md`. Without the feature `profile` what is served is empty, and its mode is off and stays so.
///
/// # Errors
/// [`ServeError`] names what cannot be bound, and why.
///
/// ```
/// use nexus_lockprof::Listen;
///
/// let server = nexus_lockprof::serve(&"127.0.0.1:0".parse::<Listen>()?)?;
/// println!("curl {server}/snapshot");
/// server.detach();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(all(feature = "serve", unix))]
pub fn serve(place: &Listen) -> Result<Server, ServeError> {
    engine().serve(place)
}

/// The same as [`serve`], within other limits than the default.
///
/// # Errors
/// As [`serve`].
#[cfg(all(feature = "serve", unix))]
pub fn serve_within(place: &Listen, limits: Limits) -> Result<Server, ServeError> {
    engine().serve_within(place, limits)
}
