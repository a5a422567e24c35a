//! The section on reader-writer locks: why threads waited.

use std::collections::HashMap;

use nexus_lockprof_snapshot::{Lock, Point, RwLockWaits, Snapshot};

use super::utilisation::threads;
use crate::readable::names::Names;
use crate::readable::{fit, number};

/// The most locks that the section shows.
const MOST_LOCKS: usize = 3;
/// The longest name of a lock in it, in terminal columns.
const LONGEST_NAME: usize = 40;
const INDENT: &str = "    ";

/// The section with an empty line before it. Of `whole`, from which `snapshot` was
/// selected, it shows the locks that have a point in `snapshot`. No lines if nobody waited for a
/// reader-writer lock.
pub(super) fn lines(snapshot: &Snapshot, whole: &Snapshot, width: usize) -> Vec<String> {
    let mut all = whole.rwlocks();
    let mut points: HashMap<&Lock, &Point> = HashMap::new();
    for point in snapshot.points() {
        points.entry(&point.lock).or_insert(point);
    }
    all.retain(|of| points.contains_key(&of.lock));
    if all.is_empty() {
        return Vec::new();
    }
    let shown: Vec<(&RwLockWaits, &Point)> = all
        .iter()
        .take(MOST_LOCKS)
        .filter_map(|of| Some((of, *points.get(&of.lock)?)))
        .collect();
    let names = Names::new(shown.iter().map(|(_, point)| *point));
    let mut lines = vec![String::new(), "Reader-writer locks:".to_owned()];
    for (lock, point) in &shown {
        let name = fit::middle(&names.lock(&point.lock), LONGEST_NAME);
        lines.push(fit::wrapped(&format!("{name}: {}", head(lock)), width));
        lines.extend(causes(lock));
    }
    let hidden = all.len() - shown.len();
    if hidden > 0 {
        let noun = if hidden == 1 { "lock" } else { "locks" };
        lines.push(format!("... and {hidden} more {noun}"));
    }
    lines
}

/// `1.24k waits (30 short, 1.21k long); 2.10 readers on average, and at least 5 at once as seen by
/// those who waited`
fn head(of: &RwLockWaits) -> String {
    let gave_up = match of.gave_up {
        0 => String::new(),
        gave_up => format!(", {} gave up", number::count(gave_up)),
    };
    let waits = format!(
        "{} ({} short, {} long{gave_up})",
        number::plural(of.waits, "wait"),
        number::count(of.short_waits),
        number::count(of.long_waits),
    );
    let average = match of.readers {
        None => "readers not measured".to_owned(),
        Some(readers) => format!("{} readers on average", threads(&readers)),
    };
    let most = match of.most_readers {
        None => String::new(),
        Some(most) => format!(", at least {most} at once as seen by those who waited"),
    };
    format!("{waits}; {average}{most}")
}

/// What is known of the waits for a reader-writer lock, in lines of at most `width` terminal
/// columns: how many there were and how many readers, then a line for each cause, with its share of
/// the waiting, most first. The shares are of the time or, if that is not known, of the waits.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
///
/// let at = |mode| Point {
///     contentions: 1,
///     ..Point::new(Lock::Anonymous, mode, Site::new("src/a.rs", 1, 1))
/// };
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     points: vec![at(AcquireMode::Shared), at(AcquireMode::Exclusive)],
///     ..SnapshotParts::default()
/// });
/// let lines = text::rwlock(&snapshot.rwlocks()[0], 80);
/// assert_eq!(lines[0], "2 waits (2 short, 0 long); readers not measured");
/// assert_eq!(lines[1], "     100% 2 waits  not known behind whom");
/// ```
#[must_use]
pub fn rwlock(of: &RwLockWaits, width: usize) -> Vec<String> {
    let head = fit::wrapped(&head(of), width);
    let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
    lines.extend(causes(of));
    lines
}

fn causes(of: &RwLockWaits) -> Vec<String> {
    let all_ns = of.causes.iter().map(|cause| cause.waited_ns);
    let all_ns = all_ns.fold(0, u64::saturating_add);
    let heads = of.causes.iter().map(|cause| {
        let share = match all_ns {
            0 => number::percent(cause.waits, of.waits),
            all_ns => number::percent(cause.waited_ns, all_ns),
        };
        let waits = number::plural(cause.waits, "wait");
        let waited = match cause.waited_ns {
            0 => String::new(),
            ns => number::duration(ns),
        };
        [format!("{share:>5} {waits}"), waited]
    });
    let heads: Vec<[String; 2]> = heads.collect();
    let widest = |of: usize| {
        let widths = heads.iter().map(|head| fit::width(&head[of]));
        widths.max().unwrap_or(0)
    };
    let (first, second) = (widest(0), widest(1));
    let lines = heads
        .iter()
        .zip(&of.causes)
        .map(|([waits, waited], cause)| {
            let waits = fit::padded(waits, first, false);
            let waited = match second {
                0 => String::new(),
                second => format!("{}  ", fit::padded(waited, second, true)),
            };
            format!("{INDENT}{waits}  {waited}{}", cause.cause)
        });
    lines.collect()
}
