//! OpenTelemetry's protocol: the metrics of a snapshot as a request body. Needs the feature `otlp`.
//!
//! It has the metrics of [`prometheus`](crate::prometheus), named by OpenTelemetry's conventions.
//! For example, `lockprof_wait_seconds_total` is `lockprof.wait`, a monotonic sum in `s`. A
//! collector that exports to Prometheus restores the former name. Sums are cumulative; those of an
//! interval ([`Snapshot::since`]) are deltas. Histograms are exponential ones.
//!
//! The bytes are an `ExportMetricsServiceRequest` in protobuf. Your program sends them with its own
//! HTTP client: `POST` to a collector's `/v1/metrics`, with [`CONTENT_TYPE`].
//!
//! ```
//! use nexus_lockprof_export::otlp;
//! use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
//!
//! let snapshot = Snapshot::from_parts(SnapshotParts::default());
//! let body: Vec<u8> = otlp::metrics(&snapshot).resource("service.name", "shop").to_bytes();
//! assert!(!body.is_empty());
//! ```

mod build;
mod proto;

use nexus_lockprof_snapshot::Snapshot;
use prost::Message as _;

use crate::series::{self, Causes};

/// The media type of the body.
pub const CONTENT_TYPE: &str = "application/x-protobuf";

/// The metrics of one snapshot: see the [module](self).
///
/// ```
/// use nexus_lockprof_export::otlp;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// let body = otlp::metrics(&snapshot).top(50).to_bytes();
/// ```
pub fn metrics(snapshot: &Snapshot) -> Metrics<'_> {
    Metrics {
        snapshot,
        top: Metrics::DEFAULT_TOP,
        resource: Vec::new(),
    }
}

/// The metrics of a snapshot, made by [`metrics`].
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is made into bytes"]
pub struct Metrics<'a> {
    snapshot: &'a Snapshot,
    top: usize,
    resource: Vec<(String, String)>,
}

impl Metrics<'_> {
    /// The default number of points with series of their own.
    pub const DEFAULT_TOP: usize = crate::prometheus::Text::DEFAULT_TOP;

    /// Sets how many points have series of their own; `other` sums up the rest. A point that moves
    /// into or out of `other` makes its sum jump, so leave room for all of your program's points.
    pub fn top(mut self, points: usize) -> Self {
        self.top = points;
        self
    }

    /// Adds a resource attribute such as `service.name`. Without that one, many collectors show the
    /// service as unknown.
    pub fn resource(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource.push((name.into(), value.into()));
        self
    }

    /// The request's body.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut points = series::ranked(self.snapshot);
        let folded = points.split_off(points.len().min(self.top));
        let mut metrics = build::Metrics::new(self.snapshot);
        let causes = Causes::new(self.snapshot, &folded);
        match series::walk(self.snapshot, &points, &folded, &causes, &mut metrics) {
            Ok(()) => metrics.into_request(&self.resource).encode_to_vec(),
        }
    }
}
