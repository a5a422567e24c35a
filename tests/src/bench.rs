//! An engine on a manual clock, and locks on it.

use crate::announcing::Announcing;
use lock_api::{RawMutex, RawRwLock};
use nexus_lockprof::engine::{Config, Engine, ManualClock, Mode};
use nexus_lockprof::{Point, Profiled, Snapshot};
use nexus_lockprof_adaptor::{BeforeWaking, PendingRef, TaskWait};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The mutex of a [`Bench`].
pub type Mutex<T> = lock_api::Mutex<Profiled<Announcing<parking_lot::RawMutex>, Engine>, T>;
/// The reader-writer lock of a [`Bench`].
pub type RwLock<T> = lock_api::RwLock<Profiled<Announcing<parking_lot::RawRwLock>, Engine>, T>;
/// A reader-writer lock with all of parking_lot's features.
pub type FullRwLock<T> = lock_api::RwLock<Profiled<parking_lot::RawRwLock, Engine>, T>;

/// An engine on a manual clock.
pub struct Bench {
    /// The engine.
    pub engine: Engine,
    /// Its clock.
    pub clock: ManualClock,
}

impl Bench {
    /// A new engine in `mode`.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self::with(Config::default().mode(mode))
    }

    /// A new engine with these settings, which must be valid.
    #[must_use]
    pub fn with(config: Config) -> Self {
        let clock = ManualClock::new();
        let engine = Engine::with_clock(&clock);
        assert_eq!(engine.configure(config), Ok(()));
        Bench { engine, clock }
    }

    /// A mutex of this engine.
    pub fn mutex<T>(&self, name: &'static str, value: T) -> Mutex<T> {
        let raw = Profiled::named_in(self.engine.clone(), RawMutex::INIT, name);
        lock_api::Mutex::from_raw(raw, value)
    }

    /// A reader-writer lock of this engine.
    pub fn rwlock<T>(&self, name: &'static str, value: T) -> RwLock<T> {
        let raw = Profiled::named_in(self.engine.clone(), RawRwLock::INIT, name);
        lock_api::RwLock::from_raw(raw, value)
    }

    /// A reader-writer lock of this engine that can be upgraded.
    pub fn full_rwlock<T>(&self, name: &'static str, value: T) -> FullRwLock<T> {
        let raw = Profiled::named_in(self.engine.clone(), RawRwLock::INIT, name);
        lock_api::RwLock::from_raw(raw, value)
    }

    /// Advances the clock.
    pub fn pass(&self, ns: u64) {
        self.clock.advance(Duration::from_nanos(ns));
    }

    /// Collects, and returns the only point of `lock`.
    #[must_use]
    pub fn point(&self, lock: &str) -> Point {
        only_point(&self.engine.snapshot(), lock)
    }
}

/// The only point of `lock`.
///
/// # Panics
/// If there is none, or more than one.
#[must_use]
pub fn only_point(snapshot: &Snapshot, lock: &str) -> Point {
    let mut points = snapshot.points_of(lock);
    match (points.next(), points.next()) {
        (Some(point), None) => point.clone(),
        (None, _) => panic!("no point of {lock} in {snapshot}"),
        (Some(_), Some(_)) => panic!("several points of {lock} in {snapshot}"),
    }
}

/// Polls the acquisition `wait` of a lock whose future is in this state.
pub fn poll_task(wait: &mut TaskWait<'_, (), Engine>, state: Poll<()>) -> Poll<((), PendingRef)> {
    let mut context = Context::from_waker(Waker::noop());
    let (future, waking) = (poll_fn(|_| state), BeforeWaking::HandsOver);
    let guard = |(), pending_ref| ((), pending_ref);
    wait.poll(
        pin!(future),
        &mut context,
        waking,
        |()| true,
        || true,
        guard,
    )
}
