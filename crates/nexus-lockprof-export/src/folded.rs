//! Folded stacks of waiting, for flamegraph.pl, inferno, speedscope and others to draw as flame
//! graphs.

use std::fmt;

use nexus_lockprof_snapshot::Snapshot;

use crate::readable::place;
use crate::waiting;

/// The waiting of a snapshot, one line per stack: the lock, the callers from the outermost in, the
/// acquisition's place, and the nanoseconds waited. Waits without a recorded stack appear under
/// lock and place alone.
///
/// The numbers add up to the snapshot's total wait, to the nanosecond. Points that have not waited
/// have no line. Each line ends with a line feed.
///
/// If the profiler lost anything, the first line says so. It begins with `# ` and does not end in a
/// number, so readers skip it.
///
/// ```
/// use nexus_lockprof_export::folded::folded;
/// use nexus_lockprof_snapshot::{AcquireMode, Durations, Lock, Point, Site, Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     points: vec![Point {
///         wait: Durations { total_ns: 9_000, ..Durations::default() },
///         ..Point::new(Lock::Named("cache".into()), AcquireMode::Shared, Site::new("src/cache.rs", 41, 9))
///     }],
///     ..SnapshotParts::default()
/// });
/// assert_eq!(folded(&snapshot).to_string(), "cache;src/cache.rs:41 9000\n");
/// ```
pub fn folded(snapshot: &Snapshot) -> impl fmt::Display + '_ {
    Folded(snapshot)
}

/// The waiting of a snapshot by who caused it, one line per edge: the lock, the place that held it,
/// the place that waited, and the nanoseconds waited. Where the waiting place is not known, it is
/// `(others)`.
///
/// The numbers add up to the snapshot's total caused wait, to the nanosecond. Edges without a time
/// have no line. Otherwise it is as [`folded`].
///
/// ```
/// use nexus_lockprof_export::folded::holders;
/// use nexus_lockprof_snapshot::{AcquireMode, Edge, EdgeEnd, Lock, Site, Snapshot, SnapshotParts};
///
/// let at = |line| EdgeEnd {
///     lock: Lock::Named("cache".into()),
///     mode: AcquireMode::Exclusive,
///     site: Site::new("src/cache.rs", line, 9),
/// };
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     edges: vec![Edge { waiting: Some(at(12)), holding: at(40), waits: 3, waited_ns: 9_000 }],
///     ..SnapshotParts::default()
/// });
/// assert_eq!(holders(&snapshot).to_string(), "cache;src/cache.rs:40;src/cache.rs:12 9000\n");
/// ```
pub fn holders(snapshot: &Snapshot) -> impl fmt::Display + '_ {
    Holders(snapshot)
}

struct Folded<'a>(&'a Snapshot);

struct Holders<'a>(&'a Snapshot);

/// Writes the line that says what is missing, if anything is.
fn lost(f: &mut fmt::Formatter<'_>, snapshot: &Snapshot) -> fmt::Result {
    match snapshot.losses().is_empty() {
        true => Ok(()),
        false => writeln!(f, "# LOST {} (not recorded)", snapshot.losses()),
    }
}

impl fmt::Display for Holders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lost(f, self.0)?;
        for edge in self.0.edges().iter().filter(|edge| edge.waited_ns > 0) {
            let lock = place::lock(&edge.holding.lock, place::line);
            let holding = place::line(&edge.holding.site);
            let waiting = match &edge.waiting {
                Some(waiting) => place::line(&waiting.site),
                None => "(others)".to_owned(),
            };
            let [lock, holding, waiting] = [&*lock, &holding, &waiting].map(frame);
            writeln!(f, "{lock};{holding};{waiting} {}", edge.waited_ns)?;
        }
        Ok(())
    }
}

impl fmt::Display for Folded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lost(f, self.0)?;
        for point in self.0.points() {
            let lock = place::lock(&point.lock, place::line);
            let site = place::line(&point.site);
            for share in waiting::shares(point).iter().filter(|s| s.wait_ns > 0) {
                write!(f, "{}", frame(&lock))?;
                for caller in share
                    .stack
                    .iter()
                    .flat_map(|stack| stack.frames.iter().rev())
                {
                    write!(f, ";{}", frame(&place::function(caller)))?;
                }
                writeln!(f, ";{} {}", frame(&site), share.wait_ns)?;
            }
        }
        Ok(())
    }
}

/// Cleans a frame's name: `;` would end it, it must not be empty, and `# ` would begin a comment
/// line.
fn frame(name: &str) -> String {
    match name.trim() {
        "" => "?".to_owned(),
        name => name.replace(';', ":").replace("# ", "#"),
    }
}
