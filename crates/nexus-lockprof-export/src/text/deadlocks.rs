//! Who waits for one another, above the table.

use nexus_lockprof_snapshot::{Deadlock, Holder, Lock, Snapshot, Thread, Waiter};

use super::findings::paragraph;
use crate::readable::{names, number, place};

/// Sentences on the deadlocks of a snapshot, in lines of at most `width` terminal columns. No lines
/// if there is none.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// assert!(text::deadlocks(&snapshot, 80).is_empty());
/// ```
#[must_use]
pub fn deadlocks(snapshot: &Snapshot, width: usize) -> Vec<String> {
    let mut out = Vec::new();
    for deadlock in snapshot.deadlocks() {
        out.push(paragraph("", &title(deadlock), width));
        let steps = deadlock.steps();
        out.extend(steps.map(|(wait, holder)| paragraph("   ", &step(wait, holder), width)));
    }
    out.iter()
        .flat_map(|text| text.lines().map(str::to_owned))
        .collect()
}

fn title(deadlock: &Deadlock) -> String {
    let who = match deadlock.waits.len() {
        1 => "a thread waits for itself".to_owned(),
        threads => format!("{threads} threads wait for one another"),
    };
    match deadlock.certain {
        true => format!("Deadlock: {who}, for ever."),
        false => format!(
            "Possible deadlock: {who}, unless another reader is the one that is waited for, or a \
             wait has a time limit."
        ),
    }
}

/// `transfer (4711) has waited 3.00s at bank.rs:19 for audit, which report (4712) acquired at
/// bank.rs:22.`
fn step(wait: &Waiter, holder: &Holder) -> String {
    format!(
        "{} has waited {} at {} for {}, which {} acquired at {}.",
        thread(wait.thread.as_ref()),
        number::duration(wait.waited_ns),
        names::shown(&place::line(&wait.site)),
        lock(&wait.lock),
        match wait.thread == holder.thread {
            true => "it".to_owned(),
            false => thread(holder.thread.as_ref()),
        },
        names::shown(&place::line(&holder.site)),
    )
}

fn lock(lock: &Lock) -> String {
    names::shown(&place::lock(lock, place::line))
}

fn thread(thread: Option<&Thread>) -> String {
    match thread {
        None => "an unknown thread".to_owned(),
        Some(thread) => names::shown(&thread.to_string()),
    }
}
