//! Which locks of a class were waited for most, below the table.

use std::collections::{HashMap, HashSet};

use nexus_lockprof_snapshot::{Instance, Lock, Point, Snapshot};

use crate::readable::names::Names;
use crate::readable::{fit, number};

/// A class is worth a section if threads waited for it for at least this share of the time,
const LEAST_WAITED: f64 = 0.05;
/// and at least this share of that was for the few locks shown.
const LEAST_SHARE: f64 = 0.5;
/// Locks of a class that are shown.
const FEW: usize = 3;
/// Classes that are shown.
const MOST_CLASSES: usize = 3;
/// The longest name of a class in it, in terminal columns.
const LONGEST_NAME: usize = 60;

/// For each lock class of several locks of which few have most of the waiting: a title, and a line
/// for each of these locks, with its address. No lines if there is no such class. No line is wider
/// than `width` terminal columns.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{
///     AcquireMode, Durations, Instance, Lock, Point, Site, Snapshot, SnapshotParts,
/// };
///
/// let lock = Lock::Named("shard".into());
/// let wait = Durations { samples: 9, events: 9, total_ns: 5_000_000, ..Durations::default() };
/// let point = Point::new(lock.clone(), AcquireMode::Exclusive, Site::new("src/a.rs", 7, 1));
/// let of = |address, waits, ns| Instance {
///     lock: lock.clone(),
///     address,
///     waits,
///     least_ns: ns,
///     most_ns: ns,
/// };
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     elapsed_ns: 50_000_000,
///     points: vec![Point { contentions: 9, wait, ..point }],
///     instances: vec![of(0x7f00_1000, 7, 4_000_000), of(0x7f00_2000, 2, 1_000_000)],
///     ..SnapshotParts::default()
/// });
/// assert_eq!(text::instances(&snapshot, 80), [
///     "Most of the waiting for shard was for few of its locks:",
///     "  7f001000  80%  4.00ms  7 waits",
///     "  7f002000  20%  1.00ms  2 waits",
/// ]);
/// ```
#[must_use]
pub fn instances(snapshot: &Snapshot, width: usize) -> Vec<String> {
    lines(snapshot, snapshot, width)
}

/// The same of `whole`, from which `snapshot` was selected, for the classes that have a point in
/// `snapshot`.
pub(super) fn lines(snapshot: &Snapshot, whole: &Snapshot, width: usize) -> Vec<String> {
    let shown: HashSet<&Lock> = snapshot.points().iter().map(|point| &point.lock).collect();
    let mut classes: Vec<&Lock> = Vec::new();
    let mut of_classes: HashMap<&Lock, (Vec<&Instance>, Vec<&Point>)> = HashMap::new();
    for instance in whole.instances() {
        if shown.contains(&instance.lock) {
            let (instances, _) = of_classes.entry(&instance.lock).or_insert_with(|| {
                classes.push(&instance.lock);
                Default::default()
            });
            instances.push(instance);
        }
    }
    for point in whole.points() {
        if let Some((_, points)) = of_classes.get_mut(&point.lock) {
            points.push(point);
        }
    }
    let sections = classes.into_iter().filter_map(|class| {
        let (instances, points) = of_classes.remove(class)?;
        section(whole, class, &instances, points, width)
    });
    sections.take(MOST_CLASSES).flatten().collect()
}

fn section(
    snapshot: &Snapshot,
    class: &Lock,
    of_class: &[&Instance],
    points: Vec<&Point>,
    width: usize,
) -> Option<Vec<String>> {
    let waited_ns = number::sum(points.iter().map(|point| point.wait.total_ns));
    let few = of_class.get(..FEW).unwrap_or(of_class);
    let least_ns = few
        .iter()
        .map(|of| of.least_ns)
        .fold(0, u64::saturating_add);
    let is_waited_for = waited_ns as f64 >= LEAST_WAITED * snapshot.elapsed_ns() as f64;
    let is_most = least_ns as f64 >= LEAST_SHARE * waited_ns as f64;
    let has_several = of_class.len() > 1 || points.iter().any(|point| has_several(point, snapshot));
    if !is_waited_for || !is_most || !has_several || least_ns == 0 {
        return None;
    }
    let name = Names::new(points).lock(class);
    let name = fit::middle(&name, LONGEST_NAME.min(width / 2));
    let title = match few {
        // Other locks may have been displaced by this one.
        [_] if snapshot.unlisted_most_ns() > 0 => {
            format!("Most of the waiting for {name} was for one of its locks:")
        }
        [_] => format!("All long waits for {name} were for one of its locks:"),
        _ => format!("Most of the waiting for {name} was for few of its locks:"),
    };
    let mut lines = vec![fit::wrapped(&title, width)];
    lines.extend(rows(few, waited_ns, width));
    Some(lines)
}

