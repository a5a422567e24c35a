//! Threads that wait for one another are found while they do, and nobody else is.

mod abort;
mod circles;
mod movable;
mod none;
mod stuck;

use nexus_lockprof::engine::{Config, Mode};
use nexus_lockprof::{Deadlock, Event, Snapshot, Waiter};
use nexus_lockprof_tests::bench::{Bench, Mutex, RwLock};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// A minute and more. Nobody hurries, but what never comes must not hang the test.
const LOOKS: usize = 60_000;

/// An engine on a manual clock, and threads that stay stuck. Both stay until the process ends.
struct Scene {
    bench: &'static Bench,
    lines: Receiver<String>,
}

impl Scene {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let bench: &'static Bench = Box::leak(Box::new(Bench::with(config.mode(Mode::Exact))));
        let (say, lines) = channel();
        bench.engine.on_event(move |event| {
            if let Event::Deadlock(_) | Event::Stuck(_) = event {
                let _ = say.send(event.to_string());
            }
        });
        Scene { bench, lines }
    }

    fn mutex(&self, name: &'static str) -> &'static Mutex<()> {
        Box::leak(Box::new(self.bench.mutex(name, ())))
    }

    fn rwlock(&self, name: &'static str) -> &'static RwLock<()> {
        Box::leak(Box::new(self.bench.rwlock(name, ())))
    }

    /// Starts a thread that will not end.
    fn thread(&self, name: &str, body: impl FnOnce() + Send + 'static) {
        let started = thread::Builder::new().name(name.to_owned()).spawn(body);
        assert!(started.is_ok());
    }

    /// Waits until so many threads wait, each for a known holder.
    fn await_waiters(&self, count: usize) {
        let is_known = |waiter: &Waiter| waiter.holder.is_some();
        for _ in 0..LOOKS {
            let snapshot = self.bench.engine.peek();
            let waiters = snapshot.waiters();
            if waiters.len() == count && waiters.iter().all(is_known) {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("not {count}: {:?}", self.bench.engine.peek().waiters());
    }

    fn pass(&self, time: Duration) {
        self.bench.clock.advance_idle(time);
    }

    /// A snapshot with this many deadlocks. A thread that has just parked may not sleep yet.
    fn deadlocks(&self, count: usize) -> Snapshot {
        for _ in 0..LOOKS {
            let snapshot = self.bench.engine.snapshot();
            if snapshot.deadlocks().len() == count {
                return snapshot;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("not {count}: {:?}", self.bench.engine.peek().waiters());
    }

    /// The lines of the events since the last call.
    fn lines(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }
}

/// One line for each wait of a deadlock: who waits where for what, and who holds it where.
fn told(deadlock: &Deadlock) -> Vec<String> {
    let name = |thread: &Option<nexus_lockprof::Thread>| {
        let name = thread.as_ref().and_then(|thread| thread.name.clone());
        name.map_or_else(|| "?".to_owned(), |name| name.to_string())
    };
    let steps = deadlock.steps();
    let steps = steps.map(|(wait, holder)| {
        format!(
            "{}:{} {} of {}, which {}:{} has {}",
            name(&wait.thread),
            wait.site.line,
            wait.mode,
            wait.lock.name(),
            name(&holder.thread),
            holder.site.line,
            holder.mode,
        )
    });
    steps.collect()
}
