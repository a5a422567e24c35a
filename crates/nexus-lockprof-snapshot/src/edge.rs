//! Edges: which point waited behind which, [`Edge`].

use std::cmp::Reverse;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::figure::figures_of;
use crate::json::is_default;
use crate::{AcquireMode, Lock, Point, Site, point};

/// The acquisition point at one end of an [`Edge`].
///
/// Displays as its site and lock: `src/cache.rs:12 (cache)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EdgeEnd {
    /// The lock class.
    pub lock: Lock,
    /// The mode.
    pub mode: AcquireMode,
    /// The place of the call that acquires.
    pub site: Site,
}

/// An edge: threads waited at one point while another held the lock.
///
/// The edges into a point add up: their [`waits`](Self::waits) to its [`blocked`](Point::blocked),
/// and their [`waited_ns`](Self::waited_ns) to its [`caused_wait_ns`](Point::caused_wait_ns),
/// exactly. Both ends are of one lock class, unless there was no room for one of the two points,
/// which is then part of the [rest](Lock::rest).
///
/// ```
/// use nexus_lockprof_snapshot::{AcquireMode, Edge, EdgeEnd, Lock, Site};
///
/// let at = |line| EdgeEnd {
///     lock: Lock::Named("cache".into()),
///     mode: AcquireMode::Exclusive,
///     site: Site::new("src/cache.rs", line, 5),
/// };
/// let edge = Edge { waiting: Some(at(12)), holding: at(40), waits: 3, waited_ns: 5_000_000 };
/// assert_eq!(edge.waited().as_millis(), 5);
/// assert_eq!(edge.holding.to_string(), "src/cache.rs:40 (cache)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// The point that waited. `None` stands for all points that the table of edges had no room for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub waiting: Option<EdgeEnd>,
    /// The point that held the lock meanwhile.
    pub holding: EdgeEnd,
    /// How often a thread found the lock held by this point.
    #[serde(default, skip_serializing_if = "is_default")]
    pub waits: u64,
    /// Part of the waits' time during which this point held the lock. An estimate if waits are
    /// timed by sample.
    #[serde(default, skip_serializing_if = "is_default")]
    pub waited_ns: u64,
}

figures_of! {
    Edge in "edges." {
        waits: Counter "How often threads at the one point found the lock held by the other.",
        waited_ns: Counter "Time that they waited while the other point held the lock.",
    }
}

impl From<&Point> for EdgeEnd {
    fn from(point: &Point) -> Self {
        Self {
            lock: point.lock.clone(),
            mode: point.mode,
            site: point.site.clone(),
        }
    }
}

impl EdgeEnd {
    /// Returns whether it is this point.
    #[must_use]
    pub fn is(&self, point: &Point) -> bool {
        // The sites differ most often.
        self.site == point.site && self.mode == point.mode && self.lock == point.lock
    }

    /// The key of the point.
    pub(crate) fn key(&self) -> point::Key<'_> {
        (&self.lock, self.mode, &self.site)
    }
}

impl std::fmt::Display for EdgeEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.site, self.lock)
    }
}

/// The key by which two records are of one edge.
pub(crate) type Key<'a> = (Option<&'a EdgeEnd>, &'a EdgeEnd);

impl EdgeEnd {
    /// Number of bytes in its texts.
    pub(crate) fn texts_len(&self) -> usize {
        let of_lock = match &self.lock {
            Lock::Anonymous => 0,
            Lock::Named(name) => name.len(),
            Lock::Created(site) | Lock::FirstUsed(site) => site.file.len(),
        };
        of_lock + self.site.file.len()
    }
}

impl Edge {
    /// How long the waiting point waited for the holding one.
    #[must_use]
    pub const fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_ns)
    }

    pub(crate) fn key(&self) -> Key<'_> {
        (self.waiting.as_ref(), &self.holding)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.figures() == [0; Self::FIGURES.len()]
    }
}

/// Sorts edges by time, longest first, then by waits and ends. Merges equal ones, and drops those
/// without a figure.
pub(crate) fn normalize(edges: &mut Vec<Edge>) {
    edges.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
    edges.dedup_by(|next, kept| {
        let is_same = next.key() == kept.key();
        if is_same {
            kept.merge_figures(next);
        }
        is_same
    });
    edges.retain(|edge| !edge.is_idle());
    // A stable sort keeps ties in the order of the ends.
    edges.sort_by_key(|edge| Reverse((edge.waited_ns, edge.waits)));
    edges.shrink_to_fit();
}
