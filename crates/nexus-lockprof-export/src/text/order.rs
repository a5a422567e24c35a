//! Locks that were acquired in orders which can deadlock, above the table.

use nexus_lockprof_snapshot::{
    EdgeEnd, LockPair, PotentialDeadlock, ProfilerMode, Snapshot, Thread,
};

use super::findings::paragraph;
use crate::readable::{names, number, place};

/// Sentences on the potential deadlocks of a snapshot, in lines of at most `width` terminal
/// columns. No lines if there is none.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// assert!(text::lock_order(&snapshot, 80).is_empty());
/// ```
#[must_use]
pub fn lock_order(snapshot: &Snapshot, width: usize) -> Vec<String> {
    let potential = snapshot.potential_deadlocks();
    if potential.is_empty() {
        return Vec::new();
    }
    let mut lines = vec!["Lock order".to_owned()];
    for potential in potential {
        lines.extend(potential_deadlock(potential, width));
    }
    lines.extend(lock_order_note(snapshot, width));
    lines
}

/// The sentences on one potential deadlock, in lines of at most `width` terminal columns.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::PotentialDeadlock;
///
/// let none = PotentialDeadlock { needs_writer: false, steps: Vec::new() };
/// let lines = text::potential_deadlock(&none, 80);
/// assert_eq!(lines, ["Potential deadlock: 0 locks were acquired in different orders."]);
/// ```
#[must_use]
pub fn potential_deadlock(potential: &PotentialDeadlock, width: usize) -> Vec<String> {
    let title = paragraph("", &title(potential), width);
    let steps = potential.steps.iter();
    let steps = steps.map(|pair| paragraph("   ", &step(pair), width));
    split([title].into_iter().chain(steps))
}

/// What reduces the value of a snapshot's potential deadlocks, if something does.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{ProfilerMode, Snapshot, SnapshotParts};
///
/// let in_mode = |profiler_mode| Snapshot::from_parts(SnapshotParts {
///     profiler_mode,
///     ..SnapshotParts::default()
/// });
/// assert!(text::lock_order_note(&in_mode(ProfilerMode::Exact), 80).is_empty());
/// let sampled = in_mode(ProfilerMode::Sampled { budget: 0.01 });
/// assert!(!text::lock_order_note(&sampled, 80).is_empty());
/// ```
#[must_use]
pub fn lock_order_note(snapshot: &Snapshot, width: usize) -> Vec<String> {
    let note = "In mode sampled, a lock that is always held around these may be unknown. Such a \
                lock makes an order harmless.";
    match snapshot.profiler_mode() {
        ProfilerMode::Sampled { .. } => split([paragraph("", note, width)]),
        _ => Vec::new(),
    }
}

fn split(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let lines = texts.into_iter().flat_map(|text| {
        let lines = text.lines().map(str::to_owned);
        lines.collect::<Vec<_>>()
    });
    lines.collect()
}

fn title(potential: &PotentialDeadlock) -> String {
    let locks = potential.steps.len() as u64;
    match (potential.is_recursive_read(), potential.needs_writer) {
        (true, _) => "Recursive read: a thread read a lock that it already read. It can wait for \
                      ever if a writer comes in between."
            .to_owned(),
        (false, true) => format!(
            "Potential deadlock: {} were acquired in different orders. It takes a waiting writer \
             between the readers.",
            number::plural(locks, "lock")
        ),
        (false, false) => format!(
            "Potential deadlock: {} were acquired in different orders.",
            number::plural(locks, "lock")
        ),
    }
}

/// `transfer (4711) held accounts (bank.rs:17) and acquired audit (bank.rs:19), 12 times.`
fn step(pair: &LockPair) -> String {
    let again = match pair.count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    format!(
        "{} held {} and acquired {}, {again}.",
        thread(pair.thread.as_ref()),
        end(&pair.held),
        end(&pair.wanted),
    )
}

fn end(end: &EdgeEnd) -> String {
    format!(
        "{} ({})",
        names::shown(&place::lock(&end.lock, place::line)),
        names::shown(&place::line(&end.site))
    )
}

fn thread(thread: Option<&Thread>) -> String {
    match thread {
        None => "a thread".to_owned(),
        Some(Thread { id, name: None }) => format!("thread {id}"),
        Some(Thread {
            id,
            name: Some(name),
        }) => format!("{} ({id})", names::shown(name)),
    }
}
