//! What metrics there are of points.

use nexus_lockprof_snapshot::{Durations, Point};

use super::Value;
use super::sums::{Sums, Times};

/// A metric family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    /// As OpenMetrics has it: a counter's samples have `_total` behind it, an info's `_info`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Summary,
    Info,
}

impl Family {
    pub(super) const fn counter(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Counter;
        Self { name, kind, help }
    }

    pub(super) const fn gauge(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Gauge;
        Self { name, kind, help }
    }

    pub(super) const fn summary(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Summary;
        Self { name, kind, help }
    }

    pub(super) const fn info(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Info;
        Self { name, kind, help }
    }

    /// The unit, which its name ends in, if it has one.
    pub(crate) fn unit(&self) -> Option<&'static str> {
        const SECONDS: &str = "seconds";
        self.name.ends_with("_seconds").then_some(SECONDS)
    }
}

/// A number of a row; `None` where the row has none.
pub(super) type Number = fn(&Sums) -> Option<Value>;

/// One series of each for each row.
pub(super) const COUNTERS: [(Family, Number); 12] = [
    (
        Family::counter("lockprof_acquisitions", "Acquisitions of the lock."),
        |s| Some(Value::Count(s.acquisitions)),
    ),
    (
        Family::counter(
            "lockprof_contentions",
            "Acquisitions that found the lock taken and had to wait.",
        ),
        |s| Some(Value::Count(s.contentions)),
    ),
    (
        Family::counter(
            "lockprof_try_failures",
            "Calls of try functions that found the lock taken.",
        ),
        |s| Some(Value::Count(s.try_failures)),
    ),
    (
        Family::counter("lockprof_timeouts", "Timed acquires that gave up."),
        |s| Some(Value::Count(s.timeouts)),
    ),
    (
        Family::counter(
            "lockprof_cancellations",
            "Acquires of tasks that were dropped while they waited.",
        ),
        |s| Some(Value::Count(s.cancellations)),
    ),
    (
        Family::counter(
            "lockprof_blocked",
            "How often others had to wait while this place held the lock.",
        ),
        |s| Some(Value::Count(s.blocked)),
    ),
    (
        Family::counter(
            "lockprof_wait_seconds",
            "Time from finding the lock taken to owning it.",
        ),
        |s| Some(Value::Nanos(s.wait.total_ns)),
    ),
    (
        Family::counter(
            "lockprof_vain_wait_seconds",
            "Time waited by acquires that gave up or were cancelled, no part of the waits.",
        ),
        |s| Some(Value::Nanos(s.vain_wait_ns)),
    ),
    (
        Family::counter(
            "lockprof_caused_wait_seconds",
            "Time that others waited while this place held the lock.",
        ),
        |s| Some(Value::Nanos(s.caused_wait_ns)),
    ),
    (
        Family::counter(
            "lockprof_hold_seconds",
            "Time from owning the lock to releasing it.",
        ),
        |s| Some(Value::Nanos(s.hold.total_ns)),
    ),
    (
        Family::counter(
            "lockprof_wait_unmeasured",
            "Waits that were not measured and that no measured one stands for.",
        ),
        |s| Some(Value::Count(s.wait.unmeasured)),
    ),
    (
        Family::counter(
            "lockprof_hold_unmeasured",
            "Holds that were not measured and that no measured one stands for.",
        ),
        |s| Some(Value::Count(s.hold.unmeasured)),
    ),
];

/// One series of each for each row, errors only of what is estimated.
pub(super) const GAUGES: [(Family, Number); 5] = [
    (
        Family::gauge("lockprof_wait_max_seconds", "The longest measured wait."),
        |s| Some(Value::Nanos(s.wait.max_ns.into())),
    ),
    (
        Family::gauge("lockprof_hold_max_seconds", "The longest measured hold."),
        |s| Some(Value::Nanos(s.hold.max_ns.into())),
    ),
    (
        Family::gauge(
            "lockprof_wait_standard_error_seconds",
            "Standard error of the sum of the waits, where it is an estimate.",
        ),
        |s| error(s.wait.variance),
    ),
    (
        Family::gauge(
            "lockprof_hold_standard_error_seconds",
            "Standard error of the sum of the holds, where it is an estimate.",
        ),
        |s| error(s.hold.variance),
    ),
    (
        Family::gauge(
            "lockprof_caused_wait_standard_error_seconds",
            "Standard error of the caused wait, where it is an estimate.",
        ),
        |s| error((s.caused_variance > 0.0).then_some(s.caused_variance)),
    ),
];

fn error(variance: Option<f64>) -> Option<Value> {
    variance.map(|variance| Value::Error(variance.sqrt()))
}

/// Of a row, the sum; of a point, the sample.
pub(super) type Distribution = (fn(&Sums) -> &Times, fn(&Point) -> &Durations);

/// Not named like the counters of the same times: in OpenMetrics a counter `x_total` is the family `x`.
pub(super) const SUMMARIES: [(Family, Distribution); 2] = [
    (
        Family::summary(
            "lockprof_wait_duration_seconds",
            "Waits since the start or the last reset: quantiles, sum, and how many it stands for.",
        ),
        (|s| &s.wait, |p| &p.wait),
    ),
    (
        Family::summary(
            "lockprof_hold_duration_seconds",
            "Holds since the start or the last reset: quantiles, sum, and how many it stands for.",
        ),
        (|s| &s.hold, |p| &p.hold),
    ),
];

/// The quantiles of a summary, and their label.
pub(crate) const QUANTILES: [(f64, &str); 3] = [(0.5, "0.5"), (0.95, "0.95"), (0.99, "0.99")];
