//! The order in which locks are acquired: what can deadlock is told, even if it never does.

mod cycles;
mod pairs;
mod readers;

use nexus_lockprof::engine::{Config, Mode};
use nexus_lockprof::{Event, Snapshot};
use nexus_lockprof_tests::bench::Bench;
use std::sync::mpsc::{Receiver, channel};

/// An engine on a manual clock, and what it tells.
struct Scene {
    bench: Bench,
    lines: Receiver<String>,
}

impl Scene {
    fn new() -> Self {
        Self::with(Mode::Exact)
    }

    fn with(mode: Mode) -> Self {
        let bench = Bench::with(Config::default().mode(mode));
        let (say, lines) = channel();
        bench.engine.on_event(move |event| {
            if let Event::Order(_) = event {
                let _ = say.send(event.to_string());
            }
        });
        Scene { bench, lines }
    }

    /// A snapshot, and the lines of the events that it has raised.
    fn look(&self) -> (Snapshot, Vec<String>) {
        let snapshot = self.bench.engine.snapshot();
        let lines = self.lines.try_iter().collect();
        (snapshot, lines)
    }

    fn lines(&self) -> Vec<String> {
        self.look().1
    }
}

/// One line for each pair: its classes, lines and modes, and how often it was seen.
fn told(snapshot: &Snapshot) -> Vec<String> {
    let pairs = snapshot.lock_order().iter();
    let pairs = pairs.map(|pair| {
        let end = |end: &nexus_lockprof::EdgeEnd| {
            format!("{}:{} {}", end.lock.name(), end.site.line, end.mode)
        };
        let (held, wanted, count) = (end(&pair.held), end(&pair.wanted), pair.count);
        format!("{held}, {wanted} x{count}")
    });
    pairs.collect()
}
