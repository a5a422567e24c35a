//! `lock.hot`: compares a point's percentiles in the last interval with its thresholds.

use crate::config::{Config, Thresholds};
use crate::event::Event;
use nexus_lockprof_snapshot::{Durations, Hot, HotMetric, IntervalSamples, Point};
use std::time::Duration;

/// Whether a point's wait and hold are hot: reported, and not cooled since then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heat {
    wait: bool,
    hold: bool,
}

/// What was measured of a point's waits and holds in the monitor's interval, in `recent`, and how
/// many durations each was drawn from.
pub(crate) struct Interval([(Durations, u64); 2]);

impl Interval {
    /// It is the interval since the last collection.
    pub(crate) fn of(point: &Point, [waits, holds]: [u64; 2]) -> Self {
        let recent = |of: &Durations| Durations {
            recent: of.recent.clone(),
            ..Durations::default()
        };
        Interval([(recent(&point.wait), waits), (recent(&point.hold), holds)])
    }

    /// It is the monitor's own.
    pub(crate) fn taken(own: [(IntervalSamples, u64); 2]) -> Self {
        Interval(own.map(|(own, offered)| {
            let recent = Durations {
                recent: own.samples,
                ..Durations::default()
            };
            (recent, offered)
        }))
    }
}

/// Compares one point's interval.
pub(crate) fn judge(
    point: &Point,
    interval: Interval,
    heat: &mut Heat,
    config: &Config,
    events: &mut Vec<Event>,
) {
    let Thresholds { wait, hold } = config.thresholds(&point.lock.name());
    let Interval([(waits, wait_samples), (holds, hold_samples)]) = interval;
    for (metric, durations, samples, threshold, hot) in [
        (HotMetric::Wait, &waits, wait_samples, wait, &mut heat.wait),
        (HotMetric::Hold, &holds, hold_samples, hold, &mut heat.hold),
    ] {
        let Some(threshold) = threshold else {
            *hot = false;
            continue;
        };
        if samples < config.hot_min_samples {
            continue;
        }
        if let Some((p95_ns, threshold_ns)) = crossed(durations, threshold, hot, config.hot_rearm) {
            events.push(Event::Hot(Hot {
                lock: point.lock.clone(),
                mode: point.mode,
                site: point.site.clone(),
                metric,
                p95_ns,
                threshold_ns,
                samples,
            }));
        }
    }
}

/// The 95th percentile and the threshold, if this is the first crossing since the point cooled.
fn crossed(
    durations: &Durations,
    threshold: Duration,
    hot: &mut bool,
    cool: f64,
) -> Option<(u64, u64)> {
    let p95_ns = durations.recent_quantile(0.95)?;
    let threshold_ns = u64::try_from(threshold.as_nanos()).unwrap_or(u64::MAX);
    if p95_ns > threshold_ns {
        let fires = !*hot;
        *hot = true;
        return fires.then_some((p95_ns, threshold_ns));
    }
    if p95_ns as f64 <= threshold_ns as f64 * cool {
        *hot = false;
    }
    None
}
