//! Threads start and end among snapshots and resets, and nothing may be missing at the end.

use crate::edges;
use crate::workload::{Counts, Ledger, Locks, Recorded};
use nexus_lockprof::Snapshot;
use nexus_lockprof::engine::{Config, Engine, EngineRef, Intervals, Mode};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

/// Simultaneous threads, besides the collecting one.
const ALIVE: usize = 8;
/// Operations per thread.
const OPERATIONS: usize = 24;

/// The parameters of a run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// One mode, or several to switch between at random while the threads work.
    pub modes: &'static [Mode],
    /// Total number of short-lived threads.
    pub threads: usize,
    /// Seed of the random generators.
    pub seed: u64,
    /// Maximum points of a thread, and of records in total. They are so small that early ones must
    /// make room, and the rest gets much.
    pub caps: Option<(usize, usize)>,
}

const COUNTS: Mode = Mode::Counts;
const SAMPLED: Mode = Mode::DEFAULT;
const EXACT: Mode = Mode::Exact;

impl Plan {
    /// The modes that a test is named after, and its seed.
    #[must_use]
    pub fn modes_named(name: &str) -> Option<(&'static [Mode], u64)> {
        match name {
            "counts" => Some((&[COUNTS], 1)),
            "sampled" => Some((&[SAMPLED], 2)),
            "exact" => Some((&[EXACT], 3)),
            "switched" => Some((&[COUNTS, SAMPLED, EXACT], 4)),
            _ => None,
        }
    }
}

/// What the program counted, and what the profiler recorded.
#[derive(Debug)]
pub struct Outcome {
    /// The program's own count.
    pub counted: Ledger,
    /// The profiler's count: the sum of every reset's snapshot and the last one.
    pub recorded: Recorded,
    /// The sums of all intervals of two pullers.
    pub pulled: Vec<Recorded>,
}

/// Runs the workload with locks that report to `engine_ref`, whose engine is `engine`.
///
/// # Panics
/// If a snapshot goes backwards, or a mode is refused.
pub fn run<H: EngineRef>(engine_ref: &H, engine: &Engine, plan: Plan) -> Outcome {
    switch(engine, plan, plan.modes[0]);
    let mut counted = Ledger::default();
    let mut recorded = Recorded::default();
    let mut pullers = PERIODS.map(|_| Puller::begin(engine));
    let locks = Locks::new(engine_ref, &mut counted);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let collector = scope.spawn(|| collect(engine, plan, &done));
        for (puller, period) in pullers.iter_mut().zip(PERIODS) {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Relaxed) {
                    puller.pull();
                    thread::sleep(period);
                }
            });
        }
        let mut alive = VecDeque::new();
        for number in 0..plan.threads as u64 {
            if alive.len() == ALIVE {
                join(alive.pop_front(), &mut counted);
            }
            let locks = &locks;
            let mut rng = fastrand::Rng::with_seed(plan.seed.wrapping_add(number));
            alive.push_back(scope.spawn(move || locks.work(OPERATIONS, &mut rng)));
        }
        for thread in alive {
            join(Some(thread), &mut counted);
        }
        done.store(true, Relaxed);
        match collector.join() {
            Ok(collected) => recorded = collected,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    recorded.add(&engine.snapshot());
    let pulled = pullers.into_iter().map(|mut puller| {
        puller.pull();
        puller.pulled
    });
    Outcome {
        counted,
        recorded,
        pulled: pulled.collect(),
    }
}

/// How long two pullers wait between their pulls.
const PERIODS: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(17)];

/// Adds up its intervals.
struct Puller {
    intervals: Intervals,
    pulled: Recorded,
}

impl Puller {
    /// Its first interval ends before the first event.
    fn begin(engine: &Engine) -> Self {
        let mut puller = Puller {
            intervals: engine.intervals(),
            pulled: Recorded::default(),
        };
        puller.pull();
        puller
    }

