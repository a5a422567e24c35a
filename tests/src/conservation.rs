//! Threads start and end among snapshots and resets, and nothing may be missing at the end.

use crate::workload::{Counts, Ledger, Locks, Recorded};
use crate::{edges, histograms, threads};
use nexus_lockprof::Snapshot;
use nexus_lockprof::engine::{Config, Engine, EngineRef, Intervals, Mode};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

/// Simultaneous threads, besides the collecting one.
const ALIVE: usize = 8;
/// How old the samples of a light peek may be.
const SAMPLES_BEHIND: Duration = Duration::from_millis(5);
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

    /// Whether everything is measured.
    fn is_exact(self) -> bool {
        self.modes == [EXACT]
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
    let last = engine.snapshot();
    histograms::check(&last, plan.is_exact(), plan.caps.is_none());
    recorded.add(&last);
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
        let kinds = |of: &Recorded| [of.blocked, of.waits, of.holds, of.without_edge, of.ended];
        assert_eq!(pulled.ledger.total(), counted.total(), "{plan:?}");
        assert_eq!(kinds(pulled), kinds(recorded), "{plan:?}");
        assert!(pulled.lost.is_empty(), "{plan:?}: {:?}", pulled.lost);
        if plan.caps.is_none() {
            assert_eq!(pulled.ledger, *counted, "{plan:?}");
        }
    }
    assert_eq!(recorded.ended, plan.threads as u64, "{plan:?}");
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
        let mut peeks = Vec::new();
        if rng.u8(..6) == 0 {
            peeks.push(engine.peek());
        }
        // Between them, the pullers make full ones.
        for _ in 0..rng.u8(..4) {
            peeks.push(engine.light_peek(SAMPLES_BEHIND));
        }
        for peek in &peeks {
            edges::check(peek);
            threads::check(peek);
            histograms::check(peek, plan.is_exact(), plan.caps.is_none());
        }
        let resets = rng.u8(..6) == 0;
        let later = if resets {
            engine.reset()
        } else {
            engine.snapshot()
        };
        edges::check(&later);
        threads::check(&later);
        histograms::check(&later, plan.is_exact(), plan.caps.is_none());
        // Compares every counter of every point and edge.
        let all: Vec<_> = earlier.iter().chain(&peeks).chain([&later]).collect();
        for pair in all.windows(2) {
            if let [earlier, later] = pair
                && let Err(error) = later.since(earlier)
            {
                panic!("{error}");
            }
        }
        if let Some(earlier) = &earlier {
            match later.since(earlier) {
                Ok(interval) => {
                    edges::check_sums(&interval);
                    threads::check(&interval);
                    histograms::check(&interval, plan.is_exact(), plan.caps.is_none());
                }
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
