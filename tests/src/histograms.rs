//! Histograms, against the sums of the same durations.

use nexus_lockprof::{AcquireMode, Durations, Snapshot};

/// Checks that each histogram has exactly the durations that were measured. `exact`: each of them
/// stands for itself. `apart`: no point joins the rest, where totals of earlier snapshots count.
///
/// # Panics
/// If one has not.
pub fn check(snapshot: &Snapshot, exact: bool, apart: bool) {
    for point in snapshot.points() {
        // The estimate of a lock's exclusive holds may be cut to what is possible.
        let is_cut = !exact && point.mode == AcquireMode::Exclusive;
        for (kind, durations, is_cut) in [
            ("waits", &point.wait, false),
            ("holds", &point.hold, is_cut),
        ] {
            let of = format!("{kind} at {:#} ({}): {durations:?}", point.site, point.lock);
            check_total(durations, exact, &of);
            if apart && !is_cut {
                check_time(durations, &of);
            }
        }
    }
}

fn check_total(durations: &Durations, exact: bool, of: &str) {
    let histogram = &durations.histogram;
    if exact {
        assert_eq!(histogram.total(), durations.samples, "{of}");
    } else {
        assert!(histogram.total() >= durations.samples, "{of}");
    }
}

fn check_time(durations: &Durations, of: &str) {
    let (mut least, mut most) = (0, 0);
    for bucket in durations.histogram.buckets() {
        let weight = u128::from(bucket.weight);
        if bucket.index > 0 {
            least += weight * u128::from(bucket.above_ns + 1);
        }
        most += weight * u128::from(bucket.up_to_ns.unwrap_or(u64::MAX));
    }
    let total_ns = u128::from(durations.total_ns);
    assert!((least..=most).contains(&total_ns), "{of}");
}
