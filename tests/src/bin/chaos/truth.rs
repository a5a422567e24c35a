//! The program's own count, the profiler's records, and their comparison.

use crate::plan::{Kind, Plan};
use crate::watchdog::die;
use nexus_lockprof::{AcquireMode, Durations, Losses, Point, Snapshot};
use nexus_lockprof_tests::workload::{Counts, Ledger, Recorded};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Stands for locks that found no room.
const REST: &str = "(rest)";

/// The counts of ended threads.
static COUNTED: Mutex<Option<Ledger>> = Mutex::new(None);
/// The snapshots that the resets returned.
static RECORDED: Mutex<Option<Told>> = Mutex::new(None);
/// Whether the profiler counts, which it does not in mode off.
static COUNTS: AtomicBool = AtomicBool::new(true);
/// Acquisitions and failed tries of locks taken where nothing can be allocated.
pub(crate) static SIGNALLED: [Tries; SIGNALS.len()] = {
    let mut all = [const { Tries::of("") }; SIGNALS.len()];
    let mut index = 0;
    while index < all.len() {
        all[index].lock = SIGNALS[index];
        index += 1;
    }
    all
};
pub(crate) static HANDLED: Tries = Tries::of("handler");
/// Locks that the signal handler tries.
pub(crate) const SIGNALS: [&str; 8] = [
    "signal 0", "signal 1", "signal 2", "signal 3", "signal 4", "signal 5", "signal 6", "signal 7",
];

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets whether the profiler counts from now on. No thread locks meanwhile.
pub(crate) fn set_counting(counts: bool) {
    COUNTS.store(counts, Relaxed);
}

pub(crate) fn is_counting() -> bool {
    COUNTS.load(Relaxed)
}

/// The count of one lock, in atomics.
#[derive(Debug)]
pub(crate) struct Tries {
    lock: &'static str,
    acquired: AtomicU64,
    failed: AtomicU64,
}

