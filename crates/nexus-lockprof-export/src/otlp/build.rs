//! Turns series into messages.

use std::convert::Infallible;

use nexus_lockprof_snapshot::{Histogram, Snapshot};

use super::proto::{
    AnyValue, Buckets, CUMULATIVE, DELTA, Data, ExponentialHistogram,
    ExponentialHistogramDataPoint, ExportMetricsServiceRequest, Gauge, InstrumentationScope,
    KeyValue, Metric, Number, NumberDataPoint, Resource, ResourceMetrics, ScopeMetrics, Sum,
};
use crate::series::{self, Family, Kind, Labels, NANOS_PER_SECOND, Sink, Times, Unit, Value};

/// The metrics so far.
pub(super) struct Metrics {
    metrics: Vec<Metric>,
    temporality: i32,
    start_ns: u64,
    taken_ns: u64,
}

impl Metrics {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        Self {
            metrics: Vec::new(),
            temporality: match snapshot.base_collection() {
                None => CUMULATIVE,
                Some(_) => DELTA,
            },
            start_ns: whole(series::start_ns(snapshot)),
            taken_ns: snapshot.taken_unix_ns(),
        }
    }

    pub(super) fn into_request(self, resource: &[(String, String)]) -> ExportMetricsServiceRequest {
        let attributes = resource.iter().map(|(name, value)| attribute(name, value));
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(Resource {
                    attributes: attributes.collect(),
                }),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(InstrumentationScope {
                        name: env!("CARGO_PKG_NAME").to_owned(),
                        version: env!("CARGO_PKG_VERSION").to_owned(),
                    }),
                    metrics: self.metrics,
                }],
            }],
        }
    }

    fn data(&mut self) -> Option<&mut Data> {
        self.metrics.last_mut()?.data.as_mut()
    }
}

impl Sink for Metrics {
    type Error = Infallible;

    fn family(&mut self, family: &Family) -> Result<(), Infallible> {
        let unit = match family.unit {
            Unit::Seconds => "s",
            // The unit "1" would mean a ratio.
            Unit::Count => "",
        };
        let data = match family.kind {
            Kind::Counter => Data::Sum(Sum {
                data_points: Vec::new(),
                aggregation_temporality: self.temporality,
                is_monotonic: true,
            }),
            Kind::Gauge | Kind::Info => Data::Gauge(Gauge::default()),
            Kind::Histogram => Data::Histogram(ExponentialHistogram {
                data_points: Vec::new(),
                aggregation_temporality: self.temporality,
            }),
        };
        // OpenTelemetry separates the namespace with a dot and keeps the unit out of the name.
        let name = match family.kind {
            Kind::Info => "info",
            _ => family.name,
        };
        self.metrics.push(Metric {
            name: format!("lockprof.{name}"),
            description: family.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
        });
        Ok(())
    }

    fn number(&mut self, _: &Family, labels: Labels<'_>, value: Value) -> Result<(), Infallible> {
        let point = NumberDataPoint {
            start_time_unix_nano: self.start_ns,
            time_unix_nano: self.taken_ns,
            attributes: attributes(labels),
            value: Some(match value {
                // A count too large for the protocol saturates, as a point's own counters do.
                Value::Count(count) => Number::Int(i64::try_from(count).unwrap_or(i64::MAX)),
                Value::Nanos(ns) => Number::Double(seconds(ns)),
                Value::Error(ns) => Number::Double(ns / NANOS_PER_SECOND as f64),
            }),
        };
        match self.data() {
            Some(Data::Sum(Sum { data_points, .. }) | Data::Gauge(Gauge { data_points })) => {
                data_points.push(point);
            }
            // Cannot happen: a number in a histogram, or before any family.
            Some(Data::Histogram(_)) | None => {}
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        _: &Family,
        labels: Labels<'_>,
        times: &Times<'_>,
    ) -> Result<(), Infallible> {
        let histogram = &times.histogram;
        let mut others = histogram.buckets().map(|bucket| bucket.index);
        let first = others.find(|index| *index > 0);
        let positive = first.map(|first| {
            let last = others.last().unwrap_or(first);
            Buckets {
                offset: first as i32 + Histogram::FIRST_BOUND - 1,
                bucket_counts: (first..=last)
                    .map(|index| histogram.weight(index))
                    .collect(),
            }
        });
        let point = ExponentialHistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.start_ns,
            time_unix_nano: self.taken_ns,
            count: histogram.total(),
            sum: Some(seconds(times.total_ns)),
            scale: Histogram::SCHEMA,
            zero_count: histogram.weight(0),
            positive,
            zero_threshold: series::bound(0),
        };
        if let Some(Data::Histogram(metric)) = self.data() {
            metric.data_points.push(point);
        }
        Ok(())
    }
}

fn attributes(labels: Labels<'_>) -> Vec<KeyValue> {
    let labels = labels.iter();
    labels.map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            string_value: Some(value.to_owned()),
        }),
    }
}

fn seconds(ns: u128) -> f64 {
    ns as f64 / NANOS_PER_SECOND as f64
}

fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
