//! The syntax of both formats.

use std::fmt::{self, Write};

use nexus_lockprof_snapshot::Histogram;

use super::number::float;
use crate::series::{CLASSIC, Family, Kind, Labels, Sink, Times, Unit, Value, bound};

/// Writes families in sequence.
pub(super) struct Writer<'w, W> {
    to: &'w mut W,
    open_metrics: bool,
    /// The start of the counters, if it is to be written.
    created: Option<String>,
    /// The name of the current family.
    name: String,
    /// The upper bounds of a classic histogram's buckets, as text, and the last buckets in them.
    ends: Vec<(String, usize)>,
    /// The labels of the current series.
    labels: String,
    /// The line that is being written. One piece is cheaper than many.
    line: String,
}

impl<W: Write> Sink for Writer<'_, W> {
    type Error = fmt::Error;

    fn family(&mut self, family: &Family) -> fmt::Result {
        self.name = family.prometheus_name();
        let (name, help) = (&self.name, family.help);
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
        set(&mut self.labels, labels);
        match family.kind {
            Kind::Counter => {
                self.line("_total", None, value)?;
                self.created()
            }
            Kind::Info => self.line("_info", None, value),
            Kind::Gauge | Kind::Histogram => self.line("", None, value),
        }
    }

    fn histogram(&mut self, _: &Family, labels: Labels<'_>, times: &Times<'_>) -> fmt::Result {
        set(&mut self.labels, labels);
        let mut buckets = times.histogram.buckets().peekable();
        let mut count = 0_u64;
        for end in 0..self.ends.len() {
            let last = self.ends[end].1;
            while let Some(bucket) = buckets.next_if(|bucket| bucket.index <= last) {
                count = count.saturating_add(bucket.weight);
            }
            self.line("_bucket", Some(end), Value::Count(count.into()))?;
        }
        self.line("_sum", None, Value::Nanos(times.total_ns))?;
        self.line("_count", None, Value::Count(count.into()))?;
        self.created()
    }
}

impl<'w, W: Write> Writer<'w, W> {
    pub(super) fn new(to: &'w mut W, open_metrics: bool, created: Option<Value>) -> Self {
        let ends = CLASSIC.map(|last| (float(bound(last)), last));
        let infinite = ("+Inf".to_owned(), Histogram::BUCKETS - 1);
        // Only OpenMetrics has it; in the older format it would be a series without a type.
        let created = created.filter(|_| open_metrics);
        Self {
            to,
            open_metrics,
            created: created.map(|created| created.to_string()),
            name: String::new(),
            ends: ends.into_iter().chain([infinite]).collect(),
            labels: String::new(),
            line: String::new(),
        }
    }

    /// Ends the text.
    pub(super) fn end(self) -> fmt::Result {
        match self.open_metrics {
            true => self.to.write_str("# EOF\n"),
            false => Ok(()),
        }
    }

    fn created(&mut self) -> fmt::Result {
        let Some(created) = self.created.take() else {
            return Ok(());
        };
        self.begin("_created", None);
        self.line.push_str(&created);
        self.created = Some(created);
        self.finish()
    }

    /// Writes one sample of the current family and labels: for a bucket, that with this index.
    fn line(&mut self, suffix: &str, bucket: Option<usize>, value: Value) -> fmt::Result {
        self.begin(suffix, bucket);
        write!(self.line, "{value}")?;
        self.finish()
    }

    /// Everything up to the value.
    fn begin(&mut self, suffix: &str, bucket: Option<usize>) {
        self.line.clear();
        self.line.extend([&*self.name, suffix]);
        if let Some((end, _)) = bucket.and_then(|bucket| self.ends.get(bucket)) {
            self.line
                .extend(["{", &*self.labels, ",le=\"", &**end, "\"} "]);
        } else if self.labels.is_empty() {
            self.line.push(' ');
        } else {
            self.line.extend(["{", &*self.labels, "} "]);
        }
    }

    fn finish(&mut self) -> fmt::Result {
        self.line.push('\n');
        self.to.write_str(&self.line)
    }
}

/// Writes each label as `name="value"`, escaped.
fn set(text: &mut String, labels: Labels<'_>) {
    text.clear();
    for (i, (name, value)) in labels.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        text.extend([comma, *name, "=\""]);
        escape(text, value);
        text.push('"');
    }
}

/// Both formats escape these three characters.
fn escape(text: &mut String, value: &str) {
    let is_escaped = |byte| matches!(byte, b'\\' | b'"' | b'\n');
    // Few values have any. Without an early end, many bytes are compared at once.
    if !value
        .bytes()
        .fold(false, |any, byte| any | is_escaped(byte))
    {
        text.push_str(value);
        return;
    }
    for c in value.chars() {
        match c {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str(r"\n"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        let set = |labels: Labels<'_>| {
            let mut text = String::from("x");
            super::set(&mut text, labels);
            text
        };
        assert_eq!(set(&[]), "");
        let labels = [("a", r#"C:\x "y""#), ("b", "1\n2"), ("c", "größe")];
        let labels = labels.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(set(&labels), r#"a="C:\\x \"y\"",b="1\n2",c="größe""#);
    }
}
