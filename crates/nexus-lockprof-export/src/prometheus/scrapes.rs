//! [`Scrapes`]: keeps each point's series from one scrape to the next.

use nexus_lockprof_snapshot::Snapshot;

use super::text::{Kept, Text, key};
use crate::series::{self, Causes};

/// Keeps points in their series from one scrape to the next, so that all counters only grow.
///
/// A point gets its own series if fewer than [`top`](Self::top) points have one when it first
/// appears. Among points that appear together, the highest-ranked ones come first. All later points
/// go into `other`, until the statistics are reset or a snapshot of another engine comes.
///
/// ```
/// use nexus_lockprof_export::prometheus::Scrapes;
/// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
///
/// let taken = |first, second| {
///     let point = |line, acquisitions| Point {
///         acquisitions,
///         ..Point::new(Lock::Anonymous, AcquireMode::Exclusive, Site::new("a.rs", line, 1))
///     };
///     let points = vec![point(1, first), point(2, second)];
///     Snapshot::from_parts(SnapshotParts { points, ..SnapshotParts::default() })
/// };
/// let mut scrapes = Scrapes::new().top(1);
/// scrapes.text(&taken(10, 5)).to_string();
/// // Now the second is the busier one; the first keeps its series.
/// let text = scrapes.text(&taken(11, 90)).to_string();
/// assert!(text.contains(r#"site="a.rs:1",mode="exclusive"} 11"#));
/// assert!(text.contains(r#"site="other",mode="other"} 90"#));
/// ```
#[derive(Clone, Debug)]
pub struct Scrapes {
    top: usize,
    /// The engine, process and number of resets that `kept` belongs to.
    of: Option<(u64, u32, u64)>,
    kept: Kept,
    /// The most that each series has shown: a snapshot may forget edges, on which causes are based.
    causes: Causes,
}

impl Default for Scrapes {
    fn default() -> Self {
        Self {
            top: Text::DEFAULT_TOP,
            of: None,
            kept: Kept::default(),
            causes: Causes::default(),
        }
    }
}

impl Scrapes {
    /// No scrape yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many points have series of their own; [`Text::DEFAULT_TOP`] by default. Points that
    /// already have one keep it.
    #[must_use]
    pub fn top(mut self, points: usize) -> Self {
        self.top = points;
        self
    }

    /// The metrics of the next snapshot. [`Text::top`] does nothing here.
    pub fn text<'a>(&'a mut self, snapshot: &'a Snapshot) -> Text<'a> {
        let of = (snapshot.engine(), snapshot.pid(), snapshot.resets());
        if self.of != Some(of) {
            self.of = Some(of);
            self.kept.clear();
            self.causes.clear();
        }
        if self.kept.len() < self.top {
            for point in series::ranked(snapshot) {
                if self.kept.len() >= self.top {
                    break;
                }
                self.kept.insert(key(point));
            }
        }
        self.causes.raise(
            Text::new(snapshot)
                .keeping(&self.kept)
                .causes()
                .into_owned(),
        );
        Text::new(snapshot)
            .keeping(&self.kept)
            .with_causes(&self.causes)
    }
}
