//! A thread that ticks.

use crate::engine::Engine;
use crate::process::exclusive::lock;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Ticks an engine every so often; stops when dropped. See [`Engine::reporter`].
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
    /// Sleeps, for so long or until told to stop, and says which it was.
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
    /// The operating system's, when the thread cannot be started; `InvalidInput` when `every` is 0.
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
                // The lock is not held during a tick: a handler may drop the reporter, which takes it.
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
    /// Waits for a tick that is under way; there is none after.
    fn drop(&mut self) {
        *lock(&self.stop.stopped) = true;
        self.stop.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // Its handlers' panics are caught: a join error has nothing to say, and its drop might panic.
            std::mem::forget(thread.join());
        }
    }
}
