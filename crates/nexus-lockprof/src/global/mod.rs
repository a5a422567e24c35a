//! The process-wide engine's functions.

#[cfg(not(feature = "profile"))]
mod disabled;
#[cfg(feature = "profile")]
mod enabled;

#[cfg(not(feature = "profile"))]
use disabled::{effective, engine};
#[cfg(feature = "profile")]
use enabled::{effective, engine};

use nexus_lockprof_engine::{Config, ConfigError, Event, HandlerId, Intervals, Reporter};
#[cfg(all(feature = "serve", unix))]
use nexus_lockprof_serve::{Limits, Listen, ServeEngine as _, ServeError, Server};
use nexus_lockprof_snapshot::Snapshot;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Changes the settings while the program runs. Start from [`config`] to keep what the environment
/// asks for.
///
/// Each thread adopts a new mode at its next acquisition. A lock held across the change finishes in
/// the mode it began in, so nothing wrong is recorded.
///
/// # Errors
/// [`ConfigError`] names the invalid setting. Nothing is changed then.
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

/// The current settings. Before the first use, these are the ones the environment asks for.
///
/// ```
/// // Changes one setting and keeps the others, such as a mode set with `LOCKPROF=exact`.
/// nexus_lockprof::configure(nexus_lockprof::config().hot_min_samples(32))?;
/// # Ok::<(), nexus_lockprof::ConfigError>(())
/// ```
#[must_use]
pub fn config() -> Config {
    engine().config()
}

/// Everything since the start or the last [`reset`], merged from all threads.
///
/// Also ends an interval. In a program that has not ticked yet, it compares points to their
/// thresholds. It calls handlers on this thread.
/// It never waits for a thread that uses locks. Concurrent collections wait for each other.
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

/// A series of intervals that no other reader disturbs.
///
/// Each [`pull`](Intervals::pull) returns what happened since the one before, with percentiles of
/// that interval. The first returns everything since the start or the last [`reset`]. The intervals
/// of a series add up to the cumulative counts, exactly, whoever else takes snapshots or pulls.
///
/// A series takes some 700 bytes a point, and at most 65,536 samples. The 8 series that were pulled
/// last have percentiles.
///
/// ```
/// let mut intervals = nexus_lockprof::intervals();
/// let so_far = intervals.pull();
/// // ...
/// let interval = intervals.pull();
/// assert_eq!(interval.base_collection(), Some(so_far.collection()));
/// for point in interval.points() {
///     println!("{}: {} acquisitions, {:?} ns", point.site, point.acquisitions, point.wait.p95_ns());
/// }
/// ```
#[must_use]
pub fn intervals() -> Intervals {
    engine().intervals()
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

/// The snapshot of the last [`tick`]. Any number of readers can have it, at no cost to other
/// threads.
#[must_use]
pub fn published() -> Option<Arc<Snapshot>> {
    engine().published()
}

/// Starts again from 0, and returns the snapshot so far. Each event is in that snapshot or in a
/// later one.
///
/// ```
/// let before = nexus_lockprof::reset();
/// assert_eq!(nexus_lockprof::snapshot().resets(), before.resets() + 1);
/// ```
pub fn reset() -> Snapshot {
    engine().reset()
}

/// Calls `handler` for every event, on the thread whose snapshot, tick or reset caused it.
///
/// Handlers may use profiled locks and take snapshots. A handler that panics is reported on stderr
/// and stays installed.
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

/// Removes a handler. Returns `false` if it was already gone.
pub fn remove_handler(id: HandlerId) -> bool {
    engine().remove_handler(id)
}

/// Starts a thread that [ticks](tick) every `every`, until the reporter is dropped. By default
/// there is no such thread.
///
/// # Errors
/// The operating system's error if the thread cannot be started.
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

/// Calibrates the clock now, instead of at the first timed acquisition. This takes a few
/// milliseconds, once per process.
///
/// ```
/// nexus_lockprof::warm_up(); // at the start of main
/// ```
pub fn warm_up() {
    engine().warm_up();
}

/// Serves the statistics over HTTP, on threads of the profiler's own, until the [`Server`] is
/// dropped. [`Server::detach`] keeps it until the process ends.
///
/// `LOCKPROF_SERVE=unix` does the same without code. Several servers can run at once. The [guide]
/// says what they serve and who has access. Without the feature `profile` the served snapshot is
/// empty, and its mode stays off.
///
/// [guide]: crate::_guide#ask-a-running-program
///
/// # Errors
/// [`ServeError`] names the address that cannot be bound, and why.
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

/// [`serve`] with limits other than the default.
///
/// # Errors
/// As for [`serve`].
#[cfg(all(feature = "serve", unix))]
pub fn serve_within(place: &Listen, limits: Limits) -> Result<Server, ServeError> {
    engine().serve_within(place, limits)
}
