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
    let mut out = vec!["Lock order".to_owned()];
    for potential in potential {
        out.push(paragraph("", &title(potential), width));
        let steps = potential.steps.iter();
        out.extend(steps.map(|pair| paragraph("   ", &step(pair), width)));
    }
    if let ProfilerMode::Sampled { .. } = snapshot.profiler_mode() {
        let note = "In mode sampled, a lock that is always held around these may be unknown. Such \
                    a lock makes an order harmless.";
        out.push(paragraph("", note, width));
    }
    out.iter()
        .flat_map(|text| text.lines().map(str::to_owned))
        .collect()
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
