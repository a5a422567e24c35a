//! [`Text`]: all metrics of a snapshot.

use std::fmt;

use nexus_lockprof_snapshot::{Point, ProfilerMode, Snapshot};

use super::family::{COUNTERS, Family, GAUGES, QUANTILES, SUMMARIES};
use super::label;
use super::number::Value;
use super::row::{self, Row};
use super::scrapes::Scrapes;
use super::writer::Writer;

/// The metrics of a snapshot, made by [`text`](super::text()). Displaying it writes them, each line with its end.
#[derive(Clone, Copy, Debug)]
#[must_use = "a text does nothing until it is displayed"]
pub struct Text<'a> {
    snapshot: &'a Snapshot,
    top: usize,
    open_metrics: bool,
    created: bool,
    scrapes: Option<&'a Scrapes>,
}

impl<'a> Text<'a> {
    /// How many points have series of their own unless set.
    pub const DEFAULT_TOP: usize = 200;

    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            top: Self::DEFAULT_TOP,
            open_metrics: false,
            created: true,
            scrapes: None,
        }
    }

    /// Sets how many points have series of their own, those that say most; the others are added up in `other`.
    pub fn top(mut self, points: usize) -> Self {
        self.top = points;
        self
    }

    /// Sets whether to write OpenMetrics 1.0 instead of the text format 0.0.4.
    pub fn open_metrics(mut self, open_metrics: bool) -> Self {
        self.open_metrics = open_metrics;
        self
    }

    /// Sets whether OpenMetrics has a `_created` beside each counter, which says since when it counts: yes unless set. A
    /// reader then sees a reset even if the counter has passed its old value since; one that does not know `_created` stores as many series again.
    pub fn created(mut self, created: bool) -> Self {
        self.created = created;
        self
    }

    pub(super) fn keeping(mut self, scrapes: &'a Scrapes) -> Self {
        self.scrapes = Some(scrapes);
        self
    }

    /// The points that have series of their own, and those that have not.
    fn split(&self) -> (Vec<&'a Point>, Vec<&'a Point>) {
        let mut points = row::ranked(self.snapshot);
        match self.scrapes {
            Some(scrapes) => points.into_iter().partition(|point| scrapes.keeps(point)),
            None => {
                let folded = points.split_off(points.len().min(self.top));
                (points, folded)
            }
        }
    }

    /// When the counters began, in nanoseconds since 1970. To the millisecond: two clocks are subtracted, and a start that moves from
    /// scrape to scrape would look like a new one.
    fn start_ns(&self) -> u128 {
        const MILLISECOND: u128 = 1_000_000;
        let start = self
            .snapshot
            .taken_unix_ns()
            .saturating_sub(self.snapshot.elapsed_ns());
        u128::from(start) / MILLISECOND * MILLISECOND
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let created = self.created.then_some(Value::Nanos(self.start_ns()));
        let mut to = Writer::new(f, self.open_metrics, created);
        let (points, folded) = self.split();
        of_rows(&mut to, &row::rows(&points, &folded))?;
        of_profiler(&mut to, self.snapshot)?;
        let gauges = [
            (ELAPSED, Value::Nanos(self.snapshot.elapsed_ns().into())),
            (START, Value::Nanos(self.start_ns())),
            (POINTS, Value::Count((points.len() + folded.len()) as u128)),
            (FOLDED, Value::Count(folded.len() as u128)),
            (SHARDS, Value::Count(self.snapshot.table().shards.into())),
        ];
        for (family, value) in gauges {
            to.family(&family)?;
            to.sample(&family, "", value)?;
        }
        to.end()
    }
}

fn of_rows<W: fmt::Write>(to: &mut Writer<'_, W>, rows: &[Row<'_>]) -> fmt::Result {
    for (family, number) in COUNTERS.iter().chain(&GAUGES) {
        to.family(family)?;
        for row in rows {
            if let Some(value) = number(&row.sums) {
                to.sample(family, &row.labels, value)?;
            }
        }
    }
    for (family, (times, durations)) in &SUMMARIES {
        to.family(family)?;
        for row in rows {
            let values = row.alone.map_or([None; 3], |point| {
                durations(point).quantiles(QUANTILES.map(|(q, _)| q))
            });
            let labels = QUANTILES.map(|(_, label)| label);
            let quantiles = labels.into_iter().zip(values);
            let times = times(&row.sums);
            to.summary(
                family,
                &row.labels,
                quantiles.filter_map(|(label, ns)| Some((label, Value::Nanos(ns?.into())))),
                Value::Nanos(times.total_ns),
                Value::Count(times.events),
            )?;
        }
    }
    Ok(())
}

const LOST: Family = Family::counter("lockprof_lost", "Events that were not recorded, by cause.");
const OVERHEAD: Family = Family::counter(
    "lockprof_overhead_seconds",
    "Time that the profiler took, by its own account.",
);
const THREADS: Family = Family::counter(
    "lockprof_thread_seconds",
    "Time that threads lived since their first profiled acquisition.",
);
const ELAPSED: Family = Family::gauge(
    "lockprof_elapsed_seconds",
    "Time since the start or the last reset.",
);
const START: Family = Family::gauge(
    "lockprof_start_time_seconds",
    "Unix time of the start or the last reset.",
);
const POINTS: Family = Family::gauge("lockprof_points", "Acquisition points there are.");
const FOLDED: Family = Family::gauge(
    "lockprof_points_folded",
    "Acquisition points that are in the series called other.",
);
const SHARDS: Family = Family::gauge(
    "lockprof_shards",
    "The most threads with profiled locks that were alive at one time.",
);
const INFO: Family = Family::info("lockprof", "What the profiler was told to measure.");

fn of_profiler<W: fmt::Write>(to: &mut Writer<'_, W>, snapshot: &Snapshot) -> fmt::Result {
    // Each cause, also those that did not occur: an alert on what is not there does not fire.
    to.family(&LOST)?;
    for (cause, count) in snapshot.losses().iter() {
        to.sample(
            &LOST,
            &label::set(&[("cause", cause)]),
            Value::Count(count.into()),
        )?;
    }
    let overhead = snapshot.overhead();
    to.family(&OVERHEAD)?;
    for (kind, ns) in [
        ("budgeted", overhead.budgeted_ns),
        ("counting", overhead.counting_ns),
    ] {
        to.sample(
            &OVERHEAD,
            &label::set(&[("kind", kind)]),
            Value::Nanos(ns.into()),
        )?;
    }
    to.family(&THREADS)?;
    to.sample(&THREADS, "", Value::Nanos(overhead.threads_ns.into()))?;

    let mode = ("mode", snapshot.mode().as_str());
    let labels = match snapshot.mode() {
        ProfilerMode::Sampled { budget } => label::set(&[mode, ("budget", &budget.to_string())]),
        _ => label::set(&[mode]),
    };
    to.family(&INFO)?;
    to.sample(&INFO, &labels, Value::Count(1))
}
