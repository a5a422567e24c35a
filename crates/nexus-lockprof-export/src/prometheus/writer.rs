//! The syntax of both formats.

use std::fmt::{self, Write};

use super::family::{Family, Kind};
use super::number::Value;

/// Writes families, one after the other.
pub(super) struct Writer<'w, W> {
    to: &'w mut W,
    open_metrics: bool,
    /// Since when counters count, if that is to be said.
    created: Option<Value>,
}

impl<'w, W: Write> Writer<'w, W> {
    pub(super) fn new(to: &'w mut W, open_metrics: bool, created: Option<Value>) -> Self {
        Self {
            to,
            open_metrics,
            // A thing of OpenMetrics; in the older format it would be a series without a type.
            created: created.filter(|_| open_metrics),
        }
    }

    /// Begins a family.
    pub(super) fn family(&mut self, family: &Family) -> fmt::Result {
        let Family { name, kind, help } = family;
        // The older format knows neither infos nor units, and names a family as its samples.
        let (suffix, kind) = match (kind, self.open_metrics) {
            (Kind::Counter, true) => ("", "counter"),
            (Kind::Counter, false) => ("_total", "counter"),
            (Kind::Info, true) => ("", "info"),
            (Kind::Info, false) => ("_info", "gauge"),
            (Kind::Gauge, _) => ("", "gauge"),
            (Kind::Summary, _) => ("", "summary"),
        };
        writeln!(self.to, "# HELP {name}{suffix} {help}")?;
        writeln!(self.to, "# TYPE {name}{suffix} {kind}")?;
        match family.unit().filter(|_| self.open_metrics) {
            Some(unit) => writeln!(self.to, "# UNIT {name} {unit}"),
            None => Ok(()),
        }
    }

    /// The sample of a counter, gauge or info.
    pub(super) fn sample(&mut self, family: &Family, labels: &str, value: Value) -> fmt::Result {
        match family.kind {
            Kind::Counter => {
                self.line(family.name, "_total", labels, "", value)?;
                self.created(family.name, labels)
            }
            Kind::Info => self.line(family.name, "_info", labels, "", value),
            Kind::Gauge | Kind::Summary => self.line(family.name, "", labels, "", value),
        }
    }

    /// A summary: its quantiles, with their label, those of which there is a value.
    pub(super) fn summary(
        &mut self,
        family: &Family,
        labels: &str,
        quantiles: impl IntoIterator<Item = (&'static str, Value)>,
        sum: Value,
        count: Value,
    ) -> fmt::Result {
        for (quantile, value) in quantiles {
            self.line(family.name, "", labels, quantile, value)?;
        }
        self.line(family.name, "_sum", labels, "", sum)?;
        self.line(family.name, "_count", labels, "", count)?;
        self.created(family.name, labels)
    }

    /// Ends the text.
    pub(super) fn end(self) -> fmt::Result {
        match self.open_metrics {
            true => self.to.write_str("# EOF\n"),
            false => Ok(()),
        }
    }

    fn created(&mut self, name: &str, labels: &str) -> fmt::Result {
        match self.created {
            Some(created) => self.line(name, "_created", labels, "", created),
            None => Ok(()),
        }
    }

    fn line(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &str,
        quantile: &str,
        value: Value,
    ) -> fmt::Result {
        write!(self.to, "{name}{suffix}")?;
        match (labels, quantile) {
            ("", "") => {}
            (labels, "") => write!(self.to, "{{{labels}}}")?,
            (labels, quantile) => write!(self.to, "{{{labels},quantile=\"{quantile}\"}}")?,
        }
        writeln!(self.to, " {value}")
    }
}
