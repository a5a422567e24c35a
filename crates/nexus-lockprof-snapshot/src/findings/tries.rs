//! Findings about `try_*` functions.

use super::class::Class;
use super::finding::{Finding, FindingKind};
use super::measure::Measure;
use super::thresholds::{NS_PER_S, TRIES_PER_SECOND, TRIES_PER_SUCCESS};
use super::words;
use crate::Point;

/// A finding for each place that tries in a loop.
pub(super) fn loops(class: &Class<'_>) -> Vec<Finding> {
    let seconds = class.elapsed_ns / NS_PER_S;
    let is_loop = |point: &&&Point| {
        let failures = point.try_failures;
        failures as f64 >= TRIES_PER_SECOND * seconds.max(1.0)
            && failures / TRIES_PER_SUCCESS >= point.acquisitions
    };
    let loops = class.points.iter().filter(is_loop);
    loops
        .map(|point| {
            let failures = Measure::exact(point.try_failures as f64);
            let rate = failures.over(seconds);
            let acquisitions = Measure::exact(point.acquisitions as f64);
            let place = words::site(&point.site);
            Finding {
                kind: FindingKind::TryLoop,
                lock: class.lock.clone(),
                site: Some(point.site.clone()),
                mode: Some(point.mode),
                cost_ns: None,
                cost_error_ns: 0.0,
                evidence: vec![
                    failures.named("try_failures"),
                    rate.named("try_failures_per_second"),
                    acquisitions.named("acquisitions"),
                ],
                text: format!(
                    "A try function at {place} found {} taken {} times, {} times a second, and took it {}. How much \
                     time that took was not measured.",
                    words::lock(class.lock),
                    words::count(failures),
                    words::count(rate),
                    match point.acquisitions {
                        0 => "never".to_owned(),
                        1 => "once".to_owned(),
                        _ => format!("{} times", words::count(acquisitions)),
                    },
                ),
                remedy: format!(
                    "If {place} is in a loop, wait for the lock instead: lock(), or a try function with a timeout. A loop \
                     takes processor time that the holder may need."
                ),
                expected: String::new(),
                what_if: None,
            }
        })
        .collect()
}
