//! An engine on a manual clock, and locks on it.

use std::time::Duration;

use nexus_lockprof::engine::{Config, Engine, ManualClock, Mode};
use nexus_lockprof::{Profiled, lock_api};

/// A profiled lock of a scene.
pub(crate) type Lock = lock_api::Mutex<Profiled<parking_lot::RawMutex, Engine>, ()>;

/// A lock with its own class. Names live for ever, so these few are leaked.
pub(crate) fn lock(engine: &Engine, number: usize) -> Lock {
    let raw = <parking_lot::RawMutex as lock_api::RawMutex>::INIT;
    let name = format!("lock {number}").leak();
    Lock::from_raw(Profiled::named_in(engine.clone(), raw, name), ())
}

/// An engine in which every hold is measured, and its locks.
pub(crate) struct Scene {
    pub(crate) engine: Engine,
    pub(crate) locks: Vec<Lock>,
    clock: ManualClock,
    random: u64,
}

impl Scene {
    pub(crate) fn new(locks: usize) -> Result<Self, String> {
        let clock = ManualClock::new();
        let engine = Engine::with_clock(&clock);
        engine
            .configure(Config::default().mode(Mode::Exact))
            .map_err(|error| error.to_string())?;
        let locks = (0..locks).map(|number| lock(&engine, number)).collect();
        Ok(Scene {
            engine,
            locks,
            clock,
            random: 1,
        })
    }

    /// Holds the first of the locks, each so often, for times of up to 65 us.
    pub(crate) fn hold(&mut self, locks: usize, times: usize) {
        for lock in &self.locks[..locks.min(self.locks.len())] {
            for _ in 0..times {
                // Knuth's generator: the same times in every run.
                self.random = self.random.wrapping_mul(6_364_136_223_846_793_005) + 1;
                let _guard = lock.lock();
                self.clock.advance(Duration::from_nanos(self.random >> 48));
            }
        }
    }
}
