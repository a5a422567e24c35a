//! Writes the limits of the numbers as comments of the profile.

use crate::series::variance_sum;
use nexus_lockprof_snapshot::{Durations, Point, Snapshot};

type Of<T> = fn(&Point) -> T;

/// The comments of the profile of waiters.
pub(super) fn block(snapshot: &Snapshot) -> Vec<String> {
    let mut comments = all(snapshot, |point| variance(&point.wait));
    let vain_ns = sum(snapshot, |point| point.abandoned_wait_ns);
    if vain_ns > 0 {
        comments.push(format!(
            "NOT IN delay: {vain_ns} ns waited by acquires that gave up or were cancelled"
        ));
    }
    if snapshot
        .points()
        .iter()
        .any(|point| !point.callers.is_empty())
    {
        comments.push(
            "ESTIMATED from samples: how delay and contentions are divided among call stacks"
                .to_owned(),
        );
    }
    comments
}

/// The comments of the profile of holders.
pub(super) fn mutex(snapshot: &Snapshot) -> Vec<String> {
    all(snapshot, |point| point.caused_variance)
}

fn all(snapshot: &Snapshot, delay_variance: Of<f64>) -> Vec<String> {
    let mut comments = vec![format!(
        "lockprof, profiler mode {}",
        snapshot.profiler_mode()
    )];
    if !snapshot.losses().is_empty() {
        comments.push(format!("LOST {}", snapshot.losses()));
    }
    let variances: [(&str, Of<f64>); 2] = [
        ("delay", delay_variance),
        ("hold", |point| variance(&point.hold)),
    ];
    for (name, variance) in variances {
        let of_points = snapshot.points().iter().map(variance);
        let variance = of_points.fold(0.0, variance_sum);
        if variance > 0.0 {
            comments.push(format!(
                "ESTIMATED from samples: {name}, standard error of the sum {:.0} ns",
                variance.sqrt()
            ));
        }
    }
    let unmeasured: [(&str, Of<u64>); 2] = [
        ("waits", |point| point.wait.unmeasured),
        ("holds", |point| point.hold.unmeasured),
    ];
    for (name, events) in unmeasured {
        let events = sum(snapshot, events);
        if events > 0 {
            comments.push(format!(
                "PARTLY not measured: {events} {name} are in no sum"
            ));
        }
    }
    comments
}

/// The squared standard error. Variances add up, errors do not.
fn variance(durations: &Durations) -> f64 {
    durations.standard_error_ns().powi(2)
}

fn sum(snapshot: &Snapshot, of: Of<u64>) -> u128 {
    snapshot.points().iter().map(|p| u128::from(of(p))).sum()
}