    fn pull(&mut self) {
        self.pulled.add_interval(&self.intervals.pull());
    }
}

/// Checks that nothing is missing or duplicated.
///
/// # Panics
/// If something is.
pub fn check(outcome: &Outcome, plan: Plan) {
    let Outcome {
        counted, recorded, ..
    } = outcome;
    if plan.caps.is_some() {
        assert_eq!(recorded.ledger.total(), counted.total(), "{plan:?}");
    } else {
        assert_eq!(recorded.ledger, *counted, "{plan:?}");
    }
    assert!(recorded.lost.is_empty(), "{plan:?}: {:?}", recorded.lost);
    for pulled in &outcome.pulled {
        let kinds = |of: &Recorded| [of.blocked, of.waits, of.holds, of.without_edge];
        assert_eq!(pulled.ledger.total(), counted.total(), "{plan:?}");
        assert_eq!(kinds(pulled), kinds(recorded), "{plan:?}");
        assert!(pulled.lost.is_empty(), "{plan:?}: {:?}", pulled.lost);
        if plan.caps.is_none() {
            assert_eq!(pulled.ledger, *counted, "{plan:?}");
        }
    }
    let total = counted.total();
    if plan.caps.is_none() {
        assert_eq!(recorded.without_edge, 0, "{plan:?}");
    }
    // A workload without some kind of event would prove nothing about it.
    let Counts {
        acquisitions,
        contentions,
        try_failures,
        timeouts,
    } = total;
    assert!(
        acquisitions
            .min(contentions)
            .min(try_failures)
            .min(timeouts)
            > 0,
        "{plan:?}: {total:?}"
    );
    // Every waiter waited for a holder that had published itself.
    assert_eq!(recorded.blocked, contentions + timeouts, "{plan:?}");
    match plan.modes {
        [Mode::Counts] => assert_eq!((recorded.waits, recorded.holds), (0, 0)),
        // All of the long ones, some of the short ones.
        [Mode::Sampled { .. }] => assert!((1..=contentions).contains(&recorded.waits)),
        [Mode::Exact] => {
            assert_eq!(
                (recorded.waits, recorded.holds),
                (contentions, acquisitions)
            );
        }
        _ => {}
    }
}

fn join(thread: Option<ScopedJoinHandle<'_, Ledger>>, counted: &mut Ledger) {
    match thread.map(ScopedJoinHandle::join) {
        Some(Ok(ledger)) => counted.add(ledger),
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => {}
    }
}

fn switch(engine: &Engine, plan: Plan, mode: Mode) {
    let mut config = Config::default().mode(mode);
    if let Some((points, records)) = plan.caps {
        config = config.max_points(points).max_records(records);
    }
    assert_eq!(engine.configure(config), Ok(()));
}

/// Takes snapshots, resets, and switches modes at random, until told to stop.
fn collect(engine: &Engine, plan: Plan, done: &AtomicBool) -> Recorded {
    let mut rng = fastrand::Rng::with_seed(!plan.seed);
    let mut recorded = Recorded::default();
    let mut earlier: Option<Snapshot> = None;
    while !done.load(Relaxed) {
        if let [_, _, ..] = plan.modes {
            switch(engine, plan, plan.modes[rng.usize(..plan.modes.len())]);
        }
        if rng.u8(..6) == 0 {
            edges::check(&engine.peek());
        }
        let resets = rng.u8(..6) == 0;
        let later = if resets {
            engine.reset()
        } else {
            engine.snapshot()
        };
        edges::check(&later);
        if let Some(earlier) = &earlier {
            // Compares every counter of every point and edge.
            match later.since(earlier) {
                Ok(interval) => edges::check_sums(&interval),
                Err(error) => panic!("{error}"),
            }
        }
        if resets {
            recorded.add(&later);
            earlier = None;
        } else {
            earlier = Some(later);
        }
        thread::yield_now();
    }
    recorded
}
