//! Deadlocks and stuck locks in one line, in the place of a finding: they matter more.

use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{Snapshot, printable};

/// The line on the first deadlock, or the first stuck lock, and how many there are besides.
pub(super) fn headline(snapshot: &Snapshot) -> Option<(String, usize)> {
    if let [first, more @ ..] = snapshot.deadlocks() {
        let mark = match first.certain {
            true => "DEADLOCK",
            false => "POSSIBLE DEADLOCK",
        };
        let line = format!("{mark} {}", printable(&first.cycle()));
        return Some((line, more.len()));
    }
    let stuck = text::deadlocks(snapshot, usize::MAX);
    let (first, more) = stuck.split_first()?;
    Some((first.clone(), more.len()))
}
