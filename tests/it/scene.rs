//! A lock that the test itself is: it decides when the lock is free, and what happens during a wait.
//! On a manual clock, mostly in one thread.

use nexus_lockprof::Profiled;
use nexus_lockprof::engine::{Engine, Mode};
use nexus_lockprof_adaptor::{HoldMode, ProfiledGuard};
use nexus_lockprof_tests::bench::Bench;
use std::convert::Infallible;
use std::panic::Location;

/// A place and a mode to acquire the lock.
pub(crate) type At = (&'static Location<'static>, HoldMode);
pub(crate) type Guard = ProfiledGuard<()>;

#[track_caller]
pub(crate) fn exclusive() -> At {
    (Location::caller(), HoldMode::Exclusive)
}

#[track_caller]
pub(crate) fn shared() -> At {
    (Location::caller(), HoldMode::Shared)
}

#[track_caller]
pub(crate) fn upgradable() -> At {
    (Location::caller(), HoldMode::Upgradable)
}

/// A lock that excludes nobody: the scene says who has it.
pub(crate) struct Scene {
    pub(crate) bench: Bench,
    pub(crate) lock: Profiled<(), Engine>,
}

impl Scene {
    pub(crate) fn new(mode: Mode) -> Self {
        let bench = Bench::new(mode);
        let lock = Profiled::named_in(bench.engine.clone(), (), "scene");
        Scene { bench, lock }
    }

    /// Another lock on the same engine.
    pub(crate) fn sibling(&self, name: &'static str) -> Self {
        let bench = Bench {
            engine: self.bench.engine.clone(),
            clock: self.bench.clock.clone(),
        };
        let lock = Profiled::named_in(bench.engine.clone(), (), name);
        Scene { bench, lock }
    }

    /// Acquires it while nobody has it.
    pub(crate) fn take(&self, (site, mode): At) -> Guard {
        let Some(guard) = self.lock.try_acquire(site, mode, |()| Some(())) else {
            unreachable!("it lets everybody in")
        };
        guard
    }

    /// Acquires it after parking, while the scene continues.
    pub(crate) fn wait(&self, (site, mode): At, meanwhile: impl FnOnce()) -> Guard {
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
    pub(crate) fn give_up(&self, (site, mode): At, meanwhile: impl FnOnce()) {
        let block = |_: &()| {
            meanwhile();
            Err(())
        };
        let gave_up = self
            .lock
            .acquire::<(), _>(site, mode, |()| false, |()| None, block);
        assert!(gave_up.is_err());
    }

    pub(crate) fn release(&self, guard: Guard) {
        // SAFETY: a scene has one engine, and each guard is released once.
        unsafe { self.lock.release(guard, |(), ()| ()) };
    }

    /// Holds it for a time, while nobody else has it.
    pub(crate) fn hold(&self, at: At, ns: u64) {
        let guard = self.take(at);
        self.pass(ns);
        self.release(guard);
    }

    pub(crate) fn pass(&self, ns: u64) {
        self.bench.pass(ns);
    }
}
