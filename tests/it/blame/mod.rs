//! Who gets the blame for a wait, to the nanosecond, on a manual clock.
//!
//! Most scenes run in one thread. A lock's `free`, `try` and `block` are the scene itself, so the
//! scene decides what happens during a wait.

mod edges;
mod long_waits;
mod nobody;
mod short_waits;
mod tasks;

use nexus_lockprof::engine::{Engine, Mode};
use nexus_lockprof::{Point, Profiled, Site, Snapshot};
use nexus_lockprof_adaptor::{HoldMode, ProfiledGuard};
use nexus_lockprof_tests::bench::Bench;
use nexus_lockprof_tests::edges as edges_of;
use std::convert::Infallible;
use std::panic::Location;

const MS: u64 = 1_000_000;
const TIMED: [Mode; 2] = [Mode::DEFAULT, Mode::Exact];
const ALL: [Mode; 3] = [Mode::Counts, Mode::DEFAULT, Mode::Exact];

/// A place and a mode to acquire the lock.
type At = (&'static Location<'static>, HoldMode);
type Guard = ProfiledGuard<()>;

#[track_caller]
fn exclusive() -> At {
    (Location::caller(), HoldMode::Exclusive)
}

#[track_caller]
fn shared() -> At {
    (Location::caller(), HoldMode::Shared)
}

#[track_caller]
fn upgradable() -> At {
    (Location::caller(), HoldMode::Upgradable)
}

/// A lock that excludes nobody: the scene says who has it.
struct Scene {
    bench: Bench,
    lock: Profiled<(), Engine>,
}

impl Scene {
    fn new(mode: Mode) -> Self {
        let bench = Bench::new(mode);
        let lock = Profiled::named_in(bench.engine.clone(), (), "scene");
        Scene { bench, lock }
    }

    /// Acquires it while nobody has it.
    fn take(&self, (site, mode): At) -> Guard {
        let Some(guard) = self.lock.try_acquire(site, mode, |()| Some(())) else {
            unreachable!("it lets everybody in")
        };
        guard
    }

    /// Acquires it after parking, while the scene continues.
    fn wait(&self, (site, mode): At, meanwhile: impl FnOnce()) -> Guard {
        let block = |_: &()| {
            meanwhile();
            Ok(())
        };
        let Ok(guard) =
            self.lock
                .acquire::<_, Infallible>(site, mode, |()| false, |()| None, block);
        guard
    }

    /// Gives up after parking.
    fn give_up(&self, (site, mode): At, meanwhile: impl FnOnce()) {
        let block = |_: &()| {
            meanwhile();
            Err(())
        };
        let gave_up = self
            .lock
            .acquire::<(), _>(site, mode, |()| false, |()| None, block);
        assert!(gave_up.is_err());
    }

    fn release(&self, guard: Guard) {
        // SAFETY: a scene has one engine, and each guard is released once.
        unsafe { self.lock.release(guard, |(), ()| ()) };
    }

    /// Holds it for a time, while nobody else has it.
    fn hold(&self, at: At, ns: u64) {
        let guard = self.take(at);
        self.pass(ns);
        self.release(guard);
    }

    fn pass(&self, ns: u64) {
        self.bench.pass(ns);
    }

    fn told(&self) -> Told {
        Told(self.bench.engine.snapshot())
    }
}

/// A snapshot of the scene.
struct Told(Snapshot);

impl Told {
    fn of(&self, (site, mode): At) -> Option<&Point> {
        let site = Site::from(site);
        self.0
            .points()
            .iter()
            .find(|point| point.site == site && point.mode == mode.into())
    }

    fn readers(&self) -> Option<&Point> {
        self.0.points().iter().find(|point| point.site.is_group())
    }

    /// How often others waited for it, and for how long.
    fn blamed(&self, at: At) -> (u64, u64) {
        blame(self.of(at))
    }

    fn readers_blamed(&self) -> (u64, u64) {
        blame(self.readers())
    }

    fn sum(&self, of: impl Fn(&Point) -> u64) -> u64 {
        self.0.points().iter().map(of).sum()
    }

    /// Every waiter waited for somebody, and each nanosecond is blamed on somebody.
    #[track_caller]
    fn adds_up(&self) {
        let Told(snapshot) = self;
        let waits = self.sum(|p| p.contentions + p.timeouts + p.cancellations);
        assert_eq!(self.sum(|p| p.blocked), waits, "{snapshot}");
        let waited = self.sum(|p| p.wait.total_ns + p.abandoned_wait_ns);
        assert_eq!(self.sum(|p| p.caused_wait_ns), waited, "{snapshot}");
        assert!(snapshot.losses().is_empty());
        // Each waiter's time is on the edges from it, and each holder's on those to it.
        edges_of::check(snapshot);
        for point in snapshot.points() {
            let waits = point.contentions + point.timeouts + point.cancellations;
            let waited = point.wait.total_ns + point.abandoned_wait_ns;
            assert_eq!(
                edges_of::from(snapshot, point),
                (waits, waited),
                "{point:?}"
            );
        }
    }
}

fn blame(point: Option<&Point>) -> (u64, u64) {
    point.map_or((0, 0), |point| (point.blocked, point.caused_wait_ns))
}
