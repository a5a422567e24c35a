//! Who gets the blame for a wait, to the nanosecond, on a manual clock.
//!
//! Most scenes run in one thread. A lock's `free`, `try` and `block` are the scene itself, so the
//! scene decides what happens during a wait.

mod edges;
mod long_waits;
mod nobody;
mod rwlock_causes;
mod short_waits;
mod tasks;

use crate::scene::{At, Scene, exclusive, shared, upgradable};
use nexus_lockprof::engine::Mode;
use nexus_lockprof::{Point, Site, Snapshot};
use nexus_lockprof_adaptor::ProfiledGuard;
use nexus_lockprof_tests::bench::Bench;
use nexus_lockprof_tests::edges as edges_of;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

const MS: u64 = 1_000_000;
const TIMED: [Mode; 2] = [Mode::DEFAULT, Mode::Exact];
const ALL: [Mode; 3] = [Mode::Counts, Mode::DEFAULT, Mode::Exact];

/// Held by each test here while it runs. The log of holds is the process's: a test that waits often
/// may push out what another one is about to read, and then the holders that were met are blamed.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed leaves nothing behind.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scene {
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
