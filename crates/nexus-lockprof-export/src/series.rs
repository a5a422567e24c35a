//! The metrics of a snapshot, as series: what Prometheus and OTLP have in common.
//!
//! [`walk`] tells a [`Sink`] all there is: each family, then its series. What they are called, and
//! how they are written, is the formats'.

mod family;
mod label;
mod row;
mod sums;
mod walk;

pub(crate) use family::{Family, Kind, QUANTILES, Unit};
pub(crate) use label::Labels;
pub(crate) use row::ranked;
pub(crate) use sums::{Times, sum as variance_sum};
pub(crate) use walk::{Sink, start_ns, walk};

/// A number of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Count(u128),
    /// Seconds, of whole nanoseconds. Wider than a counter: a sum of many must not stop.
    Nanos(u128),
    /// Nanoseconds that are not whole, as seconds.
    Error(f64),
}

pub(crate) const NANOS_PER_SECOND: u128 = 1_000_000_000;
