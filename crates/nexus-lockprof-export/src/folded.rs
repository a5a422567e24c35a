//! Folded stacks of waiting: what flamegraph.pl, inferno, speedscope and others draw flame graphs
//! of.

use std::fmt;

use nexus_lockprof_snapshot::Snapshot;

use crate::place;
use crate::waiting;

/// The waiting of a snapshot, one line for each stack: the lock, the functions that called, the
/// outermost first, the place of the acquisition, and how many nanoseconds were waited there. What
/// was waited where no stack was looked at is at lock and place alone.
///
/// The numbers add up to the snapshot's waiting, to the nanosecond. Points that have not waited
/// have no line. Each line ends with a line end.
///
/// If anything was lost, a first line says so. It begins with `# ` and ends in no number, so that
/// readers skip it.
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

/// A semicolon ends a frame's name, none may be empty, and a line that begins with `#` is no stack.
fn frame(name: &str) -> String {
    match name.trim() {
        "" => "?".to_owned(),
        name => name.replace(';', ":").replace("# ", "#"),
    }
}
