//! [`Text`]: all metrics of a snapshot.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot};

use super::families::Families;
use super::writer::Writer;
use crate::series::{self, Causes, Value};

/// Points that keep their series.
pub(super) type Kept = HashSet<(Lock, AcquireMode, Site)>;

pub(super) fn key(point: &Point) -> (Lock, AcquireMode, Site) {
    (point.lock.clone(), point.mode, point.site.clone())
}

/// The metrics of a snapshot, made by [`text`](super::text()). Displays as lines, each with its
/// line end.
#[derive(Clone, Copy, Debug)]
#[must_use = "a text does nothing until it is displayed"]
pub struct Text<'a> {
    snapshot: &'a Snapshot,
    top: usize,
    open_metrics: bool,
    created: bool,
    kept: Option<&'a Kept>,
    causes: Option<&'a Causes>,
}

impl<'a> Text<'a> {
    /// The default number of points with series of their own.
    pub const DEFAULT_TOP: usize = 200;

    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            top: Self::DEFAULT_TOP,
            open_metrics: false,
            created: true,
            kept: None,
            causes: None,
        }
    }

    /// Sets how many points have series of their own, the highest-ranked first. `other` sums up the
    /// rest.
    pub fn top(mut self, points: usize) -> Self {
        self.top = points;
        self
    }

    /// Sets whether to write OpenMetrics 1.0 instead of the text format 0.0.4.
    pub fn open_metrics(mut self, open_metrics: bool) -> Self {
        self.open_metrics = open_metrics;
        self
    }

    /// Sets whether OpenMetrics adds to each counter a `_created` with its starting time; yes by
    /// default. A reader then sees a reset even if the counter has since passed its old value. A
    /// reader that does not know `_created` stores twice as many series.
    pub fn created(mut self, created: bool) -> Self {
        self.created = created;
        self
    }

    pub(super) fn keeping(mut self, kept: &'a Kept) -> Self {
        self.kept = Some(kept);
        self
    }

    pub(super) fn with_causes(mut self, causes: &'a Causes) -> Self {
        self.causes = Some(causes);
        self
    }

    /// Those of this snapshot, unless they were given.
    pub(super) fn causes(&self) -> Cow<'a, Causes> {
        match self.causes {
            Some(causes) => Cow::Borrowed(causes),
            None => Cow::Owned(Causes::new(self.snapshot, &self.split().1)),
        }
    }

    /// The points with series of their own, and the others.
    fn split(&self) -> (Vec<&'a Point>, Vec<&'a Point>) {
        let mut points = series::ranked(self.snapshot);
        match self.kept {
            Some(kept) => points
                .into_iter()
                .partition(|point| kept.contains(&key(point))),
            None => {
                let folded = points.split_off(points.len().min(self.top));
                (points, folded)
            }
        }
    }
}

impl Text<'_> {
    /// The same metrics in Prometheus's protobuf format, whose media type is
    /// [`PROTOBUF_CONTENT_TYPE`](super::PROTOBUF_CONTENT_TYPE). Only there do the histograms have
    /// all of their buckets: they are native histograms.
    ///
    /// ```
    /// use nexus_lockprof_export::prometheus;
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// let bytes: Vec<u8> = prometheus::text(&snapshot).to_protobuf();
    /// assert!(!bytes.is_empty());
    /// ```
    #[must_use]
    pub fn to_protobuf(&self) -> Vec<u8> {
        let created = self.created.then(|| series::start_ns(self.snapshot));
        let mut to = Families::new(created);
        let (points, folded) = self.split();
        let Ok(()) = series::walk(self.snapshot, &points, &folded, &self.causes(), &mut to);
        to.into_bytes()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let created = Value::Nanos(series::start_ns(self.snapshot));
        let created = self.created.then_some(created);
        let mut to = Writer::new(f, self.open_metrics, created);
        let (points, folded) = self.split();
        series::walk(self.snapshot, &points, &folded, &self.causes(), &mut to)?;
        to.end()
    }
}
