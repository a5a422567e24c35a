//! Writes all metrics of a snapshot in sequence.

use nexus_lockprof_snapshot::{Point, ProfilerMode, Snapshot};

use super::Value;
use super::causes::Causes;
use super::deadlocks::of_deadlocks;
use super::family::{self, Family, HISTOGRAMS, Kind, Unit};
use super::order::of_order;
use super::row::{self, Row};
use super::sink::Sink;
use super::waiting::of_waiters;

/// Writes the metrics of a snapshot. `points` have their own series, the `folded` ones share one,
/// as in `causes`.
pub(crate) fn walk<S: Sink>(
    snapshot: &Snapshot,
    points: &[&Point],
    folded: &[&Point],
    causes: &Causes,
    to: &mut S,
) -> Result<(), S::Error> {
    let rows = row::rows(points, folded);
    of_rows(to, &rows)?;
    causes.write(to)?;
    of_waiters(to, snapshot, &rows)?;
    of_deadlocks(to, snapshot)?;
    of_order(to, snapshot)?;
    of_profiler(to, snapshot)?;
    for (family, value) in [
        (&ELAPSED, Value::Nanos(snapshot.elapsed_ns().into())),
        (&START, Value::Nanos(start_ns(snapshot))),
        (&POINTS, Value::Count((points.len() + folded.len()) as u128)),
        (&FOLDED, Value::Count(folded.len() as u128)),
        (&SHARDS, Value::Count(snapshot.table().shards.into())),
    ] {
        to.family(family)?;
        to.number(family, &[], value)?;
    }
    Ok(())
}

/// The start of the counters, in nanoseconds since 1970. It is rounded to the millisecond: the
/// difference of two clocks varies from scrape to scrape, and a varying start would look like a
/// restart.
pub(crate) fn start_ns(snapshot: &Snapshot) -> u128 {
    const MILLISECOND: u128 = 1_000_000;
    let start = snapshot
        .taken_unix_ns()
        .saturating_sub(snapshot.elapsed_ns());
    u128::from(start) / MILLISECOND * MILLISECOND
}

fn of_rows<S: Sink>(to: &mut S, rows: &[Row<'_>]) -> Result<(), S::Error> {
    for (family, number) in family::numbers() {
        to.family(&family)?;
        for row in rows {
            if let Some(value) = number.of(&row.sums()) {
                to.number(&family, &row.labels, value)?;
            }
        }
    }
    for (family, times) in &HISTOGRAMS {
        to.family(family)?;
        for row in rows {
            let sums = row.sums();
            let times = times(&sums);
            // Most locks are never waited for. Their buckets would be most of a scrape.
            if !times.histogram.is_empty() {
                to.histogram(family, &row.labels, times)?;
            }
        }
    }
    Ok(())
}

const LOSSES: Family = Family::new(
    Kind::Counter,
    "losses",
    Unit::Count,
    "Events that were not recorded, by cause.",
);
const OVERHEAD: Family = Family::new(
    Kind::Counter,
    "overhead",
    Unit::Seconds,
    "Time that the profiler took, by its own account.",
);
const THREADS: Family = Family::new(
    Kind::Counter,
    "thread",
    Unit::Seconds,
    "Time that threads lived since their first profiled acquisition.",
);
const ELAPSED: Family = Family::new(
    Kind::Gauge,
    "elapsed",
    Unit::Seconds,
    "Time since the start or the last reset.",
);
const START: Family = Family::new(
    Kind::Gauge,
    "start_time",
    Unit::Seconds,
    "Unix time of the start or the last reset.",
);
const POINTS: Family = Family::new(
    Kind::Gauge,
    "points",
    Unit::Count,
    "Acquisition points there are.",
);
const FOLDED: Family = Family::new(
    Kind::Gauge,
    "points_folded",
    Unit::Count,
    "Acquisition points that are in the series called other.",
);
const SHARDS: Family = Family::new(
    Kind::Gauge,
    "shards",
    Unit::Count,
    "The most threads with profiled locks that were alive at one time.",
);
const INFO: Family = Family::new(
    Kind::Info,
    "",
    Unit::Count,
    "What the profiler was told to measure.",
);

fn of_profiler<S: Sink>(to: &mut S, snapshot: &Snapshot) -> Result<(), S::Error> {
    // Every cause, including those that did not occur: an alert on a missing series does not fire.
    to.family(&LOSSES)?;
    for (cause, count) in snapshot.losses().iter() {
        let labels = [("cause", cause.to_owned())];
        to.number(&LOSSES, &labels, Value::Count(count.into()))?;
    }
    let overhead = snapshot.overhead();
    to.family(&OVERHEAD)?;
    for (kind, ns) in [
        ("budgeted", overhead.budgeted_ns),
        ("counting", overhead.counting_ns),
    ] {
        let labels = [("kind", kind.to_owned())];
        to.number(&OVERHEAD, &labels, Value::Nanos(ns.into()))?;
    }
    to.family(&THREADS)?;
    to.number(&THREADS, &[], Value::Nanos(overhead.threads_ns.into()))?;

    let mut labels = vec![(
        "profiler_mode",
        snapshot.profiler_mode().as_str().to_owned(),
    )];
    if let ProfilerMode::Sampled { budget } = snapshot.profiler_mode() {
        labels.push(("budget", budget.to_string()));
    }
    to.family(&INFO)?;
    to.number(&INFO, &labels, Value::Count(1))
}
