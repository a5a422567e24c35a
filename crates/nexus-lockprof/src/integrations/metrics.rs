//! Snapshots as `metrics`. Needs the feature `metrics`.

use crate::{Durations, Event, HandlerId, Point, Snapshot};
use ::metrics::{Label, counter, gauge};

/// Records each snapshot that a [`tick`](crate::tick) publishes, and counts hot points in
/// `lockprof_hot_total`.
///
/// ```
/// let id = nexus_lockprof::integrations::metrics::install();
/// nexus_lockprof::tick();
/// nexus_lockprof::remove_handler(id);
/// ```
pub fn install() -> HandlerId {
    crate::on_event(|event| match event {
        Event::Published(snapshot) => record(snapshot),
        Event::Hot(hot) => counter!(
            "lockprof_hot_total",
            vec![
                Label::new("lock", hot.lock.name().into_owned()),
                Label::new("site", format!("{:#}", hot.site)),
                Label::new("metric", hot.metric.as_str()),
            ]
        )
        .increment(1),
        _ => {}
    })
}

/// Records a snapshot, with labels `lock`, `site` and `mode`.
///
/// Counters (set, not incremented): each count of [`Point::FIGURES`], such as
/// `lockprof_acquisitions_total`, and `lockprof_lost_total` by `cause`.
///
/// Gauges, in seconds: `lockprof_wait_seconds_total`, `lockprof_hold_seconds_total`, each time of
/// `Point::FIGURES`, such as `lockprof_caused_wait_seconds_total`, and `lockprof_wait_seconds`,
/// `lockprof_hold_seconds` by `quantile`.
///
/// A `metrics` counter never decreases: after a [`reset`](crate::reset) it stays put until the new
/// count passes it.
pub fn record(snapshot: &Snapshot) {
    for point in snapshot.points() {
        record_point(point);
    }
    for (cause, lost) in snapshot.losses().iter() {
        counter!("lockprof_lost_total", "cause" => cause).absolute(lost);
    }
}

fn record_point(point: &Point) {
    let labels = vec![
        Label::new("lock", point.lock.name().into_owned()),
        // Includes the column, so that two calls on one line are two metrics.
        Label::new("site", format!("{:#}", point.site)),
        Label::new("mode", point.mode.as_str()),
    ];
    for (figure, value) in Point::FIGURES.iter().zip(point.figures()) {
        match figure.time() {
            None => {
                counter!(format!("lockprof_{}_total", figure.name), labels.clone()).absolute(value)
            }
            Some(time) => record_time(time, value, &labels),
        }
    }
    record_time("wait", point.wait.total_ns, &labels);
    record_time("hold", point.hold.total_ns, &labels);
    record_quantiles("lockprof_wait_seconds", &point.wait, &labels);
    record_quantiles("lockprof_hold_seconds", &point.hold, &labels);
}

fn record_time(name: &'static str, ns: u64, labels: &[Label]) {
    gauge!(format!("lockprof_{name}_seconds_total"), labels.to_vec()).set(seconds(ns));
}

fn record_quantiles(name: &'static str, durations: &Durations, labels: &[Label]) {
    let values = durations.quantiles([0.5, 0.95, 0.99]);
    for (quantile, value_ns) in ["0.5", "0.95", "0.99"].into_iter().zip(values) {
        if let Some(value_ns) = value_ns {
            let mut labels = labels.to_vec();
            labels.push(Label::new("quantile", quantile));
            gauge!(name, labels).set(seconds(value_ns));
        }
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