impl Tries {
    const fn of(lock: &'static str) -> Self {
        Tries {
            lock,
            acquired: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    pub(crate) fn tried(&self, got_it: bool) {
        if is_counting() {
            let count = if got_it { &self.acquired } else { &self.failed };
            count.fetch_add(1, Relaxed);
        }
    }

    fn move_to(&self, ledger: &mut Ledger) {
        for _ in 0..self.acquired.swap(0, Relaxed) {
            ledger.tried(self.lock, AcquireMode::Exclusive, true);
        }
        for _ in 0..self.failed.swap(0, Relaxed) {
            ledger.tried(self.lock, AcquireMode::Exclusive, false);
        }
    }
}

/// One thread's count. It is added to the total when the thread ends, however that happens.
#[derive(Default)]
pub(crate) struct Book(Ledger);

impl Book {
    pub(crate) fn add(&mut self, ledger: Ledger) {
        self.0.add(ledger);
    }

    /// An exclusive acquisition.
    pub(crate) fn locked(&mut self, lock: &str) {
        self.0.waited(lock, AcquireMode::Exclusive, false);
    }

    /// An exclusive try.
    pub(crate) fn tried(&mut self, lock: &str, got_it: bool) {
        self.0.tried(lock, AcquireMode::Exclusive, got_it);
    }

    /// A shared acquisition.
    pub(crate) fn shared(&mut self, lock: &str) {
        self.0.waited(lock, AcquireMode::Shared, false);
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        if is_counting() {
            let ledger = std::mem::take(&mut self.0);
            lock(&COUNTED).get_or_insert_default().add(ledger);
        }
    }
}

/// The content of successive snapshots, each of which starts where the one before ended.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) recorded: Recorded,
    waited_ns: u64,
    caused_ns: u64,
}

impl Told {
    pub(crate) fn add(&mut self, snapshot: &Snapshot) {
        check(snapshot);
        self.recorded.add(snapshot);
        for point in snapshot.points() {
            for ns in [point.wait.total_ns, point.abandoned_wait_ns] {
                self.waited_ns = self.waited_ns.saturating_add(ns);
            }
            self.caused_ns = self.caused_ns.saturating_add(point.caused_wait_ns);
        }
    }
}

/// Resets the profiler and keeps the returned snapshot.
pub(crate) fn reset() {
    let snapshot = nexus_lockprof::reset();
    lock(&RECORDED).get_or_insert_default().add(&snapshot);
}

/// Compares everything. No thread locks meanwhile.
pub(crate) fn compare(plan: &Plan, act: &str) -> u64 {
    reset();
    let mut counted = lock(&COUNTED);
    let counted = counted.get_or_insert_default();
    for tries in SIGNALLED.iter().chain([&HANDLED]) {
        tries.move_to(counted);
    }
    let recorded = lock(&RECORDED);
    let Some(recorded) = &*recorded else {
        die!("nothing was recorded");
    };
    compare_with(plan, act, counted, recorded)
}

/// Compares these two, and returns the number of events.
pub(crate) fn compare_with(plan: &Plan, act: &str, counted: &Ledger, told: &Told) -> u64 {
    let recorded = &told.recorded;
    let keys: BTreeSet<_> = counted
        .iter()
        .chain(recorded.ledger.iter())
        .map(|(key, _)| key)
        .collect();
    let mut wrong = String::new();
    let (mut all_counted, mut all_recorded) = (0, 0);
    for key in keys {
        let (truth, seen) = (counted.get(key), recorded.ledger.get(key));
        all_counted += events(truth);
        all_recorded += events(seen);
        if key.0 == REST {
            continue;
        }
        // A handler may interrupt its thread inside the profiler. The program's own events are all
        // recorded, unless first uses in handlers were refused. Then the thread's other tries are
        // refused for a while, too.
        let in_signal = SIGNALS.contains(&key.0.as_str());
        let may_lose = plan.may_lose()
            && (plan.kind != Kind::Signals || in_signal || plan.faults.first_use_in_handler);
        let differs = |what: Counts, seen: Counts| {
            if may_lose {
                let more = |f: fn(Counts) -> u64| f(seen) > f(what);
                more(|c| c.acquisitions) || more(|c| c.try_failures) || more(|c| c.timeouts)
            } else {
                (seen.acquisitions, seen.try_failures, seen.timeouts)
                    != (what.acquisitions, what.try_failures, what.timeouts)
            }
        };
        // Only these locks know themselves whether they were found taken.
        let watched = key.0.starts_with("mutex ") || key.0.starts_with("rwlock ");
        let contended = if watched && !may_lose {
            seen.contentions != truth.contentions
        } else if watched {
            seen.contentions > truth.contentions
        } else {
            seen.contentions > seen.acquisitions
        };
        if differs(truth, seen) || contended {
            let _ = writeln!(wrong, "  {key:?}: did {truth:?}, recorded {seen:?}");
        }
    }
    let lost = sum(&recorded.lost);
    // Guards and stacks are no events: their acquisitions are counted but not measured.
    let causes =
        lost.points_full + lost.shards_full + lost.reentrant + lost.thread_exit + lost.memory;
    let missing = all_counted.wrapping_sub(all_recorded);
    let explained = match plan.kind {
        Kind::Private => missing == causes && lost.thread_exit + lost.reentrant + lost.memory == 0,
        // Losses may exceed missing events: a hold or a holder without room is a loss of its own.
        Kind::Signals => missing <= causes && causes == lost.reentrant + lost.thread_exit,
        Kind::Full => missing <= causes,
        _ => missing == 0 && causes == 0,
    };
    let explained = explained && !(plan.faults.room && lost.points_full > 0);
    if !wrong.is_empty() || !explained {
        die!("{act}: {all_counted} events, {all_recorded} recorded, lost {lost:?}\n{wrong}");
    }
    // What points caused, others waited. If a point finds no room, its part is missing on one side.
    if !plan.may_lose() && told.caused_ns > told.waited_ns {
        die!(
            "{act}: {} ns caused, {} ns waited",
            told.caused_ns,
            told.waited_ns
        );
    }
    all_counted
}

fn events(counts: Counts) -> u64 {
    counts.acquisitions + counts.try_failures + counts.timeouts
}

fn sum(losses: &[Losses]) -> Losses {
    let mut sum = Losses::default();
    for lost in losses {
        sum.points_full += lost.points_full;
        sum.shards_full += lost.shards_full;
        sum.reentrant += lost.reentrant;
        sum.thread_exit += lost.thread_exit;
        sum.memory += lost.memory;
        sum.guards += lost.guards;
        sum.stacks += lost.stacks;
    }
    sum
}

/// Checks the invariants of every snapshot. Contentions may exceed acquisitions: a reset may come
/// between the two.
pub(crate) fn check(snapshot: &Snapshot) {
    let mut acquisitions = 0_u64;
    for point in snapshot.points() {
        acquisitions += point.acquisitions;
        for durations in [&point.wait, &point.hold] {
            check_durations(point, durations);
        }
    }
    if acquisitions != snapshot.table().acquisitions {
        die!(
            "points have {acquisitions} acquisitions in all, the table {:?}",
            snapshot.table()
        );
    }
}

fn check_durations(point: &Point, durations: &Durations) {
    let [p50, p95, p99] = durations.quantiles([0.5, 0.95, 0.99]);
    // The maximum may lag behind the samples: a walk reads a point's samples after its sums.
    let in_order = p50 <= p95 && p95 <= p99;
    if !in_order || durations.total_ns < durations.max_ns {
        die!("percentiles {p50:?} {p95:?} {p99:?}: {point:?}");
    }
    if durations.samples > durations.events.max(point.acquisitions) {
        die!("more samples than events: {point:?}");
    }
}

/// Checks that a snapshot stays the same when written and read again.
pub(crate) fn check_bytes(snapshot: &Snapshot) {
    let again = snapshot
        .to_bytes()
        .map(|bytes| Snapshot::from_bytes(&bytes));
    match again {
        Ok(Ok(again)) if again == *snapshot => {}
        Ok(Ok(_)) => die!("another snapshot after writing and reading"),
        Ok(Err(error)) => die!("a snapshot that cannot be read: {error}"),
        Err(error) => die!("a snapshot that cannot be written: {error}"),
    }
}