/// A line for each lock of the class that the snapshot knows of, the longest waiting first: its
/// address, its share of the class's waiting, the time and the number of waits. No line is wider
/// than `width` terminal columns.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{Instance, Lock, Snapshot, SnapshotParts};
///
/// let lock = Lock::Named("shard".into());
/// let of = Instance {
///     lock: lock.clone(),
///     address: 0x7f00_1000,
///     waits: 7,
///     least_ns: 4_000_000,
///     most_ns: 5_000_000,
/// };
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     instances: vec![of],
///     ..SnapshotParts::default()
/// });
/// assert_eq!(text::instances_of(&snapshot, &lock, 80), ["  7f001000  -  4.00ms to 5.00ms  7 waits"]);
/// ```
#[must_use]
pub fn instances_of(snapshot: &Snapshot, class: &Lock, width: usize) -> Vec<String> {
    let of_class = snapshot.instances().iter().filter(|of| of.lock == *class);
    instance_rows(snapshot, class, &Vec::from_iter(of_class), width)
}

/// The same for these of them, in this order. Where there is no room for a line, the number of
/// waits is left out, then the share.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{Lock, Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// assert!(text::instance_rows(&snapshot, &Lock::Anonymous, &[], 80).is_empty());
/// ```
#[must_use]
pub fn instance_rows(
    snapshot: &Snapshot,
    class: &Lock,
    locks: &[&Instance],
    width: usize,
) -> Vec<String> {
    let points = snapshot.points().iter();
    let points = points.filter(|point| point.lock == *class);
    let waited_ns = number::sum(points.map(|point| point.wait.total_ns));
    rows(locks, waited_ns, width)
}

/// A line for each of these locks of one class, for which threads waited `waited_ns` in all.
fn rows(locks: &[&Instance], waited_ns: u64, width: usize) -> Vec<String> {
    const GO: [usize; 2] = [3, 1];
    let cells: Vec<[String; 4]> = locks.iter().map(|of| cells(of, waited_ns)).collect();
    let widest: [usize; 4] = std::array::from_fn(|column| {
        let widths = cells.iter().filter_map(|cells| cells.get(column));
        widths.map(|text| fit::width(text)).max().unwrap_or(0)
    });
    let mut columns: Vec<usize> = (0..widest.len()).collect();
    for gone in GO {
        if columns.iter().map(|&at| 2 + widest[at]).sum::<usize>() > width {
            columns.retain(|column| *column != gone);
        }
    }
    let lines = cells.iter().map(|cells| {
        let columns = columns.iter();
        let texts = columns.map(|&at| format!("  {}", fit::padded(&cells[at], widest[at], true)));
        fit::middle(&texts.collect::<String>(), width)
    });
    lines.collect()
}

/// Whether the class had several locks: together they could be held for more than the time that has
/// elapsed.
fn has_several(point: &Point, snapshot: &Snapshot) -> bool {
    point.hold.at_most_ns / 2 >= snapshot.elapsed_ns().max(1)
}

/// The address, the share of the class's waiting, the time and the number of waits.
fn cells(of: &Instance, waited_ns: u64) -> [String; 4] {
    let time = match of.least_ns == of.most_ns {
        true => number::duration(of.least_ns),
        false => format!(
            "{} to {}",
            number::duration(of.least_ns),
            number::duration(of.most_ns)
        ),
    };
    [
        format!("{:x}", of.address),
        number::percent(of.least_ns.min(waited_ns), waited_ns),
        time,
        number::plural(of.waits, "wait"),
    ]
}
