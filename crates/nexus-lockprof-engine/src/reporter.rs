//! A thread that ticks.

use crate::engine::Engine;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::io;
use std::sync::Arc;
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

impl Reporter {
    pub(crate) fn start(engine: Engine, every: Duration) -> io::Result<Self> {
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
                let mut stopped = stop.stopped.lock();
                while !*stopped {
                    if stop.changed.wait_for(&mut stopped, every).timed_out() {
                        // A handler may drop the reporter, which takes the lock.
                        MutexGuard::unlocked(&mut stopped, || engine.tick());
                    }
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
        *self.stop.stopped.lock() = true;
        self.stop.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // Its handlers' panics are caught: a join error has nothing to say.
            let _ = thread.join();
        }
    }
}
