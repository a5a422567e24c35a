//! What each thread has done, below the table.

use nexus_lockprof_snapshot::{Snapshot, ThreadKind, ThreadRow, ThreadTime};

use crate::readable::{fit, names, number};

/// The section appears unasked if one thread waited for at least this share of the time,
const LEAST_WAITED: f64 = 0.05;
/// and this many times as long as any other thread that lives,
const FAR_MORE: u64 = 4;
/// of at least this many.
const FEWEST: usize = 3;
/// Rows that it has unasked.
const FEW: usize = 5;
/// The longest name of a thread in it, in terminal columns.
const LONGEST_NAME: usize = 30;

/// The lines of the section: a title, a row of names, the first `most` threads by the time that
/// they waited, and the sum of the others. Without `most` it has a few rows if one thread waited
/// far more than the others, and else no lines.
///
/// No line is wider than `width` terminal columns.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{
///     Snapshot, SnapshotParts, Thread, ThreadKind, ThreadRow, ThreadTime,
/// };
///
/// let row = ThreadRow {
///     kind: ThreadKind::Live,
///     thread: Some(Thread { id: 4711, name: Some("worker".into()) }),
///     number: 2,
///     threads: 1,
///     acquisitions: 20,
///     contentions: 5,
///     wait: ThreadTime { samples: 5, events: 5, total_ns: 3_000_000, ..ThreadTime::default() },
///     ..ThreadRow::default()
/// };
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     threads: vec![row],
///     ..SnapshotParts::default()
/// });
/// let lines = text::threads(&snapshot, Some(10), 80);
/// assert_eq!(lines[1], "  thread         acq  contention  waited       held");
/// assert_eq!(lines[2], "  worker (4711)   20       5 25%  3.00ms 100%     -");
/// ```
#[must_use]
pub fn threads(snapshot: &Snapshot, most: Option<usize>, width: usize) -> Vec<String> {
    let (most, title) = match most {
        Some(0) => return Vec::new(),
        Some(most) => (most, "Threads, by the time that they waited:".to_owned()),
        None => match starved(snapshot) {
            Some(title) => (FEW, title),
            None => return Vec::new(),
        },
    };
    let rows = snapshot.threads();
    if rows.is_empty() {
        return Vec::new();
    }
    let is_live = |row: &&ThreadRow| row.kind == ThreadKind::Live;
    let live: Vec<&ThreadRow> = rows.iter().filter(is_live).collect();
    let shown = live.iter().take(most).copied();
    let several = rows.iter().filter(|row| !is_live(row));
    let shown: Vec<&ThreadRow> = shown.chain(several).collect();
    let mut lines = vec![fit::wrapped(&title, width)];
    lines.extend(thread_rows(snapshot, &shown, width));
    let hidden = live.len().saturating_sub(most) as u64;
    if hidden > 0 {
        let noun = if hidden == 1 { "thread" } else { "threads" };
        lines.push(format!("  ... and {hidden} more {noun}"));
    }
    lines
}

/// A row of names, and a line for each of these threads of `snapshot`. No line is wider than
/// `width` terminal columns: where there is no room, columns are left out, the least useful first.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts, ThreadKind, ThreadRow};
///
/// let row = ThreadRow { kind: ThreadKind::Ended, threads: 3, ..ThreadRow::default() };
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     threads: vec![row],
///     ..SnapshotParts::default()
/// });
/// let rows: Vec<&ThreadRow> = snapshot.threads().iter().collect();
/// let lines = text::thread_rows(&snapshot, &rows, 80);
/// assert_eq!(lines[1], "  3 threads that ended    0           0       -      -");
/// ```
#[must_use]
pub fn thread_rows(snapshot: &Snapshot, rows: &[&ThreadRow], width: usize) -> Vec<String> {
    let waited = sum(snapshot.threads(), |row| row.wait.total_ns);
    let mut cells = vec![["thread", "acq", "contention", "waited", "", "held"].map(str::to_owned)];
    cells.extend(rows.iter().map(|row| row_of(row, waited)));
    aligned(&cells, width)
}

