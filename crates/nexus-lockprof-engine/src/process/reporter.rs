//! A thread that ticks.

use crate::engine::Engine;
use crate::process::exclusive::lock;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Ticks an engine at regular intervals until it is dropped. See [`Engine::reporter`].
#[derive(Debug)]
#[must_use = "a reporter stops when it is dropped"]
pub struct Reporter {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Sleeps for `time`, or until told to stop. Returns whether it was told.
    fn is_told_within(&self, time: Duration) -> bool {
        let stopped = lock(&self.stopped);
        let told = self
            .changed
            .wait_timeout_while(stopped, time, |stopped| !*stopped);
        *told.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Engine {
    /// Starts a thread that [ticks](Self::tick) every `every`, until the reporter is dropped.
    ///
    /// # Errors
    /// The operating system's error if the thread cannot be started. `InvalidInput` if `every` is
    /// 0.
    pub fn reporter(&self, every: Duration) -> io::Result<Reporter> {
        Reporter::start(self.clone(), every)
    }
}

impl Reporter {
    fn start(engine: Engine, every: Duration) -> io::Result<Self> {
        if every.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a reporter that ticks every 0 s would do nothing else",
            ));
        }
        let stop = Arc::new(Stop::default());
        let thread = Builder::new().name("lockprof".into()).spawn({
            let stop = Arc::clone(&stop);
            move || {
                // Does not hold the lock during a tick: a handler may drop the reporter, which
                // takes the lock.
                while !stop.is_told_within(every) {
                    engine.tick();
                }
            }
        })?;
        Ok(Reporter {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Reporter {
    /// Waits for a tick in progress. No tick follows.
    fn drop(&mut self) {
        *lock(&self.stop.stopped) = true;
        self.stop.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // Panics of handlers are caught, so a join error has nothing to report, and its drop
            // might panic.
            std::mem::forget(thread.join());
        }
    }
}
