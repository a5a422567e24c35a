//! [`Evidence`].

use serde::Serialize;

/// One figure that a [`Finding`](crate::Finding) rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// Its name. A time ends in `_ns`, a share in `_share`, a rate in `_per_second`; `threads` is a
    /// number of threads on average, and anything else a count.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// The standard error of the value; 0 if the value is exact, or its error is not known.
    pub standard_error: f64,
    /// Whether it is an estimate from a sample of the events.
    pub is_estimate: bool,
    /// Whether it is a lower bound, because some of the events were not measured.
    pub is_partial: bool,
}
