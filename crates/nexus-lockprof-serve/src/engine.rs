//! An engine as a server's source, and the endpoint that `LOCKPROF_SERVE` requests.

use std::fmt::Arguments;
use std::io::ErrorKind;
use std::sync::Weak;
use std::time::{Duration, Instant};

use nexus_lockprof_engine::serving::{
    self, Cleanup, Endpoint, RaceOnce, make_thread_internal, say,
};
use nexus_lockprof_engine::{Engine, Intervals, Mode};
use nexus_lockprof_snapshot::{ProfilerMode, Snapshot};

use super::files::SocketFile;
use super::{Limits, Listen, Series, Serve, ServeError, Server, Settings, Source};

static ENDPOINT: Endpoint = Endpoint {
    start,
    start_again,
    has_thread,
};

extern "C" fn install() {
    serving::install(&ENDPOINT);
}

// The loader runs this constructor. Its priority comes before constructors without one, so the
// first use of a lock finds the endpoint even if another constructor locks. On Apple's systems
// there is no priority: a constructor of the program that runs first finds none.
#[allow(
    unsafe_code,
    reason = "an entry in the table of constructors, each of which the loader calls once"
)]
#[cfg(not(miri))]
#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(
    not(target_vendor = "apple"),
    unsafe(link_section = ".init_array.00101")
)]
static CONSTRUCTOR: extern "C" fn() = install;

/// The place that the environment names.
static PLACE: RaceOnce<Listen> = RaceOnce::new();

/// How long a forked process waits for its parent to leave the place, and the step of that wait.
const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(50);

/// Serves where the environment says, at the global engine's first use.
///
/// That may be in any lock of the program. So a thread does what takes time, such as reading a
/// folder of sockets.
fn start() {
    let (name, Some(value)) = serving::place() else {
        return;
    };
    match Listen::from_os(&value) {
        Ok(place) => serve_on_thread(PLACE.set(place), Duration::ZERO),
        // Errors begin with the value.
        Err(error) => say(format_args!("{name}={error}: not serving")),
    }
}

/// Whether [`start_again`] starts a thread.
fn has_thread() -> bool {
    PLACE.get().is_some()
}

/// The same in a forked process. Its parent may still have the place for a while: a daemon's parent
/// ends after the fork.
fn start_again() {
    if let Some(place) = PLACE.get() {
        serve_on_thread(place, PATIENCE);
    }
}

fn serve_on_thread(place: &'static Listen, patience: Duration) {
    let started = std::thread::Builder::new()
        .name("lockprof-serve".into())
        .spawn(move || {
            make_thread_internal();
            match serve_in_time(place, patience) {
                Ok(server) => {
                    if is_any_port(place) {
                        say(format_args!("LOCKPROF_SERVE={place}: serving {server}"));
                    }
                    server.detach();
                }
                Err(error) => say(format_args!("LOCKPROF_SERVE={place}: {error}: not serving")),
            }
        });
    if let Err(error) = started {
        say(format_args!(
            "LOCKPROF_SERVE: no thread for it: {error}: not serving"
        ));
    }
}

/// Serves there, or once the place is no longer in use.
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

/// Whether the port is chosen by the system, so that nobody could know it.
fn is_any_port(place: &Listen) -> bool {
    match place {
        Listen::Unix | Listen::UnixAt(_) => false,
        Listen::Loopback(address) | Listen::Remote(address) => address.port() == 0,
    }
}

/// Lets an [`Engine`] be served.
pub trait ServeEngine {
    /// Serves the engine's statistics over HTTP, on the profiler's own threads, until the server is
    /// dropped.
    ///
    /// `GET /snapshot` is a [light peek](Engine::light_peek): pulling it does not disturb
    /// thresholds and ticks. `docs/guide/endpoint.md` lists the requests. The server's threads
    /// block all signals, and the profiler does not record them. Any number of servers may run at
    /// once.
    ///
    /// # Errors
    /// [`ServeError`] names what cannot be bound, and why.
    ///
    /// ```
    /// use nexus_lockprof_engine::Engine;
    /// use nexus_lockprof_serve::{Listen, ServeEngine as _};
    ///
    /// let server = Engine::new().serve(&"127.0.0.1:0".parse::<Listen>()?)?;
    /// println!("{server}"); // http://127.0.0.1:43210
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn serve(&self, place: &Listen) -> Result<Server, ServeError> {
        self.serve_within(place, Limits::default())
    }

    /// The same with limits other than the default.
    ///
    /// # Errors
    /// Those of [`serve`](Self::serve).
    fn serve_within(&self, place: &Listen, limits: Limits) -> Result<Server, ServeError>;
}

impl ServeEngine for Engine {
    fn serve_within(&self, place: &Listen, limits: Limits) -> Result<Server, ServeError> {
        let server = Serve::new(Served(self.clone())).limits(limits).on(place)?;
        if let Some(file) = server.remains() {
            serving::remove_at_exit(Box::new(SocketCleanup(file)));
        }
        Ok(server)
    }
}

/// Removes a socket file whose server has not been dropped.
struct SocketCleanup(Weak<SocketFile>);

impl Cleanup for SocketCleanup {
    fn is_needed(&self) -> bool {
        self.0.strong_count() > 0
    }

    fn run(&self) {
        if let Some(file) = self.0.upgrade() {
            file.remove();
        }
    }
}

/// A series of an engine.
struct Pulled(Intervals);

impl Series for Pulled {
    fn interval(&mut self) -> Snapshot {
        self.0.pull()
    }

    fn snapshot(&mut self) -> Snapshot {
        self.0.snapshot()
    }
}

/// An engine, as its server sees it.
struct Served(Engine);

impl Source for Served {
    fn snapshot(&self) -> Snapshot {
        self.0.peek()
    }

    fn peek(&self, samples_behind: Duration) -> Snapshot {
        self.0.light_peek(samples_behind)
    }

    fn series(&self) -> Option<Box<dyn Series>> {
        Some(Box::new(Pulled(self.0.intervals())))
    }

    fn reset(&self) {
        drop(self.0.reset());
    }

    fn settings(&self) -> Settings {
        Settings {
            mode: self.0.mode().into(),
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
        self.0.change_mode(mode).map_err(|error| error.to_string())
    }

    fn enter(&self) {
        make_thread_internal();
    }

    fn trouble(&self, message: Arguments<'_>) {
        say(message);
    }
}
