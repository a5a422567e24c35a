//! With the feature `serve`.

use super::leftovers;
use crate::config::Mode;
use crate::engine::Engine;
use crate::process::env::{self, SERVE};
use crate::process::fork::own_this_thread;
use crate::process::kept::Kept;
use crate::say;
use nexus_lockprof_export::serve::{Limits, Listen, Serve, ServeError, Server, Settings, Source};
use nexus_lockprof_snapshot::{ProfilerMode, Snapshot};
use std::fmt::Arguments;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

pub(crate) const SUPPORTED: bool = true;

/// Where the environment says to serve.
static PLACE: Kept<Listen> = Kept::new();

/// For so long a process that was forked off waits for its parent to leave the place, in steps of so long.
const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(50);

/// Serves where the environment says, at the global engine's first use.
///
/// That may be in any lock of the program: what takes its time, such as looking through a folder of sockets, is done by a thread.
pub(crate) fn watch() {
    let Some(value) = env::var_os(SERVE) else {
        return;
    };
    match Listen::from_os(&value) {
        Ok(place) => start(PLACE.set(place), Duration::ZERO),
        // Errors begin with the value.
        Err(error) => say(format_args!("{SERVE}={error}: not serving")),
    }
}

/// Whether [`start_again`] starts a thread.
pub(crate) fn has_thread() -> bool {
    PLACE.get().is_some()
}

/// The same in a process that was forked off. A place that only one can have may be its parent's for a while: daemons are what the
/// parent starts before it ends.
pub(crate) fn start_again() {
    if let Some(place) = PLACE.get() {
        start(place, PATIENCE);
    }
}

fn start(place: &'static Listen, patience: Duration) {
    let started = std::thread::Builder::new()
        .name("lockprof-serve".into())
        .spawn(move || {
            own_this_thread();
            match serve_in_time(place, patience) {
                Ok(server) => {
                    if is_any_port(place) {
                        say(format_args!("{SERVE}={place}: serving {server}"));
                    }
                    server.detach();
                }
                Err(error) => say(format_args!("{SERVE}={place}: {error}: not serving")),
            }
        });
    if let Err(error) = started {
        say(format_args!(
            "{SERVE}: no thread for it: {error}: not serving"
        ));
    }
}

/// Serves there, or if that is in use, as soon as it no longer is.
fn serve_in_time(place: &Listen, patience: Duration) -> Result<Server, ServeError> {
    let begin = Instant::now();
    loop {
        match Engine::global().serve(place) {
            Err(error) if is_in_use(&error) && begin.elapsed() < patience => {
                std::thread::sleep(STEP);
            }
            done => return done,
        }
    }
}

fn is_in_use(error: &ServeError) -> bool {
    match error {
        ServeError::InUse { .. } => true,
        ServeError::Address { error, .. } => error.kind() == ErrorKind::AddrInUse,
        _ => false,
    }
}

/// Whether nobody could know the port.
fn is_any_port(place: &Listen) -> bool {
    match place {
        Listen::Unix | Listen::UnixAt(_) => false,
        Listen::Loopback(address) | Listen::Remote(address) => address.port() == 0,
    }
}

impl Engine {
    /// Serves this engine's statistics over HTTP, on threads of its own, until the server is dropped.
    ///
    /// `GET /snapshot` is a [`glance`](Self::glance): whoever pulls it, and as often as he likes, does not disturb thresholds and
    /// ticks. The requests are in `docs/guide/endpoint.md`. The server's threads take no signals, and nothing that they do is recorded.
    /// Any number of servers may run at one time.
    ///
    /// # Errors
    /// [`ServeError`] names what cannot be bound, and why.
    ///
    /// ```
    /// use nexus_lockprof_engine::{Engine, Listen};
    ///
    /// let server = Engine::new().serve(&"127.0.0.1:0".parse::<Listen>()?)?;
    /// println!("{server}"); // http://127.0.0.1:43210
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn serve(&self, place: &Listen) -> Result<Server, ServeError> {
        self.serve_within(place, Limits::default())
    }

    /// The same, within limits of one's own.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    pub fn serve_within(&self, place: &Listen, limits: Limits) -> Result<Server, ServeError> {
        let server = Serve::new(Served(self.clone())).limits(limits).on(place)?;
        leftovers::remember(&server);
        Ok(server)
    }
}

/// An engine, as its server sees it.
struct Served(Engine);

impl Source for Served {
    fn snapshot(&self) -> Snapshot {
        self.0.glance()
    }

    fn reset(&self) {
        drop(self.0.reset());
    }

    fn settings(&self) -> Settings {
        Settings {
            mode: self.0.config().mode.into(),
        }
    }

    fn configure(&self, settings: &Settings) -> Result<(), String> {
        let mode = match settings.mode {
            ProfilerMode::Off => Mode::Off,
            ProfilerMode::Counts => Mode::Counts,
            ProfilerMode::Sampled { budget } => Mode::Sampled { budget },
            ProfilerMode::Exact => Mode::Exact,
            ProfilerMode::Waits => return Err("waits is no mode that can be set".into()),
        };
        if self.0.state().is_retired() {
            return Err("the program was built without the feature `profile`".into());
        }
        let changed = self.0.state().reconfigure(|config| config.mode(mode));
        changed.map_err(|error| error.to_string())
    }

    fn enter(&self) {
        own_this_thread();
    }

    fn trouble(&self, message: Arguments<'_>) {
        say(message);
    }
}