/// `worker (4711) waited 3.00ms, 82% of the time that threads waited.` If it waited far more than
/// the others.
fn starved(snapshot: &Snapshot) -> Option<String> {
    let rows = snapshot.threads();
    let live = rows.iter().filter(|row| row.kind == ThreadKind::Live);
    let mut live: Vec<&ThreadRow> = live.collect();
    live.sort_by_key(|row| std::cmp::Reverse(row.wait.total_ns));
    let (first, second) = (live.first()?, live.get(1)?);
    let waited_ns = first.wait.total_ns;
    let is_long = waited_ns as f64 >= LEAST_WAITED * snapshot.elapsed_ns() as f64;
    let is_far_more = waited_ns / FAR_MORE >= second.wait.total_ns;
    if live.len() < FEWEST || first.wait.samples == 0 || !is_long || !is_far_more {
        return None;
    }
    Some(format!(
        "{} waited {}, {} of the time that threads waited:",
        name(first),
        number::estimated(waited_ns, first.wait.durations().is_estimate()),
        number::percent(waited_ns, sum(rows, |row| row.wait.total_ns)),
    ))
}

fn sum(rows: &[ThreadRow], of: fn(&ThreadRow) -> u64) -> u64 {
    rows.iter().map(of).fold(0, u64::saturating_add)
}

fn row_of(row: &ThreadRow, waited: u64) -> [String; 6] {
    let contention = match row.contentions {
        0 => "0".to_owned(),
        contentions => format!(
            "{} {}",
            number::count(contentions),
            number::percent(contentions, row.acquisitions)
        ),
    };
    let share = match (row.wait.samples, row.wait.total_ns) {
        (0, _) | (_, 0) => String::new(),
        (_, ns) => number::percent(ns, waited),
    };
    [
        fit::middle(&name(row), LONGEST_NAME),
        number::count(row.acquisitions),
        contention,
        time(&row.wait),
        share,
        time(&row.hold),
    ]
}

fn name(row: &ThreadRow) -> String {
    match (row.kind, &row.thread) {
        (ThreadKind::Live, Some(thread)) => match &thread.name {
            Some(name) => format!("{} ({})", names::shown(name), thread.id),
            None => format!("thread {}", thread.id),
        },
        (ThreadKind::Ended, _) => format!("{} that ended", number::plural(row.threads, "thread")),
        _ => number::plural(row.threads, "other thread"),
    }
}

/// A total: `-` if nothing was measured.
fn time(time: &ThreadTime) -> String {
    match time.samples {
        0 => "-".to_owned(),
        _ => number::estimated(time.total_ns, time.durations().is_estimate()),
    }
}

/// The share of the time that threads waited, which follows its time at one space.
const SHARE: usize = 4;
/// Contentions, holds, the share, acquisitions: the columns that go where there is no room.
const GO: [usize; 4] = [2, 5, SHARE, 1];

/// The cells in columns, the first one on the left.
fn aligned(cells: &[[String; 6]], width: usize) -> Vec<String> {
    let widest: [usize; 6] = std::array::from_fn(|column| {
        let widths = cells.iter().filter_map(|row| row.get(column));
        widths.map(|cell| fit::width(cell)).max().unwrap_or(0)
    });
    let gap = |column: usize| if column == SHARE { " " } else { "  " };
    let mut columns: Vec<usize> = (0..widest.len()).collect();
    for gone in GO {
        let wide = |&column: &usize| gap(column).len() + widest[column];
        if columns.iter().map(wide).sum::<usize>() > width {
            columns.retain(|column| *column != gone);
        }
    }
    let line = |row: &[String; 6]| {
        let mut line = String::new();
        for &column in &columns {
            line.push_str(gap(column));
            line.push_str(&fit::padded(&row[column], widest[column], column > 0));
        }
        fit::middle(line.trim_end(), width)
    };
    cells.iter().map(line).collect()
}
