//! The syntax of both formats.

use std::borrow::Cow;
use std::fmt::{self, Write};

use nexus_lockprof_snapshot::Histogram;

use super::number::float;
use crate::series::{CLASSIC, Family, Kind, Labels, Sink, Times, Unit, Value, bound};

/// Writes families in sequence.
pub(super) struct Writer<'w, W> {
    to: &'w mut W,
    open_metrics: bool,
    /// The start of the counters, if it is to be written.
    created: Option<Value>,
}

impl<W: Write> Sink for Writer<'_, W> {
    type Error = fmt::Error;

    fn family(&mut self, family: &Family) -> fmt::Result {
        let (name, help) = (family.prometheus_name(), family.help);
        // The older format knows neither infos nor units, and names a family like its samples.
        let (suffix, kind) = match (family.kind, self.open_metrics) {
            (Kind::Counter, true) => ("", "counter"),
            (Kind::Counter, false) => ("_total", "counter"),
            (Kind::Info, true) => ("", "info"),
            (Kind::Info, false) => ("_info", "gauge"),
            (Kind::Gauge, _) => ("", "gauge"),
            (Kind::Histogram, _) => ("", "histogram"),
        };
        writeln!(self.to, "# HELP {name}{suffix} {help}")?;
        writeln!(self.to, "# TYPE {name}{suffix} {kind}")?;
        match family.unit {
            Unit::Seconds if self.open_metrics => writeln!(self.to, "# UNIT {name} seconds"),
            _ => Ok(()),
        }
    }

    fn number(&mut self, family: &Family, labels: Labels<'_>, value: Value) -> fmt::Result {
        let (name, labels) = (&family.prometheus_name(), set(labels));
        match family.kind {
            Kind::Counter => {
                self.line(name, "_total", &labels, value)?;
                self.created(name, &labels)
            }
            Kind::Info => self.line(name, "_info", &labels, value),
            Kind::Gauge | Kind::Histogram => self.line(name, "", &labels, value),
        }
    }

    fn histogram(&mut self, family: &Family, labels: Labels<'_>, times: &Times) -> fmt::Result {
        let (name, labels) = (&family.prometheus_name(), set(labels));
        let ends = CLASSIC.map(|last| (float(bound(last)), last));
        let infinite = ("+Inf".to_owned(), Histogram::BUCKETS - 1);
        for (end, last) in ends.into_iter().chain([infinite]) {
            let labels = format!("{labels},le=\"{end}\"");
            let count = times.histogram.total_to(last);
            self.line(name, "_bucket", &labels, Value::Count(count.into()))?;
        }
        self.line(name, "_sum", &labels, Value::Nanos(times.total_ns))?;
        let count = times.histogram.total();
        self.line(name, "_count", &labels, Value::Count(count.into()))?;
        self.created(name, &labels)
    }
}

impl<'w, W: Write> Writer<'w, W> {
    pub(super) fn new(to: &'w mut W, open_metrics: bool, created: Option<Value>) -> Self {
        Self {
            to,
            open_metrics,
            // Only OpenMetrics has it; in the older format it would be a series without a type.
            created: created.filter(|_| open_metrics),
        }
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
            Some(created) => self.line(name, "_created", labels, created),
            None => Ok(()),
        }
    }

    fn line(&mut self, name: &str, suffix: &str, labels: &str, value: Value) -> fmt::Result {
        match labels {
            "" => writeln!(self.to, "{name}{suffix} {value}"),
            labels => writeln!(self.to, "{name}{suffix}{{{labels}}} {value}"),
        }
    }
}

/// Writes each label as `name="value"`, escaped.
fn set(labels: Labels<'_>) -> String {
    let mut text = String::new();
    for (i, (name, value)) in labels.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{name}=\"{}\"", escaped(value));
    }
    text
}

/// Both formats escape these three characters.
fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return value.into();
    }
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    value.replace('\n', r"\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        assert_eq!(set(&[]), "");
        let labels = [("a", r#"C:\x "y""#), ("b", "1\n2"), ("c", "größe")];
        let labels = labels.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(set(&labels), r#"a="C:\\x \"y\"",b="1\n2",c="größe""#);
    }
}
