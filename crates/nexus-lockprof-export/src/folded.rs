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

struct Folded<'a>(&'a Snapshot);

impl fmt::Display for Folded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.losses().is_empty() {
            writeln!(f, "# LOST {} (not recorded)", self.0.losses())?;
        }
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
