//! Describes a snapshot in sentences: [`Snapshot::findings`].
//!
//! `measure` is a figure with its error, `class` adds up the points of a lock class, `diagnose` has
//! the order of the rules, `thresholds` their constants, `draft` what their findings share, and
//! `words` makes the sentences. `expect` adds what changes would bring. The rules are in `holders`,
//! `queue`, `readers`, `starved` and `tries`. `behind` reads the edges, `causes` why threads waited
//! for a reader-writer lock.

mod behind;
mod causes;
mod class;
mod diagnose;
mod draft;
mod evidence;
mod expect;
mod finding;
mod holders;
mod measure;
mod queue;
mod readers;
mod starved;
mod thresholds;
mod tries;
mod words;

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::{Edge, Lock, Snapshot, utilisation};

use class::{Class, Whole};

pub use evidence::Evidence;
pub use finding::{Finding, FindingKind};

/// The most findings of one snapshot.
const MOST: usize = 50;
/// How many of them say what changes would bring. The model takes up to some milliseconds for each.
const MOST_EXPECTED: usize = 5;

impl Snapshot {
    /// Finds the locks that cost the program time. Sorts by the time lost to waiting, most first.
    /// Those whose cost is not known come last. At most 50; empty for a program in which little was
    /// waited.
    ///
    /// No finding is surer than its figures: a threshold must be passed by the lower end of a
    /// figure's 95 % confidence interval, and the text says "about" and the standard error. A lock
    /// class has one finding at most, that of the rule that says most, and apart from it one for
    /// each loop of a `try_*` function.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Durations, FindingKind, Lock, Point, Site, Snapshot, SnapshotParts};
    ///
    /// let of = |events, total_ns| Durations { samples: events, events, total_ns, max_ns: total_ns / events, ..Durations::default() };
    /// let site = Site::new("src/http.rs", 88, 31);
    /// let snapshot = Snapshot::from_parts(SnapshotParts {
    ///     elapsed_ns: 10_000_000_000,
    ///     points: vec![Point {
    ///         acquisitions: 1_000,
    ///         contentions: 900,
    ///         blocked: 900,
    ///         caused_wait_ns: 9_000_000_000,
    ///         wait: of(900, 9_000_000_000),
    ///         hold: of(1_000, 9_500_000_000),
    ///         ..Point::new(Lock::Named("sessions".into()), AcquireMode::Exclusive, site)
    ///     }],
    ///     ..SnapshotParts::default()
    /// });
    /// let findings = snapshot.findings();
    /// assert_eq!(findings.len(), 1);
    /// assert_eq!(findings[0].kind, FindingKind::LongHold);
    /// assert_eq!(findings[0].cost_ns, Some(9_000_000_000));
    /// ```
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        if self.elapsed_ns() == 0 {
            return Vec::new();
        }
        let mut edges: HashMap<&Lock, Vec<&Edge>> = HashMap::new();
        for edge in self.edges() {
            edges.entry(&edge.holding.lock).or_default().push(edge);
        }
        let whole = Whole::new(self);
        let mut found = Vec::new();
        for (lock, points) in utilisation::classes(&self.points) {
            // Not a lock, but all locks that the caps left no room for.
            if lock.is_rest() {
                continue;
            }
            let edges = edges.remove(lock).unwrap_or_default();
            let class = Class::new(&whole, lock, points, edges);
            found.extend(diagnose::waiting(&class));
            found.extend(tries::loops(&class));
        }
        // Stable: those that cost the same stay in the order of the classes.
        found.sort_by_key(|finding| Reverse(finding.cost_ns));
        found.truncate(MOST);
        for finding in found.iter_mut().take(MOST_EXPECTED) {
            expect::add(finding, self);
        }
        found
    }
}
