//! The metrics of points.

use nexus_lockprof_snapshot::{Figure, FigureKind, Point};

use super::Value;
use super::sums::{Sums, Times};

/// A metric family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    /// Without the unit and the format's prefix and suffix. Empty for the info.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Seconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

impl Family {
    pub(super) const fn new(
        kind: Kind,
        name: &'static str,
        unit: Unit,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            unit,
            kind,
            help,
        }
    }

    fn of(figure: &Figure) -> Self {
        let (name, unit) = match figure.time() {
            Some(name) => (name, Unit::Seconds),
            None => (figure.name, Unit::Count),
        };
        let kind = match figure.kind {
            FigureKind::Counter => Kind::Counter,
            FigureKind::Max | FigureKind::Gauge => Kind::Gauge,
        };
        Self::new(kind, name, unit, figure.help)
    }

    /// OpenMetrics's name, which ends in the unit. There, a counter's samples append `_total`, and
    /// an info's `_info`.
    pub(crate) fn prometheus_name(&self) -> String {
        let underscore = if self.name.is_empty() { "" } else { "_" };
        let unit = match self.unit {
            Unit::Count => "",
            Unit::Seconds => "_seconds",
        };
        format!("lockprof{underscore}{}{unit}", self.name)
    }
}

/// A number of a row: one series per row.
#[derive(Clone, Copy)]
pub(super) enum Number {
    /// The figure with this index.
    Figure(usize, Unit),
    /// Another number; `None` if the row has none.
    Of(fn(&Sums<'_>) -> Option<Value>),
}

impl Number {
    pub(super) fn of(self, sums: &Sums<'_>) -> Option<Value> {
        match self {
            Self::Figure(number, unit) => {
                let figure = *sums.figures.get(number)?;
                Some(match unit {
                    Unit::Count => Value::Count(figure),
                    Unit::Seconds => Value::Nanos(figure),
                })
            }
            Self::Of(of) => of(sums),
        }
    }
}

/// All of them in order: counters, then gauges.
pub(super) fn numbers() -> impl Iterator<Item = (Family, Number)> {
    let figures = Point::FIGURES.into_iter().enumerate();
    let figures = figures.map(|(number, figure)| {
        let family = Family::of(&figure);
        (family, Number::Figure(number, family.unit))
    });
    let (counters, gauges): (Vec<_>, Vec<_>) =
        figures.partition(|(family, _)| family.kind == Kind::Counter);
    let counters = counters.into_iter();
    let (times, counts): (Vec<_>, Vec<_>) =
        counters.partition(|(family, _)| family.unit == Unit::Seconds);
    let others = |(family, of): Other| (family, Number::Of(of));
    counts
        .into_iter()
        .chain([others(WAIT)])
        .chain(times)
        .chain(OTHERS.map(others))
        .chain(gauges)
}

type Other = (Family, fn(&Sums<'_>) -> Option<Value>);

const WAIT: Other = (
    Family::new(
        Kind::Counter,
        "wait",
        Unit::Seconds,
        "Time from finding the lock taken to owning it.",
    ),
    |s| Some(Value::Nanos(s.wait.total_ns)),
);

/// Only estimates have standard errors.
const OTHERS: [Other; 8] = [
    (
        Family::new(
            Kind::Counter,
            "hold",
            Unit::Seconds,
            "Time from owning the lock to releasing it.",
        ),
        |s| Some(Value::Nanos(s.hold.total_ns)),
    ),
    (
        Family::new(
            Kind::Counter,
            "wait_unmeasured",
            Unit::Count,
            "Waits that were not measured and that no measured one stands for.",
        ),
        |s| Some(Value::Count(s.wait.unmeasured)),
    ),
    (
        Family::new(
            Kind::Counter,
            "hold_unmeasured",
            Unit::Count,
            "Holds that were not measured and that no measured one stands for.",
        ),
        |s| Some(Value::Count(s.hold.unmeasured)),
    ),
    (
        Family::new(
            Kind::Gauge,
            "wait_max",
            Unit::Seconds,
            "The longest measured wait.",
        ),
        |s| Some(Value::Nanos(s.wait.max_ns.into())),
    ),
    (
        Family::new(
            Kind::Gauge,
            "hold_max",
            Unit::Seconds,
            "The longest measured hold.",
        ),
        |s| Some(Value::Nanos(s.hold.max_ns.into())),
    ),
    (
        Family::new(
            Kind::Gauge,
            "wait_standard_error",
            Unit::Seconds,
            "Standard error of the sum of the waits, where it is an estimate.",
        ),
        |s| error(s.wait.variance),
    ),
    (
        Family::new(
            Kind::Gauge,
            "hold_standard_error",
            Unit::Seconds,
            "Standard error of the sum of the holds, where it is an estimate.",
        ),
        |s| error(s.hold.variance),
    ),
    (
        Family::new(
            Kind::Gauge,
            "caused_wait_standard_error",
            Unit::Seconds,
            "Standard error of the caused wait, where it is an estimate.",
        ),
        |s| error((s.caused_variance > 0.0).then_some(s.caused_variance)),
    ),
];

fn error(variance: Option<f64>) -> Option<Value> {
    variance.map(|variance| Value::Error(variance.sqrt()))
}

/// The sum over a row.
pub(super) type Distribution = for<'s, 'a> fn(&'s Sums<'a>) -> &'s Times<'a>;

/// Named differently from the counters of the same times: OpenMetrics's counter `x_total` is
/// already the family `x`.
pub(super) const HISTOGRAMS: [(Family, Distribution); 2] = [
    (
        Family::new(
            Kind::Histogram,
            "wait_duration",
            Unit::Seconds,
            "Waits since the start or the last reset, by how long they took.",
        ),
        |s| &s.wait,
    ),
    (
        Family::new(
            Kind::Histogram,
            "hold_duration",
            Unit::Seconds,
            "Holds since the start or the last reset, by how long they took.",
        ),
        |s| &s.hold,
    ),
];
