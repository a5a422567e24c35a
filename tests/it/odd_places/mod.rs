//! Locks in places where a profiler could be in the way. It must not panic, hang or end the
//! process, and must count as lost what it cannot record.

#[cfg(test)] // its helpers are tests, too
#[cfg(target_os = "linux")]
mod daemon;
mod engines;
mod environment;
#[cfg(test)] // as above
#[cfg(unix)]
mod files;
#[cfg(test)] // as above
#[cfg(unix)]
mod folder;
mod handlers;
mod processes;
#[cfg(feature = "send_guard")]
mod send_guard;
#[cfg(test)] // as above
#[cfg(all(feature = "serve", unix))]
mod serving;
mod threads;

use lock_api::RawMutex;
use nexus_lockprof::engine::{Config, Engine, Mode};
use nexus_lockprof::{Profiled, Snapshot};
use std::sync::Arc;

/// A mutex of a local engine.
type Raw = Profiled<parking_lot::RawMutex, Engine>;
type Mutex = lock_api::Mutex<Raw, u64>;
type Guard = lock_api::MutexGuard<'static, Raw, u64>;

fn engine(mode: Mode) -> Engine {
    let engine = Engine::new();
    assert_eq!(engine.configure(Config::default().mode(mode)), Ok(()));
    engine
}

fn mutex(engine: &Engine, name: &'static str) -> Arc<Mutex> {
    let raw = Profiled::named_in(engine.clone(), RawMutex::INIT, name);
    Arc::new(Mutex::from_raw(raw, 0))
}

/// A mutex whose guards may be kept anywhere, for any time.
fn lasting_mutex(engine: &Engine, name: &'static str) -> &'static Mutex {
    let raw = Profiled::named_in(engine.clone(), RawMutex::INIT, name);
    Box::leak(Box::new(Mutex::from_raw(raw, 0)))
}

fn acquisitions(snapshot: &Snapshot, lock: &str) -> u64 {
    snapshot
        .points_of(lock)
        .map(|point| point.acquisitions)
        .sum()
}
