//! Snapshots as `metrics`. Needs the feature `metrics`.
//!
//! Names and labels are those that the endpoint gives Prometheus, so a dashboard knows both.

use nexus_lockprof_snapshot::FigureKind;

use crate::{Durations, Event, HandlerId, Point, ProfilerMode, Snapshot, Stuck, WaitCause};
use ::metrics::{Label, counter, gauge};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Records every snapshot that a [`tick`](crate::tick) publishes. Counts hot points in
/// `lockprof_hot_total`, slow waits and holds in `lockprof_slow_total`, deadlocks in
/// `lockprof_deadlocks_total`, stuck waits in `lockprof_stuck_total` and potential deadlocks in
/// `lockprof_lock_orders_total`.
///
/// ```
/// let id = nexus_lockprof::integrations::metrics::install();
/// nexus_lockprof::tick();
/// nexus_lockprof::remove_handler(id);
/// ```
pub fn install() -> HandlerId {
    crate::on_event(|event| match event {
        Event::Published(snapshot) => record(snapshot),
        Event::Hot(hot) => {
            let point = Point::new(hot.lock.clone(), hot.mode, hot.site.clone());
            count_event("lockprof_hot_total", &point, hot.metric.as_str());
        }
        Event::Slow(slow) => {
            let point = Point::new(slow.lock.clone(), slow.mode, slow.site.clone());
            count_event("lockprof_slow_total", &point, slow.metric.as_str());
        }
        Event::Deadlock(deadlock) => {
            let certain = if deadlock.certain { "true" } else { "false" };
            counter!("lockprof_deadlocks_total", "certain" => certain).increment(1);
        }
        Event::Order(potential) => {
            counter!("lockprof_lock_orders_total", "kind" => potential.kind()).increment(1);
        }
        Event::Stuck(Stuck { wait }) => {
            let point = Point::new(wait.lock.clone(), wait.mode, wait.site.clone());
            counter!("lockprof_stuck_total", labels(&point)).increment(1);
        }
        _ => {}
    })
}

fn count_event(name: &'static str, point: &Point, metric: &'static str) {
    let mut labels = labels(point);
    labels.push(Label::new("metric", metric));
    counter!(name, labels).increment(1);
}

/// Records a snapshot, with labels `lock`, `site` and `mode` ([`Point::labels`]).
///
/// Counts are counters that are set, not incremented: each count of [`Point::FIGURES`], such as
/// `lockprof_acquisitions_total`, the durations that were not measured, and
/// `lockprof_losses_total` by `cause`. A `metrics` counter never decreases: after a
/// [`reset`](crate::reset) it stays put until the new count passes it.
///
/// Times are gauges, in seconds, since a `metrics` counter is a whole number:
/// `lockprof_wait_seconds_total`, `lockprof_hold_seconds_total`, each time of `Point::FIGURES`,
/// the longest wait and hold, and `lockprof_wait_duration_seconds`,
/// `lockprof_hold_duration_seconds` by `quantile`.
///
/// `lockprof_rwlock_waits_total` and `lockprof_rwlock_wait_seconds_total` have the label `cause`,
/// too: why threads waited for a reader-writer lock.
///
/// `lockprof_waiters` and `lockprof_longest_wait_seconds` are gauges of each place where somebody
/// has waited at a snapshot; 0 if nobody does at the last one.
///
/// `lockprof_info` is 1 for the mode of the last snapshot, and 0 for the mode before.
pub fn record(snapshot: &Snapshot) {
    // The same series set twice would have the last point's value.
    let mut series: BTreeMap<_, Vec<&Point>> = BTreeMap::new();
    for point in snapshot.points() {
        series.entry(point.labels()).or_default().push(point);
    }
    for points in series.values() {
        record_points(points);
    }
    record_causes(snapshot);
    record_waiters(snapshot);
    for (cause, losses) in snapshot.losses().iter() {
        counter!("lockprof_losses_total", "cause" => cause).absolute(losses);
    }
    let overhead = snapshot.overhead();
    for (kind, ns) in [
        ("budgeted", overhead.budgeted_ns),
        ("counting", overhead.counting_ns),
    ] {
        gauge!("lockprof_overhead_seconds_total", "kind" => kind).set(seconds(ns));
    }
    gauge!("lockprof_thread_seconds_total").set(seconds(overhead.threads_ns));
    let mut labels = vec![Label::new(
        "profiler_mode",
        snapshot.profiler_mode().as_str(),
    )];
    if let ProfilerMode::Sampled { budget } = snapshot.profiler_mode() {
        labels.push(Label::new("budget", budget.to_string()));
    }
    record_info(labels);
}

