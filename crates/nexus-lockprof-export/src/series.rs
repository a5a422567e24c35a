//! The metrics of a snapshot as series, which Prometheus and OTLP share.
//!
//! [`walk`] passes each family and then its series to a [`Sink`]. Names and syntax are up to the
//! format.

use nexus_lockprof_snapshot::Histogram;

mod causes;
mod deadlocks;
mod family;
mod label;
mod order;
mod row;
mod sink;
mod sums;
mod waiting;
mod walk;

pub(crate) use causes::Causes;
pub(crate) use family::{Family, Kind, Unit};
pub(crate) use label::Labels;
pub(crate) use row::ranked;
pub(crate) use sink::Sink;
pub(crate) use sums::{Times, sum as variance_sum};
pub(crate) use walk::{start_ns, walk};

/// Where the buckets of classic histograms end: at every fourth bucket of a point's histogram, by
/// number. So each is the sum of some of those, and four times as wide as the one before.
pub(crate) const CLASSIC: [usize; 15] = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60];

/// The upper bound of a histogram's bucket, in seconds.
pub(crate) fn bound(index: usize) -> f64 {
    let half = index as i32 + Histogram::FIRST_BOUND;
    (f64::from(half) / 2.0).exp2()
}

/// A number of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Count(u128),
    /// Whole nanoseconds, shown as seconds. Wider than a counter, so that a sum of many does not
    /// saturate.
    Nanos(u128),
    /// Fractional nanoseconds, shown as seconds.
    Error(f64),
}

pub(crate) const NANOS_PER_SECOND: u128 = 1_000_000_000;
