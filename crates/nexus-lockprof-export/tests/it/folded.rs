//! Folded stacks.

use nexus_lockprof_export::folded::folded;

use crate::{golden, rich};

#[test]
fn as_it_was() {
    golden::check_whole("folded.txt", &folded(&rich::snapshot()).to_string());
    assert_eq!(folded(&rich::empty()).to_string(), "");
}

#[test]
fn the_numbers_are_the_waiting() {
    let snapshot = rich::snapshot();
    let text = folded(&snapshot).to_string();
    let numbers = text.lines().map(|line| line.rsplit_once(' '));
    let numbers = numbers.map(|n| n.and_then(|(_, n)| n.parse::<u64>().ok()));
    let found: Option<u64> = numbers.sum();
    let waited = snapshot.points().iter().map(|p| p.wait.total_ns).sum();
    assert_eq!(found, Some(waited));
}