/// Sets the gauge of these labels to 1, and that of the mode before to 0.
fn record_info(labels: Vec<Label>) {
    static LAST: Mutex<Vec<Label>> = Mutex::new(Vec::new());
    // Never waits: another thread may have held it when this process was forked. If another thread
    // records now, it or the next snapshot does this.
    if let Ok(mut last) = LAST.try_lock()
        && *last != labels
    {
        let old = std::mem::replace(&mut *last, labels.clone());
        drop(last);
        if !old.is_empty() {
            gauge!("lockprof_info", old).set(0.0);
        }
    }
    gauge!("lockprof_info", labels).set(1.0);
}

/// Records why threads waited for reader-writer locks.
fn record_causes(snapshot: &Snapshot) {
    let mut series: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for (point, causes) in snapshot.rwlock_points() {
        let known = causes.iter().filter(|of| of.cause != WaitCause::Unknown);
        for of in known {
            let (waits, waited_ns) = series.entry((point.labels(), of.cause)).or_default();
            *waits = waits.saturating_add(of.waits);
            *waited_ns = waited_ns.saturating_add(of.waited_ns);
        }
    }
    for ((labels, cause), (waits, waited_ns)) in series {
        let mut labels = to_labels(labels);
        labels.push(Label::new("cause", cause.as_str()));
        record_count("rwlock_waits", waits, &labels);
        record_time("rwlock_wait_seconds_total", waited_ns, &labels);
    }
}

/// Sets the gauges of all places where somebody waits, and of those where somebody did at the
/// snapshot before.
fn record_waiters(snapshot: &Snapshot) {
    static LAST: Mutex<BTreeSet<[(&str, String); 3]>> = Mutex::new(BTreeSet::new());
    let mut places: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for waiter in snapshot.waiters() {
        let (waiters, longest_ns) = places.entry(waiter.point().labels()).or_default();
        *waiters += 1;
        *longest_ns = waiter.waited_ns.max(*longest_ns);
    }
    // Never waits, as above.
    if let Ok(mut last) = LAST.try_lock() {
        let before = std::mem::replace(&mut *last, places.keys().cloned().collect());
        for labels in before {
            places.entry(labels).or_default();
        }
    }
    for (labels, (waiters, longest_ns)) in places {
        let labels = to_labels(labels);
        gauge!("lockprof_waiters", labels.clone()).set(waiters as f64);
        record_time("longest_wait_seconds", longest_ns, &labels);
    }
}

/// Records points that have the same labels.
fn record_points(points: &[&Point]) {
    let [first, ..] = points else { return };
    let labels = labels(first);
    for (place, figure) in Point::FIGURES.iter().enumerate() {
        let values = points.iter().map(|point| point.figures()[place]);
        if figure.kind == FigureKind::Max {
            let value = values.max().unwrap_or(0) as f64;
            gauge!(format!("lockprof_{}", figure.name), labels.clone()).set(value);
            continue;
        }
        let value = values.fold(0, u64::saturating_add);
        match figure.time() {
            None => record_count(figure.name, value, &labels),
            Some(name) => record_time(&format!("{name}_seconds_total"), value, &labels),
        }
    }
    let (wait, hold): (DurationsOf, DurationsOf) = (|point| &point.wait, |point| &point.hold);
    for (name, of) in [("wait", wait), ("hold", hold)] {
        let mut sum = Durations::default();
        points.iter().for_each(|point| sum.merge_figures(of(point)));
        record_count(&format!("{name}_unmeasured"), sum.unmeasured, &labels);
        record_time(&format!("{name}_seconds_total"), sum.total_ns, &labels);
        record_time(&format!("{name}_max_seconds"), sum.max_ns, &labels);
        let name = format!("{name}_duration_seconds");
        record_time(&format!("{name}_sum"), sum.total_ns, &labels);
        gauge!(format!("lockprof_{name}_count"), labels.clone()).set(sum.events as f64);
        let quantiles = Durations::quantiles_of(points.iter().map(|p| of(p)), [0.5, 0.95, 0.99]);
        for (quantile, value_ns) in ["0.5", "0.95", "0.99"].into_iter().zip(quantiles) {
            if let Some(value_ns) = value_ns {
                let mut labels = labels.clone();
                labels.push(Label::new("quantile", quantile));
                record_time(&name, value_ns, &labels);
            }
        }
    }
}

type DurationsOf = fn(&Point) -> &Durations;

fn labels(point: &Point) -> Vec<Label> {
    to_labels(point.labels())
}

fn to_labels(labels: [(&'static str, String); 3]) -> Vec<Label> {
    let labels = labels.into_iter();
    labels
        .map(|(name, value)| Label::new(name, value))
        .collect()
}

fn record_count(name: &str, count: u64, labels: &[Label]) {
    counter!(format!("lockprof_{name}_total"), labels.to_vec()).absolute(count);
}

fn record_time(name: &str, ns: u64, labels: &[Label]) {
    gauge!(format!("lockprof_{name}"), labels.to_vec()).set(seconds(ns));
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
