//! Deadlocks in one line, in the place of a finding: they matter more.

use nexus_lockprof_snapshot::{Snapshot, printable};

/// The line on the first deadlock, and how many there are besides.
pub(super) fn headline(snapshot: &Snapshot) -> Option<(String, usize)> {
    let (first, more) = snapshot.deadlocks().split_first()?;
    let mark = match first.certain {
        true => "DEADLOCK",
        false => "POSSIBLE DEADLOCK",
    };
    Some((format!("{mark} {}", printable(&first.cycle())), more.len()))
}
