//! The section on who waits, above the table.

use nexus_lockprof_snapshot::Snapshot;

use crate::readable::waiters;

/// Lines of the section, without its title. Enough for the threads of most programs.
const MOST: usize = 40;

/// The lines of the section; none if nobody waits. The last one is empty.
pub(super) fn waiters(snapshot: &Snapshot, width: usize, is_live: bool) -> Vec<String> {
    if snapshot.waiters().is_empty() {
        return Vec::new();
    }
    let when = match is_live {
        true => "now",
        false => "when it was taken",
    };
    let title = format!("Waiting {when}: {}", waiters::count(snapshot.waiters()));
    let lines = waiters::lines(snapshot, width, MOST);
    let lines = lines.into_iter().map(|line| line.text);
    let section = std::iter::once(title).chain(lines);
    section.chain([String::new()]).collect()
}
