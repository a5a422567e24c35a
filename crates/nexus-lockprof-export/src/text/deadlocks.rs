//! Who waits for one another, and what is stuck, above the table.

use nexus_lockprof_snapshot::{Deadlock, Holder, Lock, Snapshot, Stuck, Thread, Waiter};

use super::findings::paragraph;
use crate::readable::{names, number, place};

/// Sentences on the deadlocks of a snapshot and on the locks that others have waited for too long,
/// in lines of at most `width` terminal columns. No lines if there is nothing of the kind.
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
    let stuck = stuck(&snapshot.stuck(Stuck::AFTER));
    out.extend(stuck.iter().map(|text| paragraph("", text, width)));
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

/// One sentence for each lock.
fn stuck(waits: &[&Waiter]) -> Vec<String> {
    let mut locks: Vec<Vec<&Waiter>> = Vec::new();
    for &wait in waits {
        let is_same = |other: &&Waiter| {
            (other.address, &other.lock, &other.holder) == (wait.address, &wait.lock, &wait.holder)
        };
        let same = locks
            .iter_mut()
            .find(|waits| waits.first().is_some_and(is_same));
        match same {
            Some(waits) => waits.push(wait),
            None => locks.push(vec![wait]),
        }
    }
    let sentences = locks.iter().filter_map(|waits| {
        // The longest.
        let wait = waits.first()?;
        let who = match waits.len() {
            1 => format!("{} has", thread(wait.thread.as_ref())),
            several => format!("{} threads have", number::count(several as u64)),
        };
        Some(format!(
            "Stuck: {who} waited {} for {}, {}.",
            number::duration(wait.waited_ns),
            lock(&wait.lock),
            held(wait.holder.as_ref()),
        ))
    });
    sentences.collect()
}

fn held(holder: Option<&Holder>) -> String {
    let Some(holder) = holder else {
        return "whose holder is not known".to_owned();
    };
    let site = names::shown(&place::line(&holder.site));
    match holder.exited {
        true => format!("which a thread that has exited acquired at {site}"),
        false => format!(
            "which {} acquired at {site}",
            thread(holder.thread.as_ref())
        ),
    }
}

fn lock(lock: &Lock) -> String {
    names::shown(&place::lock(lock, place::line))
}

fn thread(thread: Option<&Thread>) -> String {
    match thread {
        None => "an unknown thread".to_owned(),
        Some(Thread { id, name: None }) => format!("thread {id}"),
        Some(Thread {
            id,
            name: Some(name),
        }) => format!("{} ({id})", names::shown(name)),
    }
}
