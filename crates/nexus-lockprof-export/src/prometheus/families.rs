//! Turns series into the messages of Prometheus's protobuf format.

use std::convert::Infallible;

use nexus_lockprof_snapshot::Histogram;
use prost::Message as _;

use super::proto::{
    Bucket, BucketSpan, COUNTER, Counter, GAUGE, Gauge, HISTOGRAM, Histogram as Message, LabelPair,
    Metric, MetricFamily, Timestamp,
};
use crate::series::{
    CLASSIC, Family, Kind, Labels, NANOS_PER_SECOND, Sink, Times, Unit, Value, bound,
};

/// The families so far.
pub(super) struct Families {
    families: Vec<MetricFamily>,
    /// The start of the counters, if it is to be written.
    created: Option<Timestamp>,
}

impl Families {
    /// `created_ns` is the start of the counters, in nanoseconds since 1970.
    pub(super) fn new(created_ns: Option<u128>) -> Self {
        let timestamp = |ns: u128| Timestamp {
            seconds: i64::try_from(ns / NANOS_PER_SECOND).unwrap_or(i64::MAX),
            nanos: (ns % NANOS_PER_SECOND) as i32,
        };
        Self {
            families: Vec::new(),
            created: created_ns.map(timestamp),
        }
    }

    /// All families that have series, each with its length in front.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for family in self.families {
            if !family.metric.is_empty() {
                bytes.append(&mut family.encode_length_delimited_to_vec());
            }
        }
        bytes
    }

    fn add(&mut self, labels: Labels<'_>, mut metric: Metric) {
        let labels = labels.iter().map(|(name, value)| LabelPair {
            name: (*name).to_owned(),
            value: value.clone(),
        });
        metric.label = labels.collect();
        if let Some(family) = self.families.last_mut() {
            family.metric.push(metric);
        }
    }
}

impl Sink for Families {
    type Error = Infallible;

    fn family(&mut self, family: &Family) -> Result<(), Infallible> {
        let (suffix, r#type) = match family.kind {
            Kind::Counter => ("_total", COUNTER),
            Kind::Info => ("_info", GAUGE),
            Kind::Gauge => ("", GAUGE),
            Kind::Histogram => ("", HISTOGRAM),
        };
        self.families.push(MetricFamily {
            name: family.prometheus_name() + suffix,
            help: family.help.to_owned(),
            r#type,
            metric: Vec::new(),
            unit: match family.unit {
                Unit::Seconds => "seconds".to_owned(),
                Unit::Count => String::new(),
            },
        });
        Ok(())
    }

    fn number(
        &mut self,
        family: &Family,
        labels: Labels<'_>,
        value: Value,
    ) -> Result<(), Infallible> {
        let value = match value {
            Value::Count(count) => count as f64,
            Value::Nanos(ns) => seconds(ns),
            Value::Error(ns) => ns / NANOS_PER_SECOND as f64,
        };
        let mut metric = Metric::default();
        match family.kind {
            Kind::Counter => {
                metric.counter = Some(Counter {
                    value,
                    created_timestamp: self.created,
                });
            }
            _ => metric.gauge = Some(Gauge { value }),
        }
        self.add(labels, metric);
        Ok(())
    }

    fn histogram(
        &mut self,
        _: &Family,
        labels: Labels<'_>,
        times: &Times<'_>,
    ) -> Result<(), Infallible> {
        let histogram = &times.histogram;
        let classic = CLASSIC.map(|last| (last, bound(last)));
        let classic = classic.map(|(last, upper_bound)| Bucket {
            cumulative_count: histogram.total_to(last),
            upper_bound,
        });
        let (positive_span, positive_delta) = native(histogram);
        let message = Message {
            sample_count: histogram.total(),
            sample_sum: seconds(times.total_ns),
            bucket: classic.to_vec(),
            schema: Histogram::SCHEMA,
            zero_threshold: bound(0),
            zero_count: histogram.weight(0),
            positive_span,
            positive_delta,
            created_timestamp: self.created,
        };
        let metric = Metric {
            histogram: Some(message),
            ..Metric::default()
        };
        self.add(labels, metric);
        Ok(())
    }
}

/// The spans of all buckets but the first, and the differences of their weights.
fn native(histogram: &Histogram) -> (Vec<BucketSpan>, Vec<i64>) {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut deltas = Vec::new();
    let (mut next, mut before) = (0, 0_i64);
    for bucket in histogram.buckets().filter(|bucket| bucket.index > 0) {
        // Prometheus numbers a bucket by its upper bound.
        let number = bucket.index as i32 + Histogram::FIRST_BOUND;
        match spans.last_mut() {
            Some(span) if number == next => span.length += 1,
            _ => spans.push(BucketSpan {
                offset: number - next,
                length: 1,
            }),
        }
        next = number + 1;
        let weight = i64::try_from(bucket.weight).unwrap_or(i64::MAX);
        deltas.push(weight - before);
        before = weight;
    }
    (spans, deltas)
}

fn seconds(ns: u128) -> f64 {
    ns as f64 / NANOS_PER_SECOND as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_told_by_their_distance() {
        let mut histogram = Histogram::default();
        for (index, weight) in [(0, 9), (3, 5), (4, 2), (52, 7), (65, 1)] {
            histogram.add(index, weight);
        }
        let (spans, deltas) = native(&histogram);
        let spans: Vec<_> = spans
            .iter()
            .map(|span| (span.offset, span.length))
            .collect();
        // Bucket 52 ends at 1 s, which is number 0.
        assert_eq!(spans, [(-49, 2), (47, 1), (12, 1)]);
        assert_eq!(deltas, [5, -3, 5, -6]);
    }
}
