//! The metrics of a snapshot as series, which Prometheus and OTLP share.
//!
//! [`walk`] passes each family and then its series to a [`Sink`]. Names and syntax are up to the
//! format.

mod deadlocks;
mod family;
mod label;
mod order;
mod row;
mod sink;
mod sums;
mod waiting;
mod walk;

pub(crate) use family::{Family, Kind, QUANTILES, Unit};
pub(crate) use label::Labels;
pub(crate) use row::ranked;
pub(crate) use sink::Sink;
pub(crate) use sums::{Times, sum as variance_sum};
pub(crate) use walk::{start_ns, walk};

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
