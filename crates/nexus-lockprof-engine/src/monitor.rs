//! `lock.hot`: compares a point's percentiles in the last interval to its thresholds.

use crate::config::{Config, Thresholds};
use crate::event::Event;
use nexus_lockprof_snapshot::{Durations, Hot, HotMetric, Point};
use std::time::Duration;

/// Whether a point's wait and hold are hot: reported, and not cooled since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heat {
    wait: bool,
    hold: bool,
}

/// A point's intervals of wait and hold, and how many durations each was drawn from.
pub(crate) struct Interval<'a> {
    pub(crate) durations: &'a Durations,
    pub(crate) samples: u64,
}

/// Compares one point's last interval. `recent` of its durations is that interval.
pub(crate) fn judge(
    point: &Point,
    samples: [u64; 2],
    heat: &mut Heat,
    config: &Config,
    events: &mut Vec<Event>,
) {
    let Thresholds { wait, hold } = config.thresholds(&point.lock.name());
    let [wait_samples, hold_samples] = samples;
    for (metric, interval, threshold, hot) in [
        (
            HotMetric::Wait,
            Interval {
                durations: &point.wait,
                samples: wait_samples,
            },
            wait,
            &mut heat.wait,
        ),
        (
            HotMetric::Hold,
            Interval {
                durations: &point.hold,
                samples: hold_samples,
            },
            hold,
            &mut heat.hold,
        ),
    ] {
        let Some(threshold) = threshold else {
            *hot = false;
            continue;
        };
        if let Some((p95_ns, threshold_ns)) = crossed(&interval, threshold, hot, config) {
            events.push(Event::Hot(Hot {
                lock: point.lock.clone(),
                mode: point.mode,
                site: point.site.clone(),
                metric,
                p95_ns,
                threshold_ns,
                samples: interval.samples,
            }));
        }
    }
}

/// The 95th percentile and the threshold, when it is passed for the first time since it cooled.
fn crossed(
    interval: &Interval<'_>,
    threshold: Duration,
    hot: &mut bool,
    config: &Config,
) -> Option<(u64, u64)> {
    if interval.samples < config.hot_min_samples {
        return None;
    }
    let p95_ns = interval.durations.recent_quantile(0.95)?;
    let threshold_ns = u64::try_from(threshold.as_nanos()).unwrap_or(u64::MAX);
    if p95_ns > threshold_ns {
        let fires = !*hot;
        *hot = true;
        return fires.then_some((p95_ns, threshold_ns));
    }
    if p95_ns as f64 <= threshold_ns as f64 * config.hot_cool {
        *hot = false;
    }
    None
}
