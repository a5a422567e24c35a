//! The endpoint, over real sockets. The source is a fake: what it was told is what is asserted.

mod client;
mod hosts;
mod limits;
mod methods;
mod repeats;
mod room;
mod sockets;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nexus_lockprof_serve::{Limits, Listen, Serve, Server, Settings, Source};
use nexus_lockprof_snapshot::{
    AcquireMode, Lock, Point, ProfilerMode, Site, Snapshot, SnapshotParts,
};

/// Counts its snapshots, and has one point with that many acquisitions.
#[derive(Clone)]
struct Fake(Arc<Mutex<State>>);

struct State {
    snapshots: u64,
    resets: u64,
    mode: ProfilerMode,
}

impl Fake {
    fn new() -> Self {
        Fake(Arc::new(Mutex::new(State {
            snapshots: 0,
            resets: 0,
            mode: ProfilerMode::Sampled { budget: 0.01 },
        })))
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Source for Fake {
    fn snapshot(&self) -> Snapshot {
        self.with(|state| {
            state.snapshots += 1;
            let site = Site::new("src/cache.rs", 12, 20);
            let point = Point {
                acquisitions: state.snapshots,
                ..Point::new(Lock::Named("cache".into()), AcquireMode::Exclusive, site)
            };
            Snapshot::from_parts(SnapshotParts {
                collection: state.snapshots,
                resets: state.resets,
                profiler_mode: state.mode,
                points: vec![point],
                ..SnapshotParts::default()
            })
        })
    }

    fn reset(&self) {
        self.with(|state| state.resets += 1);
    }

    fn settings(&self) -> Settings {
        Settings {
            mode: self.with(|state| state.mode),
        }
    }

    fn configure(&self, settings: &Settings) -> Result<(), String> {
        if settings.mode == ProfilerMode::Counts {
            return Err("this one does not only count".into());
        }
        self.with(|state| state.mode = settings.mode);
        Ok(())
    }
}

/// Long enough never to be reached.
const LONG: Duration = Duration::from_secs(600);

/// Limits of time that no test meets unless it is about them.
fn patient() -> Limits {
    Limits {
        idle: LONG,
        body: LONG,
        answer: LONG,
        answering: LONG,
        ..Limits::default()
    }
}

fn serve(fake: &Fake, limits: Limits, place: &Listen) -> Server {
    let server = Serve::new(fake.clone()).limits(limits).on(place);
    server.unwrap_or_else(|error| panic!("{error}"))
}

fn loopback() -> Listen {
    Listen::Loopback(([127, 0, 0, 1], 0).into())
}
